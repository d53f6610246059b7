"""``robust-widgets doctor``: what this machine has, and how models are run on it."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import typer

from robust_widgets import __version__
from robust_widgets.cli.error_handling import in_sentences
from robust_widgets.cli.options import Device, ModelGiven

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier

PACKAGES = ("torch", "torchvision", "jupyterlab", "ipywidgets", "ipycanvas", "anywidget")
WORTH_A_HINT = "onnxruntime"
HOW_MANY = ("One picture", "2 to 7 at once, measured with 4", "8 and more at once, measured with 8")


@in_sentences
def doctor(model: ModelGiven = "default", device: Device = None) -> None:
    """Print the versions that matter, and the ways a model is run here.

    The ways are measured once for a model, a machine and how many pictures go through at once, and kept. That takes a
    second or two for the models that come with the package, and longer for larger ones.
    """
    typer.echo(f"robust-widgets {__version__}, Python {platform.python_version()}, {platform.platform()}")
    typer.echo(", ".join(f"{name} {_version(name)}" for name in PACKAGES))
    typer.echo(f"ONNX Runtime: {_version(WORTH_A_HINT)}")
    if _version(WORTH_A_HINT) == "not installed":
        typer.echo("  pip install 'robust-widgets[fast]' makes steps faster on most processors.")

    import torch

    from robust_widgets.compiler.autotune import SIZES
    from robust_widgets.compiler.engine import WAYS
    from robust_widgets.models.registry import load_model

    loaded = load_model(model, device=device)
    loaded.warm_up()
    typer.echo(f"{loaded!r}, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() != 1)}")
    if loaded.device.type == "cuda":
        typer.echo(_recorded_steps(loaded))
        return
    if not torch.cuda.is_available():
        typer.echo("No CUDA device; with one, steps are recorded and replayed, in half precision where that agrees.")
    for size in SIZES:
        loaded.warm_up(size)
    engine = loaded.engine
    if engine is None or not engine.ways:
        typer.echo("It is run as it is.")
        return
    for size, words in zip(SIZES, HOW_MANY, strict=True):
        typer.echo(f"{words}:")
        for way, milliseconds in sorted(engine.times.get(size, {}).items(), key=lambda item: item[1]):
            mark = "*" if way == engine.ways[size] else " "
            typer.echo(f"{mark} {WAYS[way]:28} {milliseconds:8.1f} ms a pass forth and back")
        if size not in engine.times:
            typer.echo(f"* {WAYS[engine.ways[size]]}, without measuring")
    typer.echo(_steps_here(loaded))


def _steps_here(model: RobustClassifier) -> str:
    """How a run's steps are made on a processor."""
    import torch

    from robust_widgets.compiler.autotune import SIZES
    from robust_widgets.solvers.graphs.dispatch import MOST_AT_ONCE, recorder

    side = model.input_size
    sizes = [size for size in SIZES if recorder(model, torch.zeros(size, 3, side, side)) is not None]
    if not sizes:
        return "Steps are not recorded: ONNX Runtime is not the fastest way for this model here."
    upper = {1: "one picture", 4: "up to 7 pictures"}.get(max(sizes), f"up to {MOST_AT_ONCE} pictures")
    return f"Steps of {upper} are recorded as one graph of ONNX Runtime and replayed."


def _recorded_steps(model: RobustClassifier) -> str:
    """How a short run's steps are made on a CUDA device."""
    from robust_widgets.benchmark.workload import CROSS_ENTROPY, last_shown, new_race
    from robust_widgets.solvers.graphs.step_graph import StepGraphCache

    last_shown(new_race(CROSS_ENTROPY, model, model, 1, 2), model)
    found = model.captures
    if not isinstance(found, StepGraphCache):
        return "Steps are not recorded; the model is run as it is."
    return found.note or f"Steps are recorded in a CUDA graph and replayed, the network in {found.precision}."


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
