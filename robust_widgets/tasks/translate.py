"""A picture of one class becomes a picture of another (paper, section 3.3)."""

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

TASK = "translate"


def translate(
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
    """Turn a photograph into a picture of another class, keeping its layout.

    With a model of two classes, trained on two domains (``robust-widgets train`` on a folder that holds just these),
    this is the paper's image-to-image translation; with any other it moves the picture to one of the model's classes.

    Args:
        picture: what to start from, as :func:`robust_widgets.pictures.tensors.to_batch` takes it; one or a batch.
        target: the class to end with, by name or index.
        steps: gradient steps; the paper's 200 suit a two-class model.
        epsilon: L2 radius around the start, in pixels at 224; the paper's 80 suits a two-class model.
            Under Linf, levels of 255.
        step_size: L2 length of a step, in pixels at 224; the paper's 0.5. Under Linf, levels of 255.
        seed: decides a faint grain (standard deviation 0.02) laid over the picture; None, as in the paper, lays none.
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
    return run(translate_problem(resolve_model(model, device), picture, target, parameters), on_step)


def translate_problem(
    model: RobustClassifier, picture: Picture | Sequence[Picture], target: str | int, given: dict[str, Any]
) -> Problem:
    """The :class:`Problem` of :func:`translate`; ``given`` holds its parameters by name."""
    parameters = check_parameters(TASK, given)
    index = model.class_index(target)
    start = with_grain(to_batch(picture, side_of(model, parameters)), parameters["seed"])
    return make_problem(TASK, model, start, CrossEntropy(index), model.classes[index], parameters)
