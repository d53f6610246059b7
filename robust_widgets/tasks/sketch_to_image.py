"""A painted sketch becomes a picture of a class (paper, section 3.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from robust_widgets.interface.parameters import check_parameters, default_of
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures.tensors import Picture, to_batch
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.objectives import CrossEntropy
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks.common import make_problem, resolve_model, side_of, with_grain

TASK = "sketch_to_image"


def sketch_to_image(
    picture: Picture | Sequence[Picture],
    target: str | int,
    *,
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
    """Turn a sketch into a picture of a class by gradient steps on the class's cross-entropy.

    Args:
        picture: the sketch, as :func:`robust_widgets.pictures.tensors.to_batch` takes it; one or a batch.
        target: a class of the model, by name or index.
        steps: gradient steps; the paper's 60.
        epsilon: L2 radius around the start, in pixels at 224; the paper's 40. Under Linf, levels of 255.
        step_size: L2 length of a step, in pixels at 224; the paper's 1. Under Linf, levels of 255.
        seed: decides a faint grain (standard deviation 0.02) laid over the sketch, so that flat paint has texture to
            grow from and another seed gives another picture. None lays none, as in the paper.
        constraint: ``"l2"``, ``"linf"`` or ``"none"``.
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
    parameters |= {"seed": seed, "size": size, **unknown}
    return run(sketch_problem(resolve_model(model, device), picture, target, parameters), on_step)


def sketch_problem(
    model: RobustClassifier, picture: Picture | Sequence[Picture], target: str | int, given: dict[str, Any]
) -> Problem:
    """The :class:`Problem` of :func:`sketch_to_image`; ``given`` holds its parameters by name."""
    parameters = check_parameters(TASK, given)
    index = model.class_index(target)
    start = with_grain(to_batch(picture, side_of(model, parameters)), parameters["seed"])
    return make_problem(TASK, model, start, CrossEntropy(index), model.classes[index], parameters)
