"""Class-conditional generation from Gaussian seeds (paper, section 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict, Unpack

from robust_widgets.interface.parameters import CONSTRAINT, COUNT, EPSILON, SEED, SIZE, STEP_SIZE, STEPS
from robust_widgets.interface.tasks import TaskSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.runs.record import Frame
    from robust_widgets.runs.trace import Trace
    from robust_widgets.synthesis.problem import Problem


class Parameters(TypedDict, total=False):
    """The keywords."""

    steps: Annotated[int, STEPS]
    epsilon: Annotated[float, EPSILON]
    step_size: Annotated[float, STEP_SIZE]
    seed: Annotated[int, SEED]
    n: Annotated[int, COUNT]
    constraint: Annotated[str, CONSTRAINT]
    size: Annotated[int | None, SIZE]


def generate(
    target: str | int,
    *,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_step: Callable[[Frame], object] | None = None,
    **parameters: Unpack[Parameters],
) -> Trace:
    """Generate pictures of a class from noise in its colours.

    The noise is drawn from the class's Gaussian seed distribution.

    Args:
        target: a class of the model, by name or index.
        n: number of pictures. Picture i starts from seed ``seed + i``.
        seed: seeds the noise.
        steps: gradient steps; 60 in the paper.
        epsilon: L2 limit on the distance from the start, in pixels at 224; 40 in the paper. Under Linf, levels of 255.
        step_size: L2 length of a step, in pixels at 224; 1 in the paper. Under Linf, levels of 255.
        constraint: ``"l2"``, ``"linf"`` or ``"none"``.
        size: width and height of the pictures in pixels; None is the model's own. A larger size is painted coarse to
            fine: at the model's own size first, then at each double of it with a smaller epsilon.
        model: a model, or what :func:`load_model` loads: a name or a file. By default the bundled ``"default"``.
        device: where to run; by default the fastest device.
        on_step: called with each :class:`Frame`; returning False stops the run.

    Returns:
        The run: ``frames`` uint8 (steps + 1, n, size, size, 3), ``metrics``, ``pictures``.

    Raises:
        UnknownNameError: no such class or parameter; the message names the nearest.
        ParameterError: a value out of range.
        WeightsError: the model has no seed statistics.
    """
    from robust_widgets.tasks.running.run import run_task

    return run_task(SPEC, target, parameters, model=model, device=device, on_step=on_step)


def problem(model: RobustClassifier, target: str | int, parameters: dict[str, Any]) -> Problem:
    """The problem of a run."""
    from robust_widgets.models.class_seeds import draw_seeds
    from robust_widgets.tasks.running.problems import size_of, towards_class

    size = size_of(model, parameters)
    start = draw_seeds(model, model.class_index(target), parameters["n"], parameters["seed"], size)
    return towards_class(SPEC.name, model, start, target, parameters)


SPEC = TaskSpec(
    function=generate,
    keywords=Parameters,
    problem=problem,
    label="Generate",
    hint="Noise in the colours of the class becomes a picture of it.",
    order=2,
    command_help="With --out FOLDER, pictures are written one by one, any number of them: --n 1000 --out mushrooms. If "
    "interrupted, run the same command again to continue.",
    paper={"steps": 60, "epsilon": 40, "step_size": 1},
)
