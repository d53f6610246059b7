"""The masked part of a picture is painted anew (paper, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from robust_widgets.interface.parameters import check_parameters, default_of
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures.tensors import Mask, Picture
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.objectives import CrossEntropy
from robust_widgets.synthesis.objectives.regions import filled
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks.common import kept_outside, make_problem, picture_and_mask, resolve_model, side_of, with_grain

TASK = "inpaint"


def inpaint(
    picture: Picture | Sequence[Picture],
    mask: Mask,
    target: str | int,
    *,
    penalty: str | float | None = default_of(TASK, "penalty"),
    steps: int = default_of(TASK, "steps"),
    epsilon: float = default_of(TASK, "epsilon"),
    step_size: float = default_of(TASK, "step_size"),
    constraint: str = default_of(TASK, "constraint"),
    seed: int | None = default_of(TASK, "seed"),
    size: int | None = None,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_step: Callable[[Frame], object] | None = None,
    **unknown: object,
) -> Trace:
    """Paint the masked part of a picture anew, as a part of a picture of a class.

    The hole starts at the mean colour of what surrounds it.

    Args:
        picture: what to repair, as :func:`robust_widgets.pictures.tensors.to_batch` takes it; one or a batch.
        mask: True, white, or lighter than middle grey where to paint; of the picture's shape.
        target: what the picture shows: a class of the model, by name or index.
        penalty: None keeps the picture outside the mask to the bit. ``"paper"`` is the published soft penalty, 10 times
            the mean squared change outside; a number is another weight.
        steps: gradient steps; with the step size they make a path as long as the paper's 720 steps of 0.1.
        epsilon: L2 radius around the start, in pixels at 224; the paper's 21.6. Under Linf, levels of 255.
        step_size: L2 length of a step, in pixels at 224; the paper's 0.1, times five. Under Linf, levels of 255.
        seed: decides a faint grain (standard deviation 0.02) in the hole, so that another seed gives another filling;
            None lays none, as in the paper.
        constraint: ``"l2"``, ``"linf"`` or ``"none"``.
        size: side in pixels that the run works at; None is the model's own. A larger one runs the network at that
            size, shifted at random each step.
        model: a model, or what :func:`load_model` loads, a name or a file; by default the shipped ``"default"``.
        device: where to run; by default the fastest device.
        on_step: called with each :class:`Frame`; returning False stops the run.

    Returns:
        The run: ``frames`` uint8 (steps + 1, n, side, side, 3), ``metrics``, ``pictures``.

    Raises:
        PictureError: the picture or mask cannot be read, the mask marks nothing or everything, or their shapes differ.
        UnknownNameError: no such class or parameter; the message names the nearest.
        ParameterError: a number out of range.
    """
    parameters: dict[str, Any] = {"steps": steps, "epsilon": epsilon, "step_size": step_size, "constraint": constraint}
    parameters |= {"penalty": penalty, "seed": seed, "size": size, **unknown}
    return run(inpaint_problem(resolve_model(model, device), picture, mask, target, parameters), on_step)


def inpaint_problem(
    model: RobustClassifier,
    picture: Picture | Sequence[Picture],
    mask: Mask,
    target: str | int,
    given: dict[str, Any],
) -> Problem:
    """The :class:`Problem` of :func:`inpaint`; ``given`` holds its parameters by name."""
    parameters = check_parameters(TASK, given)
    index = model.class_index(target)
    side = side_of(model, parameters)
    whole, inside = picture_and_mask(picture, mask, side)
    region, outside = kept_outside(parameters["penalty"], whole, inside)
    return make_problem(
        TASK,
        model,
        with_grain(filled(whole, inside), parameters["seed"], inside),
        CrossEntropy(index),
        model.classes[index],
        parameters,
        region=region,
        outside=outside,
    )
