"""What a frame holds besides its pictures, what a region does, and that runs are independent."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from robust_widgets.errors import RunError
from robust_widgets.pictures.tensors import to_pixels
from robust_widgets.solvers.compose import best_of_iterates, chain_problems
from robust_widgets.solvers.run import compiled_iterate, new_trace, run
from robust_widgets.synthesis.constraints import L2Ball, LinfBall, Unconstrained
from robust_widgets.synthesis.loop import Solver, iterate, minimize, step
from robust_widgets.synthesis.objectives import Classifier, CrossEntropy, Jitter, Objective
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import GradientStep, L2Step, LinfStep, Momentum
from tests.helpers import Brightness, pictures, raises_sentence, smooth_model

MODEL = smooth_model()
REGION = torch.zeros(1, 1, 12, 12, dtype=torch.bool)
REGION[..., 2:7, 3:10] = True
PROBLEM = Problem(MODEL, pictures(3), CrossEntropy([0, 1, 2]), L2Step(0.3), 5, L2Ball(1.0))


def test_the_probabilities_are_those_of_the_frames_own_picture() -> None:
    x, state = PROBLEM.init()
    for frame in iterate(PROBLEM):
        assert frame.probabilities is not None and frame.probabilities.dtype == np.float32
        np.testing.assert_allclose(frame.probabilities, MODEL(x).softmax(1), rtol=1e-5)
        np.testing.assert_allclose(frame.probabilities[range(3), range(3)], frame.probability, rtol=1e-5)
        x, _, state = step(PROBLEM, x, state)


def test_a_loss_that_asks_no_model_has_no_probabilities() -> None:
    assert all(frame.probabilities is None for frame in iterate(replace(PROBLEM, objective=Brightness())))
    both = run(replace(PROBLEM, objective=Brightness() + CrossEntropy(1)))
    assert both[0].probabilities is not None
    np.testing.assert_allclose(both[0].probabilities[:, 1], both[0].probability, rtol=1e-5)


def test_the_heat_map_is_the_gradients_length_at_each_pixel() -> None:
    frames = list(iterate(PROBLEM))
    x = PROBLEM.start.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(CrossEntropy([0, 1, 2])(MODEL, x).sum(), x)
    length = gradient.square().sum(1).sqrt()
    wanted = (255 * length / length.amax((1, 2), keepdim=True)).numpy()
    heat = frames[0].gradient
    assert heat is not None and heat.dtype == np.uint8 and heat.shape == (3, 12, 12)
    assert np.abs(heat - wanted).max() <= 0.51 and (heat.max((1, 2)) == 255).all()
    assert [frame.gradient is None for frame in frames] == [False] * 5 + [True]


def test_no_gradient_no_heat() -> None:
    frame = next(iterate(replace(PROBLEM, objective=0 * CrossEntropy(0))))
    assert frame.gradient is not None and not frame.gradient.any()


@pytest.mark.parametrize("constraint", [L2Ball(1.3), LinfBall(0.1), Unconstrained()])
def test_a_trace_has_its_classes_and_its_epsilon(constraint: Any) -> None:
    trace = new_trace(replace(PROBLEM, constraint=constraint))
    assert trace.classes == MODEL.classes and trace.radius == getattr(constraint, "epsilon", None)
    assert new_trace(replace(PROBLEM, model=lambda x: MODEL(x))).classes == ()


@pytest.mark.parametrize("stepper", [L2Step(0.4), LinfStep(0.05), GradientStep(30.0), Momentum(L2Step(0.4))], ids=repr)
@pytest.mark.parametrize("constraint", [L2Ball(0.5), LinfBall(0.05), Unconstrained()], ids=repr)
@pytest.mark.parametrize("seed", [None, 6])
@pytest.mark.parametrize("each", [False, True])
def test_outside_the_region_the_start_stays_bit_for_bit(stepper: Any, constraint: Any, seed: Any, each: bool) -> None:
    region = torch.cat([REGION, REGION.flip(2), ~REGION]) if each else REGION
    problem = replace(PROBLEM, stepper=stepper, constraint=constraint, region=region, seed=seed, steps=4)
    outside = (~region).expand(problem.start.shape)
    end = minimize(problem)
    assert torch.equal(end[outside], problem.start[outside])
    assert (end != problem.start).flatten(1).any(1).all()
    still = np.broadcast_to((~region)[:, 0].numpy(), (3, 12, 12))
    for frame in iterate(problem):
        np.testing.assert_array_equal(frame.pixels[still], to_pixels(problem.start)[still])


def test_the_region_masks_the_gradient_before_it_becomes_a_step() -> None:
    problem = replace(PROBLEM, region=REGION, start=pictures(3, low=0.4, high=0.6))
    after, info, _ = step(problem, *problem.init())
    torch.testing.assert_close((after - problem.start).flatten(1).norm(dim=1), torch.full((3,), 0.3), rtol=1e-4, atol=0)
    assert info.gradient is not None and not info.gradient[(~REGION).expand(3, 3, 12, 12)].any()
    heat = next(iterate(problem)).gradient
    assert heat is not None and (heat.max((1, 2)) == 255).all() and not heat[:, ~REGION[0, 0].numpy()].any()


def test_a_region_of_everything_changes_nothing() -> None:
    np.testing.assert_array_equal(
        run(replace(PROBLEM, region=torch.ones_like(REGION))).frames, run(PROBLEM).frames, strict=True
    )


def test_runs_of_a_problem_with_state_are_independent() -> None:
    problem = replace(PROBLEM, stepper=Momentum(L2Step(0.3)), objective=Jitter(CrossEntropy(1), 3))
    first = run(problem)
    np.testing.assert_array_equal(run(problem).frames, first.frames)
    np.testing.assert_array_equal(to_pixels(minimize(problem)), first[-1].pixels)
    np.testing.assert_array_equal(to_pixels(minimize(problem)), first[-1].pixels)
    one, other = iterate(problem), iterate(problem)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.pixels, b.pixels, "two runs at once are independent")


def test_momentum_smooths_a_run_of_a_shifting_view() -> None:
    def straightness(stepper: Any) -> float:
        given = replace(
            PROBLEM, objective=Jitter(CrossEntropy(1), 4), stepper=stepper, constraint=Unconstrained(), steps=10
        )
        (x, state), steps = given.init(), []
        for _ in range(given.steps):
            following, _, state = step(given, x, state)
            steps.append((following - x).flatten())
            x = following
        return float(torch.stack([torch.cosine_similarity(a, b, dim=0) for a, b in pairwise(steps)]).mean())

    assert straightness(Momentum(L2Step(0.1), 0.9)) > straightness(L2Step(0.1)) + 0.1


class Breaking(Objective):
    """A loss that is not finite once the picture has changed, or from the start."""

    def __init__(self, value: float, tolerance: float = 0.05) -> None:
        self.value, self.tolerance = value, tolerance

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        loss, distance = x.mean((1, 2, 3)), (x - 0.5).abs().amax((1, 2, 3))
        return torch.where(distance > self.tolerance, torch.full_like(loss, self.value), loss)


def breaking(value: float, tolerance: float = 0.05) -> Problem:
    start = torch.full((2, 3, 12, 12), 0.5)
    return Problem(smooth_model(), start, Breaking(value, tolerance), LinfStep(0.02), 6)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("solver", [iterate, compiled_iterate, best_of_iterates()])
def test_a_run_ends_before_a_loss_that_is_not_finite(value: float, solver: Solver) -> None:
    with pytest.warns(RuntimeWarning, match=f"loss is {value} at step 3"):
        trace = run(breaking(value), solver=solver)
    assert len(trace) == 3 and np.isfinite(trace.metrics["loss"]).all()
    np.testing.assert_array_equal(trace[-1].pixels, np.full((2, 12, 12, 3), round(255 * 0.46), np.uint8))


def test_a_loss_that_is_not_finite_at_the_start() -> None:
    with raises_sentence(RunError, "nan at step 0"):
        run(breaking(math.nan, -1.0))


def test_a_loss_that_breaks_in_a_later_part_of_a_chain() -> None:
    with pytest.warns(RuntimeWarning, match="at step 3"):
        trace = run(replace(breaking(0.0), steps=2), solver=chain_problems(lambda x: breaking(math.nan)))
    assert len(trace) == 3 + 2
