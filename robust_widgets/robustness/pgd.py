"""Pictures made to fool a model: the inner step of adversarial training, and what robustness is measured with."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from robust_widgets.errors import ParameterError
from robust_widgets.synthesis.constraints import Constraint, L2Ball, LinfBall
from robust_widgets.synthesis.loop import minimize
from robust_widgets.synthesis.objectives import Classifier, CrossEntropy
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step, LinfStep, Stepper

Norm = Literal["l2", "linf"]


def ball_and_step(norm: str, radius: float, step_size: float) -> tuple[Constraint, Stepper]:
    """The constraint and stepper of a norm.

    Raises:
        ParameterError: the norm is neither "l2" nor "linf".
    """
    if norm == "l2":
        return L2Ball(radius), L2Step(step_size)
    if norm == "linf":
        return LinfBall(radius), LinfStep(step_size)
    raise ParameterError(f"The norm is {norm!r}; it must be 'l2' or 'linf'.")


def attack(
    model: Classifier,
    pictures: Tensor,
    labels: Tensor,
    *,
    norm: str,
    radius: float,
    steps: int,
    step_size: float | None = None,
    seed: int = 0,
) -> Tensor:
    """Pictures within ``radius`` of ``pictures`` that the model gets wrong, as far as PGD finds them.

    Args:
        model: maps (n, 3, h, w) in [0, 1] to logits.
        pictures: float (n, 3, h, w) in [0, 1].
        labels: the true classes, (n,).
        norm: "l2" or "linf".
        radius: raw pixels at the pictures' side.
        steps: PGD steps from a random start in the ball.
        step_size: by default 1.25 * radius for one step, 2.5 * radius / steps for more (the field's usual choice).
        seed: decides the random start.
    """
    if radius == 0:
        return pictures
    size = step_size if step_size is not None else radius * (1.25 if steps == 1 else 2.5 / steps)
    constraint, stepper = ball_and_step(norm, radius, size)
    objective = -CrossEntropy(labels)
    return minimize(Problem(model, pictures, objective, stepper, steps, constraint, seed=seed))


@torch.no_grad()
def correct(model: Classifier, pictures: Tensor, labels: Tensor) -> Tensor:
    """Which samples the model gets right; bool (n,)."""
    return model(pictures).argmax(1) == labels
