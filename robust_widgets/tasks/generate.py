"""Class-conditional generation from Gaussian seeds (paper, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from robust_widgets.interface.parameters import check_parameters, default_of
from robust_widgets.models.class_seeds import draw_seeds
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.objectives import CrossEntropy
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks.common import make_problem, resolve_model, side_of

TASK = "generate"


def generate(
    target: str | int,
    *,
    n: int = default_of(TASK, "n"),
    seed: int = default_of(TASK, "seed"),
    steps: int = default_of(TASK, "steps"),
    epsilon: float = default_of(TASK, "epsilon"),
    step_size: float = default_of(TASK, "step_size"),
    constraint: str = default_of(TASK, "constraint"),
    size: int | None = None,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_step: Callable[[Frame], object] | None = None,
    **unknown: object,
) -> Trace:
    """Pictures of a class, from draws of its Gaussian seed distribution.

    Args:
        target: a class of the model, by name or index.
        n: how many pictures. Picture i starts from seed ``seed + i``.
        seed: decides the draws.
        steps: gradient steps; the paper's 60.
        epsilon: L2 radius around the seed picture, in pixels at 224; the paper's 40. Under Linf, levels of 255.
        step_size: L2 length of a step, in pixels at 224; the paper's 1. Under Linf, levels of 255.
        constraint: ``"l2"``, ``"linf"`` or ``"none"``.
        size: side of the pictures in pixels; None is the model's own. A larger one runs the network at that size.
        model: a model, or what :func:`load_model` loads, a name or a file; by default the shipped ``"default"``.
        device: where to run; by default the fastest device.
        on_step: called with each :class:`Frame`; returning False stops the run.

    Returns:
        The run: ``frames`` uint8 (steps + 1, n, side, side, 3), ``metrics``, ``pictures``.

    Raises:
        UnknownNameError: no such class or parameter; the message names the nearest.
        ParameterError: a number out of range.
        WeightsError: the model has no seed statistics.
    """
    parameters: dict[str, Any] = {"n": n, "seed": seed, "steps": steps, "epsilon": epsilon, "step_size": step_size}
    parameters |= {"constraint": constraint, "size": size, **unknown}
    return run(generate_problem(resolve_model(model, device), target, parameters), on_step)


def generate_problem(model: RobustClassifier, target: str | int, given: dict[str, Any]) -> Problem:
    """The :class:`Problem` of :func:`generate`; ``given`` holds its parameters by name."""
    parameters = check_parameters(TASK, given)
    index = model.class_index(target)
    start = draw_seeds(model, index, parameters["n"], parameters["seed"], side_of(model, parameters))
    return make_problem(TASK, model, start, CrossEntropy(index), model.classes[index], parameters)
