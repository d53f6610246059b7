"""``robust-widgets convert``: rewrite a checkpoint as safetensors, which is safe to load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robust_widgets.cli.options import Force, checked_outputs, report_errors


@report_errors
def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An external checkpoint: .pt, .pth, .ckpt.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The .safetensors file to write.")],
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Unpickle the file without restrictions, in a separate process. This can run any code in the file, "
            "with your rights; use it only for files from people you trust.",
        ),
    ] = False,
    force: Force = False,
) -> None:
    """Rewrite a checkpoint as safetensors.

    Keeps the weights and the normalisation, and drops everything else. Without --trust, only files that hold nothing
    but weights are read, and no code in them runs.
    """
    (out,) = checked_outputs([out], [".safetensors"], force=force, sources=[file])
    from robust_widgets.models.loading.conversion import convert as convert_file

    weights = convert_file(file, out, trust=trust)
    values = sum(tensor.numel() for tensor in weights.state.values())
    normalisation = "with its normalisation" if weights.mean else "without a normalisation, as the file has none"
    typer.echo(f"wrote {out}: {len(weights.state)} tensors, {values:,} values, {normalisation}")
