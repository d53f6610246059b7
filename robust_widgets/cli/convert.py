"""``robust-widgets convert``: a file of weights that need not be trusted again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robust_widgets.cli.error_handling import in_sentences
from robust_widgets.cli.outputs import checked_outputs


@in_sentences
def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A checkpoint of others: .pt, .pth, .ckpt.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The .safetensors file to write.")],
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Read it with Python's whole unpickler, in a process of its own. That may run any code its maker put "
            "into it, with your rights: only for files of people you trust.",
        ),
    ] = False,
) -> None:
    """Rewrite a checkpoint as safetensors.

    Weights and normalisation are kept, the rest is left out. Without --trust only files that hold nothing but weights
    are read, and nothing in them is run.
    """
    (out,) = checked_outputs([out], [".safetensors"])
    from robust_widgets.models.loading.conversion import convert as rewrite

    weights = rewrite(file, out, trust=trust)
    values = sum(tensor.numel() for tensor in weights.state.values())
    normalised = "with its normalisation" if weights.mean else "which says nothing of a normalisation"
    typer.echo(f"wrote {out}: {len(weights.state)} tensors, {values:,} values, {normalised}")
