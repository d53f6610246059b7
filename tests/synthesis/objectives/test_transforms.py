"""Random shifts: which, when, and at what cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import robust_widgets as rw
from robust_widgets.errors import ParameterError
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.loop import CachedForward, minimize
from robust_widgets.synthesis.objectives import Classifier, CrossEntropy, Jitter, Objective
from robust_widgets.synthesis.problem import Problem
from tests.helpers import CompiledModule, Counting, pictures, raises_sentence, smooth_model

MODEL = smooth_model()
X = pictures(2)


class Seen(Objective):
    """Collects the pictures it is evaluated on."""

    def __init__(self) -> None:
        self.pictures: list[torch.Tensor] = []

    def __call__(self, model: Classifier, x: torch.Tensor) -> torch.Tensor:
        self.pictures.append(x.detach().clone())
        return x.mean((1, 2, 3))


def views(pixels: int, seed: int = 0, count: int = 60, x: torch.Tensor = X) -> list[torch.Tensor]:
    seen = Seen()
    objective: Objective = Jitter(seen, pixels, seed)
    for _ in range(count):
        loss, objective = objective.sample()
        loss(MODEL, x.clone())
    return seen.pictures


def shifted(x: torch.Tensor, down: int, right: int, most: int) -> torch.Tensor:
    height, width = x.shape[2:]
    rows = [abs(i + down - most) for i in range(height)]
    columns = [abs(i + right - most) for i in range(width)]
    rows = [i if i < height else 2 * (height - 1) - i for i in rows]
    columns = [i if i < width else 2 * (width - 1) - i for i in columns]
    return x[:, :, rows][:, :, :, columns]


@pytest.mark.parametrize("pixels", [1, 2])
def test_every_shift_up_to_its_size_comes_and_no_other(pixels: int) -> None:
    side = 2 * pixels + 1
    known = {(d, r): shifted(X, d, r, pixels) for d in range(side) for r in range(side)}
    found = [next(shift for shift, view in known.items() if torch.equal(view, one)) for one in views(pixels, count=300)]
    assert set(found) == set(known)


def test_all_pictures_of_a_batch_are_shifted_alike() -> None:
    for together, alone in zip(views(2), views(2, x=X[1:]), strict=True):
        assert torch.equal(together[1:], alone)


def test_a_shift_of_nothing_is_the_inner_loss() -> None:
    torch.testing.assert_close(Jitter(CrossEntropy(1), 0)(MODEL, X), CrossEntropy(1)(MODEL, X))
    problem = Problem(MODEL, X, CrossEntropy(1), rw.L2Step(0.3), 4)
    still = Problem(MODEL, X, Jitter(CrossEntropy(1), 0), rw.L2Step(0.3), 4)
    np.testing.assert_array_equal(run(problem).frames, run(still).frames)


def test_the_probability_is_that_of_the_same_view() -> None:
    model, objective = CachedForward(MODEL), Jitter(CrossEntropy(1), 4)
    for seed in range(5):
        x = pictures(2, seed=seed)
        loss, probability = objective(model, x), objective.probability(model, x)
        assert probability is not None
        torch.testing.assert_close(probability, (-loss).exp())


@pytest.mark.parametrize("build", [lambda j: j, lambda j: 2 * j, lambda j: CrossEntropy(0) + j, lambda j: -j + -j])
def test_each_run_makes_the_same_shifts(build: Any) -> None:
    problem = Problem(MODEL, X, build(Jitter(CrossEntropy(1), 3, seed=5)), rw.L2Step(0.3), 5)
    first = run(problem)
    np.testing.assert_array_equal(first.frames, run(problem).frames)
    assert torch.equal(minimize(problem), minimize(problem))
    half = run(problem, lambda frame: frame.step < 2)
    np.testing.assert_array_equal(half.frames, first.frames[: len(half)], "a stopped run has no influence")
    np.testing.assert_array_equal(first.frames, run(problem).frames)


def test_another_seed_makes_other_shifts() -> None:
    one, same, other = views(4, 1), views(4, 1), views(4, 2)
    assert all(map(torch.equal, one, same)) and not all(map(torch.equal, one, other))


def test_nested_shifts_are_the_same_in_each_run() -> None:
    problem = Problem(MODEL, X, Jitter(Jitter(CrossEntropy(1), 2), 3), rw.L2Step(0.3), 4)
    np.testing.assert_array_equal(run(problem).frames, run(problem).frames)


@pytest.mark.parametrize("objective", [Jitter(CrossEntropy(1), 3), Jitter(CrossEntropy(1) + CrossEntropy(0), 3)])
def test_one_forward_and_one_backward_a_step(objective: Objective) -> None:
    model = Counting(MODEL)
    trace = run(Problem(model, X, objective, rw.L2Step(0.1), 6))
    assert (model.forwards, model.backwards) == (7, 6)
    assert trace[0].probabilities is not None
    np.testing.assert_allclose(trace[0].probabilities[:, 1], trace[0].probability, rtol=1e-5)


def test_another_view_at_each_step_of_a_run() -> None:
    model = smooth_model()
    passes = CompiledModule(model)
    run(Problem(model, X, Jitter(CrossEntropy(1), 3), rw.L2Step(0.1), 6, constraint=rw.L2Ball(0.0)))
    assert len({x.numpy().tobytes() for x in passes.inputs}) > 4


def test_it_is_never_wider_than_the_picture() -> None:
    small = pictures(1, 5)
    assert all(view.shape == small.shape for view in views(99, count=20, x=small))


def test_the_gradient_comes_back_to_where_the_shift_took_it_from() -> None:
    x = X.clone().requires_grad_()
    seen = Seen()
    (gradient,) = torch.autograd.grad(Jitter(seen, 2, seed=3)(MODEL, x).sum(), x)
    assert gradient.sum().item() == pytest.approx(2.0, rel=1e-5), "each value of the view counts once"


@pytest.mark.parametrize("pixels", [-1, 1.5, True, "2", None])
def test_an_impossible_shift(pixels: Any) -> None:
    with raises_sentence(ParameterError, repr(pixels)):
        Jitter(CrossEntropy(0), pixels)


def test_its_representation() -> None:
    assert repr(Jitter(CrossEntropy(0), 3)) == "Jitter(CrossEntropy(0), 3)"
