"""Stacked runs: each is what it would be alone, whoever it shares its steps with, and whenever it joined them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robust_widgets.errors import RunError
from robust_widgets.interface.session import RunRequest
from robust_widgets.runs.record import Frame
from robust_widgets.solvers.compose import StageSequence
from robust_widgets.solvers.stacking import Stack, StackableRun, step_together
from robust_widgets.synthesis.constraints import L2Ball, LinfBall
from robust_widgets.synthesis.loop import iterate
from robust_widgets.synthesis.objectives import Jitter, Objective
from robust_widgets.synthesis.objectives.base import changed
from robust_widgets.synthesis.objectives.layers import Activation, DeepDream, Direction
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import GradientStep, L2Step, LinfStep, Momentum, Weighted
from robust_widgets.tasks.running.run import build_problem, build_stages
from tests.helpers import Brightness, Counting, SmoothNet, pictures, smooth_model
from tests.solvers.cases import CONSTRAINTS, OBJECTIVES, REGIONS, STEPPERS

SIDE = 12


# Of double precision, so that the rounding of a batch, which differs from that of one picture, shows nowhere.
EXACT, BATCHED = smooth_model(SIDE, dtype=torch.float64), smooth_model(SIDE)
PICTURE = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
MASK = np.zeros((SIDE, SIDE), np.uint8)
MASK[2:9, 3:10] = 255


def stacked(runs: Sequence[tuple[int, StackableRun]]) -> list[list[Frame]]:
    """The frames of all runs, each of which joins at its step."""
    frames: list[list[Frame]] = [[] for _ in runs]
    turn = 0
    while any(not run.finished for _, run in runs):
        present = [index for index, (joined, run) in enumerate(runs) if joined <= turn and not run.finished]
        for index, frame in zip(present, step_together([runs[i][1] for i in present]) if present else [], strict=True):
            assert isinstance(frame, Frame)
            frames[index].append(frame)
        turn += 1
    return frames


def assert_same(frames: Sequence[Frame], expected: Sequence[Frame]) -> None:
    """Pictures to the bit, numbers up to rounding; the clock is each run's own."""
    assert [frame.step for frame in frames] == [frame.step for frame in expected]
    for frame, other in zip(frames, expected, strict=True):
        np.testing.assert_array_equal(frame.pixels, other.pixels, f"step {frame.step}")
        for name, tolerance in (("loss", 1e-9), ("probability", 1e-9), ("distance", 1e-9), ("probabilities", 1e-6)):
            values, wanted = getattr(frame, name), getattr(other, name)
            assert (values is None) == (wanted is None)
            if values is not None:
                np.testing.assert_allclose(values, wanted, tolerance, 1e-12, err_msg=name)
        assert (frame.gradient is None) == (other.gradient is None)
        if frame.gradient is not None and other.gradient is not None:  # rounded to whole levels
            assert np.abs(frame.gradient.astype(int) - other.gradient).max() <= 1


requests = st.builds(
    lambda task, target, constraint, mask, **parameters: RunRequest(
        task,
        "4" if task == "paint_features" else target,
        {
            **{name: value for name, value in parameters.items() if name not in ("n", "penalty", "factor")},
            "constraint": constraint,
            **({"n": parameters["n"]} if task == "generate" else {}),
            **({"penalty": parameters["penalty"]} if task in ("inpaint", "paint_features") else {}),
            **({"factor": parameters["factor"]} if task == "super_resolve" else {}),
        },
        None if task == "generate" else PICTURE,
        np.roll(MASK, mask, (0, 1)) if task in ("inpaint", "paint_features") else None,
    ),
    st.sampled_from(["generate", "sketch_to_image", "translate", "super_resolve", "inpaint", "paint_features"]),
    st.sampled_from(["dog", "cat", "goldfish"]),
    st.sampled_from(["l2", "linf", "none"]),
    st.integers(-2, 2),
    epsilon=st.floats(0.5, 60),
    step_size=st.floats(0.1, 4),
    steps=st.integers(1, 5),
    seed=st.integers(0, 1000),
    n=st.integers(1, 3),
    penalty=st.sampled_from([None, "paper", 3.0]),
    factor=st.sampled_from([1.5, 2.0]),
)


@given(st.lists(st.tuples(requests, st.integers(0, 4)), min_size=2, max_size=5))
@settings(max_examples=40)
def test_a_run_of_any_task_is_what_it_would_be_alone(joining: list[tuple[RunRequest, int]]) -> None:
    problems = [build_problem(EXACT, request) for request, _ in joining]
    runs = [(joined, StackableRun(problem)) for problem, (_, joined) in zip(problems, joining, strict=True)]
    assert all(run.key is not None for _, run in runs)
    for problem, frames in zip(problems, stacked(runs), strict=True):
        assert_same(frames, list(iterate(problem)))


