"""``robust-widgets doctor``: what this machine has, and how models run on it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated

import typer

from robust_widgets import __version__
from robust_widgets._bundled import model_names
from robust_widgets.cli.options import Device, report_errors

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier

PACKAGES = ("torch", "torchvision", "onnxruntime", "jupyterlab", "ipywidgets", "ipycanvas", "anywidget", "numpy")
# Environment variables that change how models run.
SETTINGS = (
    *("ROBUST_WIDGETS_FAST", "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"),
    *("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "CUDA_VISIBLE_DEVICES"),
)
BATCHES = {1: "1 picture", 4: "4 pictures", 8: "8 pictures"}
NOT_INSTALLED = "not installed"
LABEL_WIDTH, COLUMN_WIDTH = 17, 17


@report_errors
def doctor(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="A weights file, torchvision:NAME, or a name that robust-widgets models lists.",
            show_default="all bundled models",
        ),
    ] = None,
    device: Device = None,
) -> None:
    """Print versions, the machine, and which backend runs each model.

    Paste the output into bug reports. The backends are timed once for each model, machine and batch size, which takes
    some seconds for the bundled models, longer for larger ones.
    """
    typer.echo("\n".join(_software()))
    typer.echo("\n".join(_hardware()))

    from robust_widgets.models.registry import load_model

    for name in [model] if model else model_names():
        classifier = load_model(name, device=device)
        typer.echo(f"\n{name}: {classifier!r}")
        typer.echo("\n".join(_gpu_steps(classifier) if classifier.device.type == "cuda" else _cpu_steps(classifier)))


def _software() -> list[str]:
    lines = [_row("robust-widgets", __version__), _row("Python", platform.python_version())]
    lines += [_row(name, _version(name)) for name in PACKAGES]
    if _version("onnxruntime") == NOT_INSTALLED:
        lines.append(
            _row("", "pip install 'robust-widgets[fast]' installs onnxruntime; most models run faster with it.")
        )
    return lines


def _hardware() -> list[str]:
    import torch

    from robust_widgets._machine import processor_name
    from robust_widgets.models.registry import limit_threads, usable_cpus

    limit_threads()
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return [
        _row("system", platform.platform()),
        _row("processor", f"{processor_name()}, {torch.backends.cpu.get_cpu_capability()}"),
        _row(
            "CPUs",
            f"{usable_cpus()} usable of {os.cpu_count()}; torch uses {_count(torch.get_num_threads(), 'thread')}",
        ),
        _row("CUDA devices", ", ".join(gpus) or "none"),
        *(_row(name, os.environ[name]) for name in SETTINGS if name in os.environ),
    ]


def _cpu_steps(model: RobustClassifier) -> list[str]:
    """The time of each backend for each batch size, and how a run's steps are computed."""
    from robust_widgets.compiler.engine import TITLES

    for size in BATCHES:
        model.warm_up(size)
    engine = model.engine
    if engine is None or not engine.selected:
        return ["  It runs uncompiled."]
    names = {backend: TITLES[backend] for times in engine.times.values() for backend in times}
    names |= {backend: TITLES[backend] for backend in engine.selected.values()}
    rows = [("ms per forward + backward", [f"{title}  " for title in BATCHES.values()])]
    for backend, name in names.items():
        used = engine.selected
        rows.append((name, [_cell(engine.times.get(size, {}).get(backend), used[size] == backend) for size in BATCHES]))
    width = max(len(label) for label, _ in rows)
    return [
        *(f"  {label:{width}}{''.join(f'{cell:>{COLUMN_WIDTH}}' for cell in cells)}".rstrip() for label, cells in rows),
        f"  * in use for 1, for 2 to 7, and for 8 or more pictures{'' if engine.times else ', chosen without timing'}",
        _recorded_on_cpu(model),
    ]


def _cell(milliseconds: float | None, in_use: bool) -> str:
    return f"{'-' if milliseconds is None else f'{milliseconds:.1f}'}{' *' if in_use else '  '}"


def _recorded_on_cpu(model: RobustClassifier) -> str:
    import torch

    from robust_widgets.solvers.step_graph import MAX_PICTURES, backend_for

    shape = (3, model.input_size, model.input_size)
    sizes = [size for size in BATCHES if backend_for(model, torch.zeros(size, *shape)) is not None]
    if not sizes:
        return "  Steps are not recorded as a graph: ONNX Runtime is not installed, or not the fastest backend."
    limit = {1: "1 picture", 4: "up to 7 pictures"}.get(max(sizes), f"up to {MAX_PICTURES} pictures")
    return f"  Steps of {limit} are recorded as one ONNX Runtime graph and replayed."


def _gpu_steps(model: RobustClassifier) -> list[str]:
    """How a short run's steps are computed on a CUDA device."""
    import torch

    from robust_widgets import CrossEntropy, L2Ball, L2Step, Problem, run
    from robust_widgets.solvers.step_graph import StepGraphCache

    start = torch.full((1, 3, model.input_size, model.input_size), 0.5, device=model.device)
    run(Problem(model, start, CrossEntropy(0), L2Step(0.1), steps=2, constraint=L2Ball(0.5)))
    graphs = model.step_graphs
    if not isinstance(graphs, StepGraphCache):
        return ["  Steps are not recorded as a graph; the model runs uncompiled."]
    return [
        f"  {graphs.note or f'Steps are recorded as a CUDA graph and replayed, the network in {graphs.precision}.'}"
    ]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return NOT_INSTALLED


def _row(label: str, value: str) -> str:
    return f"{label:{LABEL_WIDTH}}{value}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
