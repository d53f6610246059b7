"""The command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def main() -> None:
    """Paint with a robust image classifier."""


@app.command()
def train(
    data: Path,
    out: Annotated[Path, typer.Option()],
    epochs: int = 14,
    radius: float = 1.0,
    seed: int = 0,
    side: int = 64,
    name: str = "",
    data_name: str = "",
    resume: bool = False,
) -> None:
    """Train a robust classifier."""
    from robust_widgets.training.data import load_train_and_val
    from robust_widgets.training.settings import TrainingSettings
    from robust_widgets.training.train import train as run_training

    train_set, val_set = load_train_and_val(data, side)
    settings = TrainingSettings(epochs=epochs, radius=radius, seed=seed)
    run_training(train_set, val_set, out, settings, name=name, data_name=data_name, resume=resume)