WEIGHT = torch.linspace(0, 1, SIDE).expand(1, 1, SIDE, SIDE)
MORE_STEPPERS = [
    *STEPPERS,
    Weighted(L2Step(0.4), WEIGHT),
    Momentum(Weighted(LinfStep(0.05), WEIGHT.expand(3, -1, -1, -1))),
]
parts = st.tuples(
    st.sampled_from(OBJECTIVES),
    st.sampled_from(MORE_STEPPERS),
    st.sampled_from(CONSTRAINTS),
    st.sampled_from(list(REGIONS)),
)


@given(parts, st.lists(st.tuples(st.floats(0.1, 3), st.floats(0.1, 3), st.integers(0, 3)), min_size=2, max_size=4))
@settings(max_examples=40)
def test_so_is_one_of_any_loss_ball_stepper_and_region(
    chosen: tuple[Any, Any, Any, str], scales: list[tuple[float, float, int]]
) -> None:
    objective, stepper, constraint, region = chosen
    problems = [
        Problem(
            EXACT,
            pictures(3, SIDE, seed=index),
            scale * objective,
            _scaled(stepper, "step_size", length),
            4,
            _scaled(constraint, "epsilon", scale),
            REGIONS[region] if index else None,
        )
        for index, (scale, length, _) in enumerate(scales)
    ]
    runs = [(joined, StackableRun(problem)) for problem, (*_, joined) in zip(problems, scales, strict=True)]
    assert len({run.key for _, run in runs}) == 1 and runs[0][1].key is not None
    for problem, frames in zip(problems, stacked(runs), strict=True):
        assert_same(frames, list(iterate(problem)))


def _scaled(part: Any, name: str, factor: float) -> Any:
    if isinstance(part, Momentum):
        return Momentum(_scaled(part.inner, name, factor), min(0.9, 0.3 * factor))
    if isinstance(part, Weighted):
        return Weighted(_scaled(part.inner, name, factor), part.weight)
    return replace(part, **{name: factor * getattr(part, name)}) if hasattr(part, name) else part


def test_a_batched_network_gives_the_same_to_a_level_of_255() -> None:
    problems = [
        build_problem(BATCHED, RunRequest("generate", target, {"steps": 30, "epsilon": epsilon, "seed": seed, "n": 2}))
        for target, epsilon, seed in (("dog", 40, 1), ("cat", 5, 2), ("goldfish", 20, 3))
    ]
    runs = [(index * 7, StackableRun(problem)) for index, problem in enumerate(problems)]
    for problem, frames in zip(problems, stacked(runs), strict=True):
        for frame, other in zip(frames, iterate(problem), strict=True):
            assert np.abs(frame.pixels.astype(int) - other.pixels).max() <= 1


def larger(seed: int, size: int = 20) -> Problem:
    request = RunRequest("sketch_to_image", "cat", {"steps": 4, "size": size, "seed": seed}, PICTURE)
    problem = build_problem(EXACT, request)
    assert isinstance(problem.objective, Jitter)
    return problem


def test_pictures_larger_than_the_model_keep_their_own_shifts() -> None:
    problems = [larger(1), larger(2), larger(1)]
    runs = [(joined, StackableRun(problem)) for joined, problem in zip((0, 1, 2), problems, strict=True)]
    assert len({run.key for _, run in runs}) == 1
    for problem, frames in zip(problems, stacked(runs), strict=True):
        assert_same(frames, list(iterate(problem)))


def test_a_penalty_stays_where_the_shifted_loss_is() -> None:
    requests = [
        RunRequest("inpaint", "cat", {"steps": 3, "size": 20, "seed": seed, "penalty": weight}, PICTURE, MASK)
        for seed, weight in ((1, 2.0), (5, 30.0))
    ]
    problems = [build_problem(EXACT, request) for request in requests]
    for problem, frames in zip(problems, stacked([(0, StackableRun(p)) for p in problems]), strict=True):
        assert_same(frames, list(iterate(problem)))


def test_a_run_from_coarse_to_fine_shares_the_steps_of_each_size() -> None:
    from robust_widgets.solvers.compose import coarse_to_fine

    request = RunRequest("sketch_to_image", "dog", {"steps": 8, "size": 24, "seed": 3}, PICTURE)
    stages = build_stages(EXACT, request)
    assert len(stages) > 1
    expected = list(coarse_to_fine(*stages[:-1], solver=iterate)(stages[-1]))
    sequence, frames = StageSequence(*stages), []
    while (problem := sequence.begin_next()) is not None:
        run = StackableRun(problem)
        other = StackableRun(replace(problem, steps=50))
        while not run.finished:
            frame, _ = step_together([run, other])
            assert isinstance(frame, Frame)
            frames.append(sequence.enlarge(frame))
    assert_same([frame for frame in frames if frame is not None], expected)


