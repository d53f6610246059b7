"""Class-conditional generation from Gaussian seeds (paper, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from robust_widgets.constraints import L2Ball
from robust_widgets.knobs import EPSILON, STEP_SIZE, STEPS, check_knobs, raw_pixels
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.seeds import draw_seeds
from robust_widgets.objectives import CrossEntropy
from robust_widgets.steppers import L2Step
from robust_widgets.synthesis import Problem, run
from robust_widgets.tasks.common import resolve_model
from robust_widgets.trace import Frame, Trace


def generate(
    target: str | int,
    *,
    n: int = 1,
    seed: int = 0,
    steps: int = int(STEPS.default),
    epsilon: float = EPSILON.default,
    step_size: float = STEP_SIZE.default,
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
        epsilon: L2 radius around the seed picture, in pixels at 224; the paper's 40.
        step_size: L2 length of a step, in pixels at 224; the paper's 1.
        model: a model, the name of a shipped one, or a weights file; by default the shipped ``"default"``.
        device: where to run; by default the fastest device.
        on_step: called with each :class:`Frame`; returning False stops the run.

    Returns:
        The run: ``frames`` uint8 (steps + 1, n, side, side, 3), ``metrics``, ``pictures``.

    Raises:
        UnknownNameError: no such class or knob; the message names the nearest.
        KnobError: a number out of range.
        WeightsError: the model has no seed statistics.
    """
    knobs: dict[str, Any] = {"n": n, "seed": seed, "steps": steps, "epsilon": epsilon, "step_size": step_size}
    return run(generate_problem(resolve_model(model, device), target, {**knobs, **unknown}), on_step)


def generate_problem(model: RobustClassifier, target: str | int, given: dict[str, Any]) -> Problem:
    """The :class:`Problem` of :func:`generate`; ``given`` holds its knobs by name."""
    knobs = check_knobs("generate", given)
    index = model.class_index(target)
    side = model.input_size
    return Problem(
        model=model,
        start=draw_seeds(model, index, knobs["n"], knobs["seed"]),
        objective=CrossEntropy(index),
        stepper=L2Step(raw_pixels(knobs["step_size"], side)),
        steps=knobs["steps"],
        constraint=L2Ball(raw_pixels(knobs["epsilon"], side)),
        task="generate",
        target=model.classes[index],
        knobs=knobs,
    )
