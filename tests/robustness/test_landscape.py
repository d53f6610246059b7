"""The loss on a plane through a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

from robust_widgets.errors import ParameterError, TraceError
from robust_widgets.robustness.landscape import loss_slice
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.constraints import L2Ball, LinfBall
from robust_widgets.synthesis.loop import evaluate
from robust_widgets.synthesis.objectives import Classifier, CrossEntropy, Objective
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step, LinfStep
from tests.helpers import raises_sentence, smooth_model


class Bowl(Objective):
    """The squared distance to a colour: its levels on any plane are circles."""

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return (x - torch.tensor([0.8, 0.5, 0.3]).view(3, 1, 1)).square().sum((1, 2, 3))


def bowl(**changes: Any) -> Problem:
    start = torch.full((2, 3, 8, 8), 0.5)
    problem = Problem(smooth_model(8), start, Bowl(), L2Step(0.2), 12, constraint=L2Ball(1.5))
    return replace(problem, **changes)


def test_the_loss_is_that_of_the_pictures_in_the_plane() -> None:
    problem = bowl()
    cut = loss_slice(problem, run(problem), points=9)
    start = float(evaluate(problem, problem.start).loss[0])
    middle = len(cut.along) // 2
    assert cut.losses.shape == cut.distances.shape == (9, 9) and cut.epsilon == 1.5
    assert cut.losses[middle, middle] == pytest.approx(start, rel=1e-4) and cut.distances[middle, middle] == 0
    # Straight towards the colour, the loss is the square of what is left of the way.
    assert cut.losses[middle, middle + 2] == pytest.approx((start**0.5 - cut.along[middle + 2]) ** 2, rel=1e-2)
    # Lengths in the plane are lengths of pictures.
    assert cut.distances == pytest.approx(np.hypot(*np.meshgrid(cut.along, cut.across)), rel=1e-4, abs=1e-6)


def test_the_path_begins_in_the_middle_and_ends_at_the_ball() -> None:
    problem = bowl()
    cut = loss_slice(problem, run(problem), picture=1)
    assert cut.path.shape == (13, 2)
    assert cut.path[0] == pytest.approx([0, 0], abs=0.05)
    assert cut.path[-1] == pytest.approx([1.5, 0], abs=0.05)
    assert cut.variance_share == pytest.approx(1, abs=0.01)
    assert cut.along[-1] >= 1.5


def test_a_bent_path_of_a_real_network_lies_mostly_in_the_plane() -> None:
    start = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    problem = Problem(smooth_model(12), start, CrossEntropy(1), LinfStep(0.02), 20, constraint=LinfBall(0.1))
    cut = loss_slice(problem, run(problem), points=7)
    assert 0.5 < cut.variance_share <= 1.0 + 1e-9
    assert cut.path[-1, 1] == pytest.approx(0, abs=1e-6) and np.abs(cut.path[:, 1]).max() > 0
    # The ball of another norm is measured in that norm.
    assert cut.epsilon == 0.1 and cut.distances.max() < np.hypot(cut.along[-1], cut.across[-1])


def test_it_draws_the_loss_the_path_and_the_ball() -> None:
    problem = bowl()
    figure = Figure()
    axes = figure.subplots()
    loss_slice(problem, run(problem), points=5).draw(axes)
    assert len(axes.lines) == 3 and len(axes.collections) == 2
    assert axes.lines[0].get_xydata().shape == (13, 2)


def test_what_cannot_be_cut_is_said() -> None:
    problem = bowl()
    trace = run(problem)
    with raises_sentence(ParameterError, "picture is 2"):
        loss_slice(problem, trace, picture=2)
    with raises_sentence(ParameterError, "points is 2"):
        loss_slice(problem, trace, points=2)
    with raises_sentence(TraceError, "not of this problem"):
        loss_slice(problem, Trace("empty", {}))
    with raises_sentence(TraceError, "ended where it began"):
        loss_slice(bowl(constraint=L2Ball(0)), run(bowl(constraint=L2Ball(0))))


@pytest.mark.parametrize("option", [{"picture": "0"}, {"picture": 0.5}, {"points": "9"}, {"margin": None}])
def test_numbers_of_another_kind_are_refused(option: dict[str, Any]) -> None:
    problem = bowl(steps=1)
    with raises_sentence(ParameterError, repr(next(iter(option.values())))):
        loss_slice(problem, run(problem), **option)