def test_runs_of_one_structure_cost_one_pass() -> None:
    model: Any = Counting(EXACT)
    problems = [Problem(model, pictures(1, SIDE, seed=i), OBJECTIVES[7], L2Step(0.1 + i), 3) for i in range(4)]
    stacked([(0, StackableRun(problem)) for problem in problems])
    assert model.forwards == 4, "the last frames cost no pass of their own, and four runs cost one"


class OwnStep(L2Step):
    """A subclass may do anything with its numbers."""


@pytest.mark.parametrize(
    "values", [{"objective": Brightness()}, {"stepper": OwnStep(0.1)}], ids=["own loss", "own stepper"]
)
def test_a_run_with_a_part_of_somebodys_own_takes_its_steps_alone(values: dict[str, Any]) -> None:
    problem = replace(larger(1), **values)
    run, other = StackableRun(problem), StackableRun(problem)
    assert run.key is None
    for frames in stacked([(0, run), (1, other)]):
        assert_same(frames, list(iterate(problem)))


def test_other_structures_are_not_stacked() -> None:
    base = Problem(EXACT, pictures(1, SIDE), OBJECTIVES[7], L2Step(0.1), 3, L2Ball(1))
    others = [
        replace(base, model=BATCHED),
        replace(base, start=pictures(1, 16)),
        replace(base, stepper=LinfStep(0.1)),
        replace(base, stepper=Momentum(L2Step(0.1))),
        replace(base, constraint=LinfBall(1)),
        replace(base, objective=OBJECTIVES[1]),
    ]
    assert len({StackableRun(problem).key for problem in (base, *others)}) == 7


def test_a_loss_that_is_not_finite_is_its_own_runs_alone() -> None:
    problems = [
        Problem(EXACT, pictures(1, SIDE, seed=i), changed(1.0 * OBJECTIVES[7], weight=weight), GradientStep(0.1), 2)
        for i, weight in enumerate((1.0, math.inf, 2.0))
    ]
    first, broken, last = step_together([StackableRun(problem) for problem in problems])
    assert isinstance(broken, RunError) and isinstance(first, Frame) and isinstance(last, Frame)
    assert_same([first, last], [next(iterate(problems[0])), next(iterate(problems[2]))])


def test_a_step_that_fails_moves_no_run() -> None:
    problems = [Problem(EXACT, pictures(1, SIDE, seed=i), OBJECTIVES[7], L2Step(0.1), 2) for i in range(2)]
    runs = [StackableRun(problem) for problem in problems]

    def explode(*_: object) -> None:
        raise RuntimeError("no")

    hook = cast(SmoothNet, EXACT.network).head.register_forward_pre_hook(explode)
    with pytest.raises(RuntimeError):
        step_together(runs)
    hook.remove()
    assert [run.step for run in runs] == [0, 0]
    for problem, frames in zip(problems, stacked([(0, run) for run in runs]), strict=True):
        assert_same(frames, list(iterate(problem)))


def test_a_stack_of_the_same_runs_goes_on_until_one_moves_elsewhere() -> None:
    problem = Problem(EXACT, pictures(1, SIDE), OBJECTIVES[7], Momentum(L2Step(0.1)), 9, L2Ball(1))
    runs = [StackableRun(problem), StackableRun(problem)]
    stack = Stack(runs)
    stack.step()
    assert stack.is_of(runs) and not stack.is_of(runs[::-1]) and not stack.is_of(runs[:1])
    step_together(runs[:1])
    assert not stack.is_of(runs)
    again = Stack(runs).step()
    expected = list(_first(iterate(problem), 3))
    assert_same([again[0], again[1]], [expected[2], expected[1]])  # type: ignore[list-item]


def _first(frames: Iterator[Frame], count: int) -> Iterator[Frame]:
    return (frame for frame, _ in zip(frames, range(count), strict=False))


def test_channels_of_a_layer_are_stacked_and_other_layers_are_not() -> None:
    def problem(seed: int, objective: Objective) -> Problem:
        return Problem(EXACT, pictures(1, SIDE, seed=seed), objective, L2Step(0.1 + seed), 3)

    vector = torch.linspace(-1, 1, 8, dtype=torch.float64)
    for objectives in (
        [Activation(i, layer="conv1", at="centre") for i in range(3)],
        [Direction(i * vector, layer="conv1") for i in range(1, 4)],
        [DeepDream("conv1")] * 3,
    ):
        problems = [problem(seed, objective) for seed, objective in enumerate(objectives)]
        runs = [StackableRun(each) for each in problems]
        assert len({run.key for run in runs}) == 1 and runs[0].key is not None
        for frames, each in zip(stacked([(0, run) for run in runs]), problems, strict=True):
            assert_same(frames, list(iterate(each)))
    different = [
        Activation(0, layer="conv1"),
        Activation(0, layer="conv2"),
        Activation(0, layer="conv1", at=(1, 1)),
        Activation(0),
        DeepDream("conv2"),
    ]
    assert len({StackableRun(problem(0, objective)).key for objective in different}) == len(different)
