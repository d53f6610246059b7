"""A painted sketch becomes a picture of a class (paper, section 3.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from robust_widgets.constraints import L2Ball
from robust_widgets.images import Picture, to_batch
from robust_widgets.knobs import EPSILON, STEP_SIZE, STEPS, check_knobs, raw_pixels
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.objectives import CrossEntropy
from robust_widgets.steppers import L2Step
from robust_widgets.synthesis import Problem, run
from robust_widgets.tasks.common import resolve_model
from robust_widgets.trace import Frame, Trace

GRAIN = 0.02


def sketch_to_image(
    picture: Picture | Sequence[Picture],
    target: str | int,
    *,
    steps: int = int(STEPS.default),
    epsilon: float = EPSILON.default,
    step_size: float = STEP_SIZE.default,
    seed: int | None = 0,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_step: Callable[[Frame], object] | None = None,
    **unknown: object,
) -> Trace:
    """Turn a sketch into a picture of a class by gradient steps on the class's cross-entropy.

    Args:
        picture: the sketch, as :func:`robust_widgets.images.to_batch` takes it; one or a batch.
        target: a class of the model, by name or index.
        steps: gradient steps; the paper's 60.
        epsilon: L2 radius around the sketch, in pixels at 224; the paper's 40.
        step_size: L2 length of a step, in pixels at 224; the paper's 1.
        seed: decides a faint grain (standard deviation 0.02) laid over the sketch, so that flat paint has texture to
            grow from and another seed gives another picture. None lays none, as in the paper.
        model: a model, the name of a shipped one, or a weights file; by default the shipped ``"default"``.
        device: where to run; by default the fastest device.
        on_step: called with each :class:`Frame`; returning False stops the run.

    Returns:
        The run: ``frames`` uint8 (steps + 1, n, side, side, 3), ``metrics``, ``pictures``.

    Raises:
        PictureError: the picture cannot be read.
        UnknownNameError: no such class or knob; the message names the nearest.
        KnobError: a number out of range.
    """
    knobs: dict[str, Any] = {"steps": steps, "epsilon": epsilon, "step_size": step_size, "seed": seed}
    return run(sketch_problem(resolve_model(model, device), picture, target, {**knobs, **unknown}), on_step)


def sketch_problem(
    model: RobustClassifier, picture: Picture | Sequence[Picture], target: str | int, given: dict[str, Any]
) -> Problem:
    """The :class:`Problem` of :func:`sketch_to_image`; ``given`` holds its knobs by name."""
    knobs = check_knobs("sketch_to_image", given)
    index = model.class_index(target)
    side = model.input_size
    return Problem(
        model=model,
        start=with_grain(to_batch(picture, side), knobs["seed"]).to(model.device),
        objective=CrossEntropy(index),
        stepper=L2Step(raw_pixels(knobs["step_size"], side)),
        steps=knobs["steps"],
        constraint=L2Ball(raw_pixels(knobs["epsilon"], side)),
        task="sketch_to_image",
        target=model.classes[index],
        knobs=knobs,
    )


def with_grain(batch: Tensor, seed: int | None) -> Tensor:
    """The pictures with faint seeded noise; picture i of a batch has the grain of ``seed + i``."""
    if seed is None:
        return batch
    grain = [torch.randn(batch.shape[1:], generator=torch.Generator().manual_seed(seed + i)) for i in range(len(batch))]
    return (batch + GRAIN * torch.stack(grain)).clamp(0, 1)
