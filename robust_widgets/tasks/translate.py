"""Pictures of one class to pictures of another (paper, section 3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict, Unpack

from robust_widgets.interface.parameters import CONSTRAINT, EPSILON, NO_NOISE, SIZE, STEP_SIZE, STEPS
from robust_widgets.interface.tasks import TaskSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.pictures.tensors import Picture
    from robust_widgets.runs.record import Frame
    from robust_widgets.runs.trace import Trace
    from robust_widgets.synthesis.problem import Problem


class Parameters(TypedDict, total=False):
    """The keywords."""

    # Half of the paper's epsilon, which is for two-class models: with many classes a run saturates there.
    steps: Annotated[int, STEPS.with_default(120)]
    epsilon: Annotated[float, EPSILON]
    step_size: Annotated[float, STEP_SIZE.with_default(0.5)]
    seed: Annotated[int | None, NO_NOISE]
    constraint: Annotated[str, CONSTRAINT]
    size: Annotated[int | None, SIZE]


def translate(
    picture: Picture | Sequence[Picture],
    target: str | int,
    *,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_step: Callable[[Frame], object] | None = None,
    **parameters: Unpack[Parameters],
) -> Trace:
    """Turn a photograph into a picture of another class.

    With a model of two classes, trained on two domains (``robust-widgets train`` on a folder with just these), this is
    the paper's image-to-image translation. With any other model it moves the picture to one of the model's classes.

    Args:
        picture: the start, as :func:`robust_widgets.to_batch` takes it; one or a batch.
        target: the class to end with, by name or index.
        steps: gradient steps; the paper's 200 suit a two-class model.
        epsilon: L2 limit on the distance from the start, in pixels at 224; the paper's 80 suits a two-class model.
            Under Linf, levels of 255.
        step_size: L2 length of a step, in pixels at 224; 0.5 in the paper. Under Linf, levels of 255.
        seed: seeds smooth noise (deviation 0.009) that is added to the picture. None, as in the paper, adds
            none.
        constraint: ``"l2"``, ``"linf"`` or ``"none"``.
        size: width and height in pixels of the result; None is the model's own. A larger size is painted coarse
            to fine: at the model's own size first, then at each double of it with a smaller epsilon.
        model: a model, or what :func:`load_model` loads: a name or a file. By default the bundled ``"default"``.
        device: where to run; by default the fastest device.
        on_step: called with each :class:`Frame`; returning False stops the run.

    Returns:
        The run: ``frames`` uint8 (steps + 1, n, size, size, 3), ``metrics``, ``pictures``.

    Raises:
        PictureError: the picture cannot be read.
        UnknownNameError: no such class or parameter; the message names the nearest.
        ParameterError: a value out of range.
    """
    from robust_widgets.tasks.running.run import run_task

    return run_task(SPEC, target, parameters, picture=picture, model=model, device=device, on_step=on_step)


def problem(
    model: RobustClassifier, picture: Picture | Sequence[Picture], target: str | int, parameters: dict[str, Any]
) -> Problem:
    """The problem of a run."""
    from robust_widgets.pictures.tensors import to_batch
    from robust_widgets.tasks.running.problems import size_of, towards_class, with_noise

    start = with_noise(to_batch(picture, size_of(model, parameters)), parameters["seed"])
    return towards_class(SPEC.name, model, start, target, parameters)


SPEC = TaskSpec(
    function=translate,
    keywords=Parameters,
    problem=problem,
    label="Translate",
    hint="Load a photograph; it becomes a picture of another class.",
    order=3,
    paper={"steps": 200, "epsilon": 80, "step_size": 0.5},
)
