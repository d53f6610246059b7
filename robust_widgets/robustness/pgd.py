"""Projected gradient descent (PGD): the attack that models are trained against and first measured with."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from robust_widgets.errors import ParameterError
from robust_widgets.solvers.run import compiled_minimize
from robust_widgets.synthesis.constraints import Constraint, L2Ball, LinfBall
from robust_widgets.synthesis.objectives import Classifier, CrossEntropy
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step, LinfStep, Stepper

Norm = Literal["l2", "linf"]


def ball_and_step(norm: str, epsilon: float, step_size: float) -> tuple[Constraint, Stepper]:
    """The constraint and stepper of a norm.

    Raises:
        ParameterError: the norm is neither "l2" nor "linf", or epsilon is not a finite number of at least 0.
    """
    if norm == "l2":
        return L2Ball(epsilon), L2Step(step_size)
    if norm == "linf":
        return LinfBall(epsilon), LinfStep(step_size)
    raise ParameterError(f"The norm is {norm!r}; it must be 'l2' or 'linf'.")


def pgd(
    model: Classifier,
    pictures: Tensor,
    labels: Tensor,
    *,
    norm: str,
    epsilon: float,
    steps: int,
    step_size: float | None = None,
    seed: int = 0,
) -> Tensor:
    """Adversarial pictures, each within ``epsilon`` of its original.

    Args:
        model: maps (n, 3, h, w) in [0, 1] to logits.
        pictures: float (n, 3, h, w) in [0, 1].
        labels: the true classes, (n,).
        norm: "l2" or "linf".
        epsilon: raw pixels at the pictures' own size.
        steps: gradient steps, from a random start in the ball.
        step_size: defaults to 1.25 * epsilon for a single step and 2.5 * epsilon / steps otherwise, as is usual.
        seed: of the random start.
    """
    if epsilon == 0:
        return pictures
    if step_size is None:
        step_size = epsilon * (1.25 if steps == 1 else 2.5 / steps)
    constraint, stepper = ball_and_step(norm, epsilon, step_size)
    objective = -CrossEntropy(labels)
    return compiled_minimize(Problem(model, pictures, objective, stepper, steps, constraint, seed=seed))[0]


@torch.no_grad()
def correct(model: Classifier, pictures: Tensor, labels: Tensor) -> Tensor:
    """Which pictures the model classifies correctly; bool (n,)."""
    return model(pictures).argmax(1) == labels
