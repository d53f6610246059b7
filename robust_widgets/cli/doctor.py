"""``robust-widgets doctor``: what this machine has, and how models are run on it."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import typer

from robust_widgets import __version__
from robust_widgets.cli.options import Device, ModelGiven
from robust_widgets.cli.sentences import in_sentences

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier

PACKAGES = ("torch", "torchvision", "jupyterlab", "ipywidgets", "ipycanvas", "anywidget")
WORTH_A_HINT = "onnxruntime"


@in_sentences
def doctor(model: ModelGiven = "default", device: Device = None) -> None:
    """Print the versions that matter, and the way a model is run here.

    The ways are measured once for a model and a machine, for one picture and for many, which takes a few seconds, and
    kept.
    """
    typer.echo(f"robust-widgets {__version__}, Python {platform.python_version()}, {platform.platform()}")
    typer.echo(", ".join(f"{name} {_version(name)}" for name in PACKAGES))
    typer.echo(f"ONNX Runtime: {_version(WORTH_A_HINT)}")
    if _version(WORTH_A_HINT) == "not installed":
        typer.echo("  pip install 'robust-widgets[fast]' makes steps faster on most processors.")

    import torch

    from robust_widgets.models.prepared import choice
    from robust_widgets.models.prepared.engine import WAYS
    from robust_widgets.models.registry import load_model

    loaded = load_model(model, device=device)
    loaded.warm_up()
    typer.echo(f"{loaded!r}, {torch.get_num_threads()} threads")
    if loaded.device.type == "cuda":
        typer.echo(_recorded_steps(loaded))
        return
    if not torch.cuda.is_available():
        typer.echo("No CUDA device; with one, steps are recorded and replayed, in half precision where that agrees.")
    engine = loaded.engine
    if engine is not None:
        loaded.warm_up(choice.MANY_FROM)
    if engine is None or not engine.chosen:
        typer.echo("It is run as it is.")
        return
    for batch, chosen in engine.chosen.items():
        typer.echo(f"{batch} at once, milliseconds a picture's pass forth and back:")
        times = engine.times.get(batch, {})
        for way, milliseconds in sorted(times.items(), key=lambda item: item[1]):
            typer.echo(f"{'*' if way == chosen else ' '} {WAYS[way]:34} {milliseconds:8.1f}")
        if not times:
            typer.echo(f"* {WAYS[chosen]}, without measuring")


def _recorded_steps(model: RobustClassifier) -> str:
    """How a short run's steps are made on a CUDA device."""
    from robust_widgets.captured.captures import Captures
    from robust_widgets.quality.race import CROSS_ENTROPY, last_shown, new_race

    last_shown(new_race(CROSS_ENTROPY, model, model, 1, 2), model)
    found = model.captures
    if not isinstance(found, Captures):
        return "Steps are not recorded; the model is run as it is."
    return found.note or f"Steps are recorded in a CUDA graph and replayed, the network in {found.precision}."


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
