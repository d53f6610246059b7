"""``robust-widgets train``: train a robust classifier from a folder of pictures."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from robust_widgets.cli.options import INTERRUPTED, Device, report_errors, with_fields
from robust_widgets.training.settings import TrainingSettings


@report_errors
@with_fields(TrainingSettings)
def train(
    context: typer.Context,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A folder with train and val, each with a folder for each class; or just class folders, a tenth of "
            "which is held out; or a tar of either.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The .safetensors file to write.")],
    size: Annotated[
        int | None,
        typer.Option(
            min=8, help="Width and height in pixels to resize pictures to.", show_default="that of --init, else 64"
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Start from this model's weights: a name or a .safetensors file. The defaults are then 8 epochs of "
            "batches of 64 at learning rate 0.05, not progressive.",
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the model.", show_default="the file's name")] = "",
    data_name: Annotated[str, typer.Option(help="Name and licence of the data, for the model card.")] = "",
    device: Device = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a stopped run from its checkpoint.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a model that FILE holds already.")] = False,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 100,
    **fields: Any,
) -> None:
    """Train a robust classifier on pictures.

    Checkpoints and a log with one line per epoch are written next to FILE; --resume continues a stopped run. On several
    GPUs or machines, run the same command with torchrun: torchrun --nproc-per-node 4 -m robust_widgets.cli train ...
    """
    settings = {
        field: value
        for field, value in fields.items()
        if init is None or getattr(context.get_parameter_source(field), "name", "") != "DEFAULT"
    }
    from robust_widgets.models.networks.architectures import build
    from robust_widgets.training.train import train as run_training

    if "architecture" in settings:
        build(settings["architecture"], classes=2)  # reject an unknown name before reading the pictures
    options: dict[str, Any] = {
        "resume": resume,
        "overwrite": force,
        "checkpoint_every": checkpoint_every,
        "log": typer.echo,
    }
    try:
        run_training(
            data, out, size=size, init=init, name=name, data_name=data_name, device=device, **options, **settings
        )
    except KeyboardInterrupt:
        typer.echo("\nStopped; run the same command with --resume to continue.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if os.environ.get("RANK", "0") == "0":
        command = shlex.join(["robust-widgets", "evaluate", "accuracy", str(out), str(data), "--write"])
        typer.echo(f"Measure it with: {command}")
