"""``robust-widgets train``: a robust classifier from a folder of pictures."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from robust_widgets.cli.error_handling import INTERRUPTED, in_sentences
from robust_widgets.cli.options import Device, with_fields
from robust_widgets.training.settings import TrainingSettings


@in_sentences
@with_fields(TrainingSettings)
def train(
    context: typer.Context,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A folder with train and val, each holding a folder a class; or just class folders, of which a tenth "
            "is then held out; or a tar of either.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The .safetensors file to write.")],
    side: Annotated[
        int | None,
        typer.Option(
            min=8, help="Side in pixels that the pictures are brought to.", show_default="that of --init, else 64"
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Start from this model's weights, a name or a .safetensors file; the defaults are then 8 epochs of "
            "batches of 64 at learning rate 0.05, not progressive.",
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="What the model calls itself.", show_default="the file's name")] = "",
    data_name: Annotated[str, typer.Option(help="Name and licence of the data, for the model card.")] = "",
    device: Device = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint of a stopped run.")] = False,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 100,
    **fields: Any,
) -> None:
    """Train a robust classifier on pictures.

    A checkpoint beside FILE lets a stopped run go on; a line of numbers an epoch is kept there too. On several GPUs or
    machines, start the same command with torchrun: torchrun --nproc-per-node 4 -m robust_widgets.cli train ...
    """
    given = {
        field: value
        for field, value in fields.items()
        if init is None or getattr(context.get_parameter_source(field), "name", "") != "DEFAULT"
    }
    from robust_widgets.models.networks.architectures import build
    from robust_widgets.training.train import train as run_training

    if "architecture" in given:
        build(given["architecture"], classes=2)  # an unknown name is refused before the pictures are read
    options: dict[str, Any] = {"resume": resume, "checkpoint_every": checkpoint_every, "say": typer.echo}
    try:
        run_training(data, out, side=side, init=init, name=name, data_name=data_name, device=device, **options, **given)
    except KeyboardInterrupt:
        typer.echo("\nStopped; the same command with --resume goes on from where it was.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if os.environ.get("RANK", "0") == "0":
        measure = shlex.join(["robust-widgets", "evaluate", str(out), str(data), "--write"])
        typer.echo(f"Measure it with: {measure}")
