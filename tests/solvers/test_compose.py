"""Wrappers around the loop: the best iterate, random restarts, one problem after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

import robust_widgets as rw
from robust_widgets.errors import ParameterError
from robust_widgets.pictures.tensors import to_pixels
from robust_widgets.runs.record import Frame
from robust_widgets.solvers.compose import best_of_iterates, chain_problems, random_restarts
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.loop import iterate
from robust_widgets.synthesis.problem import Problem
from tests.helpers import pictures, raises_sentence, smooth_model

MODEL = smooth_model()
# Steps so long that a run overshoots.
WILD = Problem(MODEL, pictures(4), rw.CrossEntropy([0, 1, 2, 0]), rw.L2Step(4.0), 12, rw.L2Ball(5.0))
CALM = replace(WILD, stepper=rw.L2Step(0.3), constraint=rw.L2Ball(1.0), steps=4)
# Each picture goes where the next one should: up and down.


class Astray(rw.L2Step):
    def __call__(self, gradient: torch.Tensor) -> torch.Tensor:
        return super().__call__(gradient.roll(1, dims=0))


ASTRAY = replace(WILD, stepper=Astray(1.5))
NUMBERS = ("loss", "probability", "distance")


def shows(frame: Frame, index: int, other: Frame) -> bool:
    """Whether a picture of a frame is that of another frame, with its numbers."""
    return np.array_equal(frame.pixels[index], other.pixels[index]) and all(
        getattr(frame, name)[index] == getattr(other, name)[index] for name in NUMBERS
    )


def test_best_of_iterates_never_gets_worse() -> None:
    plain, best = run(ASTRAY), run(ASTRAY, solver=best_of_iterates())
    loss = plain.metrics["loss"]
    assert (np.diff(loss, axis=0) > 0).any(), "the plain run does get worse"
    np.testing.assert_array_equal(best.metrics["loss"], np.minimum.accumulate(loss))
    assert [frame.step for frame in best] == [frame.step for frame in plain]
    assert (best[-1].loss < plain[-1].loss).any()
    for step, frame in enumerate(best):
        for index in range(4):
            first_best = int(loss[: step + 1, index].argmin())
            assert shows(frame, index, plain[first_best]), "the picture and the numbers of that step"
            assert frame.probabilities is not None and plain[first_best].probabilities is not None
            np.testing.assert_array_equal(frame.probabilities[index], plain[first_best].probabilities[index])
    assert len(set(loss.argmin(0))) > 1, "each picture has its own best step"


def ends(count: int, problem: Problem) -> list[Frame]:
    return [run(replace(problem, seed=(problem.seed or 0) + i))[-1] for i in range(count)]


@pytest.mark.parametrize("seed", [None, 30])
def test_random_restarts_end_with_each_pictures_best_run(seed: int | None) -> None:
    problem = replace(WILD, seed=seed, steps=3)
    trace, own = run(problem, solver=random_restarts(5)), ends(5, problem)
    assert [frame.step for frame in trace] == list(range(5 * 4 + 1))
    for i, end in enumerate(own):
        np.testing.assert_array_equal(trace[4 * i + 3].pixels, end.pixels)
        np.testing.assert_array_equal(trace[4 * i].pixels, to_pixels(replace(problem, seed=(seed or 0) + i).init()[0]))
    losses = np.stack([end.loss for end in own])
    winners = losses.argmin(0)
    assert set(winners) != {4} and len(set(winners)) > 1, "not the last one for all"
    for index, winner in enumerate(winners):
        assert shows(trace[-1], index, own[winner])
        assert trace[-1].probabilities is not None and own[winner].probabilities is not None
        np.testing.assert_array_equal(trace[-1].probabilities[index], own[winner].probabilities[index])
    np.testing.assert_array_equal(trace[-1].loss, losses.min(0))
    assert all(a.seconds <= b.seconds for a, b in pairwise(trace))


def test_the_starts_are_random_points_of_the_ball() -> None:
    trace = run(CALM, solver=random_restarts(3))
    starts = [trace[5 * i] for i in range(3)]
    for one, other in pairwise(starts):
        assert not np.array_equal(one.pixels, other.pixels)
    assert all((frame.distance > 0).all() and (frame.distance <= 1.0001).all() for frame in starts)


def test_restarts_leave_the_outside_of_a_region_alone() -> None:
    region = torch.zeros(1, 1, 12, 12, dtype=torch.bool)
    region[..., 3:9, 3:9] = True
    trace = run(replace(CALM, region=region), solver=random_restarts(2))
    outside = ~region[0, 0].numpy()
    start = to_pixels(CALM.start)
    for frame in trace:
        np.testing.assert_array_equal(frame.pixels[:, outside], start[:, outside])


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "3", None])
def test_a_number_of_restarts_that_is_none(count: Any) -> None:
    with raises_sentence(ParameterError, repr(count)):
        random_restarts(count)


def test_restarts_need_a_limit() -> None:
    with raises_sentence(ParameterError, "L2Ball"):
        run(replace(CALM, constraint=rw.Unconstrained()), solver=random_restarts(2))


def from_here(target: int, steps: int = 3) -> Callable[[torch.Tensor], Problem]:
    return lambda x: replace(CALM, start=x, objective=rw.CrossEntropy(target), steps=steps)


def test_a_chain_goes_on_where_the_last_one_ended() -> None:
    handed: list[torch.Tensor] = []

    def second(x: torch.Tensor) -> Problem:
        handed.append(x)
        return from_here(2)(x)

    trace = run(CALM, solver=chain_problems(second, from_here(0, 2)))
    first = run(CALM)
    assert [frame.step for frame in trace] == list(range(4 + 3 + 2 + 1))
    np.testing.assert_array_equal(trace.frames[:5], first.frames)
    assert handed[0].dtype == torch.float32 and handed[0].min() >= 0 and handed[0].max() <= 1
    np.testing.assert_array_equal(to_pixels(handed[0]), first[-1].pixels)
    np.testing.assert_array_equal(trace.frames[5:8], run(from_here(2)(handed[0])).frames[1:])
    last = run(from_here(0, 2)(torch.from_numpy(trace[7].pixels).permute(0, 3, 1, 2) / 255))
    np.testing.assert_array_equal(trace.frames[8:], last.frames[1:])
    assert all(a.seconds <= b.seconds for a, b in pairwise(trace))


def test_a_chain_of_one_is_the_run() -> None:
    np.testing.assert_array_equal(run(CALM, solver=chain_problems()).frames, run(CALM).frames)


SOLVERS = {
    "best": best_of_iterates(),
    "restarts": random_restarts(3),
    "chain": chain_problems(from_here(1), from_here(2)),
    "best of restarts": best_of_iterates(random_restarts(3)),
    "restarts of best": random_restarts(3, best_of_iterates()),
    "chain of best": chain_problems(from_here(1), solver=best_of_iterates()),
}
every = pytest.mark.parametrize("name", SOLVERS)


@every
@pytest.mark.parametrize("stop", [0, 2, 6])
def test_false_from_on_step_stops_it(name: str, stop: int) -> None:
    whole = run(CALM, solver=SOLVERS[name])
    stopped = run(CALM, lambda frame: frame.step < stop, solver=SOLVERS[name])
    assert len(stopped) == min(stop + 1, len(whole))
    np.testing.assert_array_equal(stopped.frames, whole.frames[: len(stopped)])


@every
def test_the_same_call_gives_the_same_trace(name: str) -> None:
    problem = replace(CALM, stepper=rw.Momentum(CALM.stepper), objective=rw.Jitter(CALM.objective, 2))
    first, again = (run(problem, solver=SOLVERS[name]) for _ in range(2))
    np.testing.assert_array_equal(first.frames, again.frames)
    assert [frame.step for frame in first] == list(range(len(first))), "every frame has its number, once"
    assert (first.metrics["distance"] <= 1.0001).all()


def test_a_solver_is_asked_for_no_more_than_is_looked_at() -> None:
    made: list[int] = []

    def counted(problem: Problem) -> Iterator[Frame]:
        for frame in iterate(problem):
            made.append(frame.step)
            yield frame

    run(CALM, lambda frame: frame.step < 1, solver=random_restarts(9, counted))
    assert made == [0, 1]


def test_restarts_of_best_end_with_the_best_of_all_frames() -> None:
    every_frame = run(ASTRAY, solver=random_restarts(3)).metrics["loss"]
    best = run(ASTRAY, solver=random_restarts(3, best_of_iterates()))
    np.testing.assert_array_equal(best[-1].loss, every_frame.min(0))
