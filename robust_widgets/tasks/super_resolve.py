"""A small picture becomes a larger one with the detail of its class (paper, section 3.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from robust_widgets.interface.parameters import check_parameters, default_of
from robust_widgets.interface.report import low_side
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures.tensors import Picture, resize, to_batch
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.objectives import CrossEntropy
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks.common import make_problem, resolve_model, side_of, with_grain

TASK = "super_resolve"


def super_resolve(
    picture: Picture | Sequence[Picture],
    target: str | int,
    *,
    factor: int = default_of(TASK, "factor"),
    steps: int = default_of(TASK, "steps"),
    epsilon: float = default_of(TASK, "epsilon"),
    step_size: float = default_of(TASK, "step_size"),
    constraint: str = default_of(TASK, "constraint"),
    enlargement: str = default_of(TASK, "enlargement"),
    seed: int | None = default_of(TASK, "seed"),
    size: int | None = None,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_step: Callable[[Frame], object] | None = None,
    **unknown: object,
) -> Trace:
    """Enlarge a low-resolution picture and fill in the detail of its class.

    The picture is brought to ``side / factor`` pixels, where side is the model's input size or ``size``, and enlarged
    again; then gradient steps on the class's cross-entropy follow. So a picture of exactly that small side is used as
    it is, and a larger one is made small first.
    `robust_widgets.comparison_strip` puts low resolution, bicubic enlargement and result next to each other, and
    `robust_widgets.report` says how close the result, made small again, is to the small picture.

    Args:
        picture: the small picture, as :func:`robust_widgets.pictures.tensors.to_batch` takes it; one or a batch.
        target: what the picture shows: a class of the model, by name or index.
        factor: how many times the small picture's side is enlarged; the paper's are 7 and 8, at 224 pixels.
        steps: gradient steps; the paper's 40 or 50, and more for the larger radius.
        epsilon: L2 radius around the start, in pixels at 224; the paper's 8 and 15, at 224 pixels, change small
            pictures too little. Under Linf, levels of 255.
        step_size: L2 length of a step, in pixels at 224; the paper's 1. Under Linf, levels of 255.
        constraint: ``"l2"``, ``"linf"`` or ``"none"``.
        enlargement: how the start is enlarged: ``"bicubic"``, or ``"nearest"`` as in the paper, whose blocks the steps
            sharpen into a grid at 64 pixels.
        seed: decides a faint grain (standard deviation 0.02) laid over the start, without which the steps weave a
            regular mesh where the start is smooth; None, as in the paper, lays none.
        size: side in pixels that the run works at; None is the model's own. A larger one runs the network at that
            size, shifted at random each step.
        model: a model, or what :func:`load_model` loads, a name or a file; by default the shipped ``"default"``.
        device: where to run; by default the fastest device.
        on_step: called with each :class:`Frame`; returning False stops the run.

    Returns:
        The run: ``frames`` uint8 (steps + 1, n, side, side, 3), ``metrics``, ``pictures``.

    Raises:
        PictureError: the picture cannot be read.
        UnknownNameError: no such class or parameter; the message names the nearest.
        ParameterError: a number out of range.
    """
    parameters: dict[str, Any] = {"steps": steps, "epsilon": epsilon, "step_size": step_size, "constraint": constraint}
    parameters |= {"factor": factor, "enlargement": enlargement, "seed": seed, "size": size, **unknown}
    return run(super_resolve_problem(resolve_model(model, device), picture, target, parameters), on_step)


def super_resolve_problem(
    model: RobustClassifier, picture: Picture | Sequence[Picture], target: str | int, given: dict[str, Any]
) -> Problem:
    """The :class:`Problem` of :func:`super_resolve`; ``given`` holds its parameters by name."""
    parameters = check_parameters(TASK, given)
    index = model.class_index(target)
    side = side_of(model, parameters)
    small = to_batch(picture, low_side(side, parameters["factor"]))
    start = resize(small, side, side) if parameters["enlargement"] == "bicubic" else _blocks(small, side)
    return make_problem(
        TASK, model, with_grain(start, parameters["seed"]), CrossEntropy(index), model.classes[index], parameters
    )


def _blocks(small: torch.Tensor, side: int) -> torch.Tensor:
    """Enlarged by nearest neighbour; float (n, 3, low, low) -> (n, 3, side, side)."""
    # In whole numbers: torch's own nearest upsampling rounds some origins down by one at odd factors.
    origin = torch.arange(side) * small.shape[-1] // side
    return small[:, :, origin][:, :, :, origin]
