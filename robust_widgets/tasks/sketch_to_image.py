"""Sketches to pictures of a class (paper, section 3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict, Unpack

from robust_widgets.interface.parameters import CONSTRAINT, EPSILON, GROUND, NOISE_SEED, SIZE, STEP_SIZE, STEPS
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

    steps: Annotated[int, STEPS]
    epsilon: Annotated[float, EPSILON]
    step_size: Annotated[float, STEP_SIZE]
    seed: Annotated[int | None, NOISE_SEED]
    ground: Annotated[float, GROUND]
    constraint: Annotated[str, CONSTRAINT]
    size: Annotated[int | None, SIZE]


def sketch_to_image(
    picture: Picture | Sequence[Picture],
    target: str | int,
    *,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_step: Callable[[Frame], object] | None = None,
    **parameters: Unpack[Parameters],
) -> Trace:
    """Turn a sketch into a picture of a class.

    Each step lowers the cross-entropy of the class.

    Args:
        picture: the sketch, as :func:`robust_widgets.to_batch` takes it; one or a batch.
        target: a class of the model, by name or index.
        steps: gradient steps; 60 in the paper.
        epsilon: L2 limit on the distance from the start, in pixels at 224; 40 in the paper. Under Linf, levels of 255.
        step_size: L2 length of a step, in pixels at 224; 1 in the paper. Under Linf, levels of 255.
        seed: seeds smooth noise (deviation 0.009) that is added to the sketch, so that texture can grow on flat
            paint and another seed gives another picture. None adds no noise, as in the paper.
        ground: weight of the gradient on flat ground that reaches the picture's border, from 0 to 1; elsewhere it is 1.
            At 1, as in the paper, ripples grow all over the ground.
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
    from robust_widgets.pictures.weights import ground_weights
    from robust_widgets.tasks.running.problems import size_of, towards_class, with_noise

    sketch, calm = to_batch(picture, size_of(model, parameters)), parameters["ground"]
    weight = None if calm == 1 else ground_weights(sketch, calm)
    return towards_class(SPEC.name, model, with_noise(sketch, parameters["seed"]), target, parameters, weight=weight)


SPEC = TaskSpec(
    function=sketch_to_image,
    keywords=Parameters,
    problem=problem,
    label="Sketch to image",
    hint="Paint a few shapes; they become a picture of the class.",
    order=1,
    old_command="sketch",
    paper={"steps": 60, "epsilon": 40, "step_size": 1},
)
