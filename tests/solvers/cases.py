"""Parts of problems whose steps every backend records."""

from __future__ import annotations

from typing import Any

import torch

from robust_widgets.synthesis.constraints import L2Ball, LinfBall, Unconstrained
from robust_widgets.synthesis.objectives import AwayFrom, CrossEntropy, MatchOutside, Mixture
from robust_widgets.synthesis.objectives.layers import Activation
from robust_widgets.synthesis.steppers import GradientStep, L2Step, LinfStep, Momentum
from tests.helpers import pictures

INSIDE = torch.zeros(1, 1, 12, 12, dtype=torch.bool)
INSIDE[:, :, 3:9, 4:10] = True

STEPPERS: list[Any] = [
    L2Step(0.4),
    LinfStep(0.05),
    GradientStep(30.0),
    Momentum(L2Step(0.4)),
    Momentum(Momentum(LinfStep(0.03))),
]
CONSTRAINTS: list[Any] = [L2Ball(0.5), L2Ball(0), LinfBall(0.05), Unconstrained()]
REGIONS: dict[str, torch.Tensor | None] = {
    "all": None,
    "one": INSIDE,
    "n": torch.cat([INSIDE, ~INSIDE, INSIDE.flip(2)]),
}
OBJECTIVES: list[Any] = [
    CrossEntropy(["cat", "dog", "goldfish"]),
    AwayFrom("cat"),
    Mixture({"cat": 2, "dog": 1}),
    Activation(3),
    Activation([3, 1, 2]),
    Activation(3) + 0.1 * MatchOutside(pictures(1, seed=5), INSIDE),
    2 * CrossEntropy("cat") - 0.5 * AwayFrom([0, 1, 2]),
    -CrossEntropy(1),
]
