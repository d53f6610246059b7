"""``robust-widgets train``: a robust classifier from a folder of pictures."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from robust_widgets.cli.options import Device, with_fields
from robust_widgets.cli.sentences import INTERRUPTED, in_sentences
from robust_widgets.errors import SaveError
from robust_widgets.training.settings import TrainingSettings


@in_sentences
@with_fields(TrainingSettings)
def train(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="A folder with train and val, each holding a folder a class; or just class folders."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The .safetensors file to write.")],
    side: Annotated[int, typer.Option(min=8, help="Side in pixels that the pictures are brought to.")] = 64,
    name: Annotated[str, typer.Option(help="What the model calls itself.", show_default="the file's name")] = "",
    data_name: Annotated[str, typer.Option(help="Name and licence of the data, for the model card.")] = "",
    device: Device = None,
    init: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Start from this model's weights: a name or a .safetensors file."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint of a stopped run.")] = False,
    **fields: Any,
) -> None:
    """Train a robust classifier on a folder of pictures.

    A checkpoint beside FILE lets a stopped run go on; a line of numbers an epoch is kept there too.
    """
    settings = TrainingSettings(**fields)
    if out.suffix != ".safetensors" or out.is_dir():
        raise SaveError(f"{str(out)!r} cannot hold a model; give a file that ends in '.safetensors'.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(
            f"The folder of {str(out)!r} cannot be made ({error.strerror}); choose another place."
        ) from None
    from robust_widgets.models.architectures import build
    from robust_widgets.models.registry import choose_device, load_model
    from robust_widgets.training.data import load_train_and_val
    from robust_widgets.training.train import train as run_training

    chosen = choose_device(device)
    build(settings.architecture, classes=2)  # an unknown name is refused before the pictures are read
    start = load_model(init, device="cpu") if init else None
    train_set, val_set = load_train_and_val(data, side, say=typer.echo)
    try:
        run_training(
            train_set, val_set, out, settings, name=name, data_name=data_name, device=chosen, resume=resume, init=start
        )
    except KeyboardInterrupt:
        typer.echo("\nStopped; the same command with --resume goes on from the last checkpoint.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    measure = shlex.join(["robust-widgets", "evaluate", str(out), str(data), "--write"])
    typer.echo(f"wrote {out}; measure it with: {measure}")
