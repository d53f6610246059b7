"""The step loop: what holds for every constraint, stepper and objective, what a step costs, what it leaves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from robust_widgets.errors import ParameterError, PictureError
from robust_widgets.pictures.tensors import to_pixels
from robust_widgets.runs.record import Frame
from robust_widgets.solvers.run import new_trace, run
from robust_widgets.synthesis import loop as synthesis
from robust_widgets.synthesis.constraints import Constraint, L2Ball, LinfBall, Unconstrained
from robust_widgets.synthesis.loop import iterate, minimize, step
from robust_widgets.synthesis.objectives import CrossEntropy, Objective
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import GradientStep, L2Step, LinfStep, Stepper
from tests.helpers import Counting, pictures, raises_sentence, smooth_model, tiny_model

MODEL = smooth_model()
MODEL64 = smooth_model(dtype=torch.float64)

# Each takes one target a sample, so that the same loss can be asked of a sample alone.
OBJECTIVES: dict[str, Callable[[Sequence[int]], Objective]] = {
    "one class": lambda t: CrossEntropy(t),
    "a sum": lambda t: CrossEntropy(t) + 0.5 * CrossEntropy(0),
    "scaled": lambda t: 3 * CrossEntropy(t),
    "a difference": lambda t: CrossEntropy(t) - 0.2 * CrossEntropy(1),
    "ascent": lambda t: -CrossEntropy(t),
}
constraints: st.SearchStrategy[Constraint] = st.one_of(
    st.floats(0, 3).map(L2Ball), st.floats(0, 0.4).map(LinfBall), st.just(Unconstrained())
)
steppers: st.SearchStrategy[Stepper] = st.one_of(
    st.floats(1e-3, 3).map(L2Step), st.floats(1e-4, 0.5).map(LinfStep), st.floats(1e-2, 300).map(GradientStep)
)
objectives = st.sampled_from(sorted(OBJECTIVES))
targets = st.lists(st.integers(0, 2), min_size=1, max_size=3)
random_starts = st.one_of(st.none(), st.integers(0, 2**31))


def make(
    kind: str = "one class",
    target: Sequence[int] = (0, 1, 2),
    constraint: Constraint | None = None,
    stepper: Stepper | None = None,
    steps: int = 5,
    seed: int | None = None,
    look: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Problem:
    return Problem(
        model=MODEL if dtype == torch.float32 else MODEL64,
        start=pictures(len(target), seed=look, dtype=dtype),
        objective=OBJECTIVES[kind](list(target)),
        stepper=stepper or L2Step(0.3),
        steps=steps,
        constraint=constraint or L2Ball(1.0),
        seed=seed,
    )


def path(problem: Problem) -> list[torch.Tensor]:
    x, state = problem.init()
    found = [x]
    for _ in range(problem.steps):
        x, _, state = step(problem, x, state)
        found.append(x)
    return found


@settings(max_examples=60)
@given(objectives, targets, constraints, steppers, random_starts, st.integers(0, 99))
@example("one class", [0, 1], LinfBall(0.05), LinfStep(0.5), 1, 0)
@example("ascent", [2], L2Ball(0.5), L2Step(3.0), 7, 0)
def test_every_picture_is_in_the_ball_and_is_a_picture(
    kind: str, target: list[int], constraint: Constraint, stepper: Stepper, seed: int | None, look: int
) -> None:
    problem = make(kind, target, constraint, stepper, 4, seed, look)
    radius = getattr(constraint, "epsilon", math.inf)
    for x in path(problem):
        assert x.min() >= 0 and x.max() <= 1
        away = constraint.distance(x.double(), problem.start.double())
        assert (away <= radius * (1 + 1e-5) + 1e-6).all()


@settings(max_examples=40)
@given(objectives, targets, st.sampled_from(["l2", "gradient"]), st.integers(0, 99), st.booleans())
def test_small_steps_lower_the_loss_of_every_sample(
    kind: str, target: list[int], rule: str, look: int, in_ball: bool
) -> None:
    problem = make(
        kind,
        target,
        L2Ball(0.5) if in_ball else Unconstrained(),
        L2Step(0.01) if rule == "l2" else GradientStep(0.2),
        steps=6,
    )
    problem = replace(problem, start=pictures(len(target), seed=look, low=0.3, high=0.7))
    losses = np.stack([frame.loss for frame in iterate(problem)])
    assert (np.diff(losses, axis=0) < 0).all(), losses


@settings(max_examples=25)
@given(objectives, targets, constraints, steppers, random_starts, st.integers(0, 99))
def test_the_same_problem_gives_the_same_trace(
    kind: str, target: list[int], constraint: Constraint, stepper: Stepper, seed: int | None, look: int
) -> None:
    first, again = (run(make(kind, target, constraint, stepper, 3, seed, look)) for _ in range(2))
    np.testing.assert_array_equal(first.frames, again.frames)
    for name, values in first.metrics.items():
        np.testing.assert_array_equal(values, again.metrics[name])


@settings(max_examples=40)
@given(objectives, st.lists(st.integers(0, 2), min_size=2, max_size=4), constraints, steppers, st.integers(0, 99))
def test_a_sample_evolves_as_if_it_were_alone(
    kind: str, target: list[int], constraint: Constraint, stepper: Stepper, look: int
) -> None:
    together = make(kind, target, constraint, stepper, 4, None, look, torch.float64)
    frames = list(iterate(together))
    end = minimize(together)
    for i, own in enumerate(target):
        alone = replace(together, start=together.start[i : i + 1], objective=OBJECTIVES[kind]([own]))
        torch.testing.assert_close(minimize(alone)[0], end[i], rtol=0, atol=1e-9)
        for frame, single in zip(frames, iterate(alone), strict=True):
            for name in ("loss", "probability", "distance"):
                np.testing.assert_allclose(getattr(single, name)[0], getattr(frame, name)[i], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("constraint", [L2Ball(1.0), LinfBall(0.1)])
def test_a_random_start_does_not_depend_on_the_samples_that_follow(constraint: Constraint) -> None:
    many = make(constraint=constraint, seed=5, dtype=torch.float64)
    few = replace(many, start=many.start[:2], objective=CrossEntropy([0, 1]))
    torch.testing.assert_close(minimize(few), minimize(many)[:2], rtol=0, atol=1e-9)


def test_another_seed_gives_another_path() -> None:
    assert not torch.allclose(minimize(make(seed=1)), minimize(make(seed=2)))
    assert not torch.allclose(minimize(make(seed=1)), minimize(make(seed=None)))


@pytest.mark.parametrize("kind", sorted(OBJECTIVES))
def test_one_forward_and_one_backward_a_step(kind: str) -> None:
    recorded, solved = Counting(MODEL), Counting(MODEL)
    run(replace(make(kind, steps=7), model=recorded))
    assert (recorded.forwards, recorded.backwards) == (8, 7), "the last frame costs one more forward pass"
    minimize(replace(make(kind, steps=7), model=solved))
    assert (solved.forwards, solved.backwards) == (7, 7)


def test_frames_are_computed_one_by_one() -> None:
    counting = Counting(MODEL)
    frames = iterate(replace(make(steps=50), model=counting))
    assert counting.forwards == 0
    next(frames)
    assert counting.forwards == 1, "the first frame comes before the second step"
    next(frames)
    assert counting.forwards == 2
    frames.close()
    assert counting.forwards == 2


def test_frame_zero_is_the_start_and_each_frame_has_its_number() -> None:
    problem = make(steps=4)
    frames = list(iterate(problem))
    assert [frame.step for frame in frames] == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(frames[0].pixels, to_pixels(problem.start))
    assert (frames[0].distance == 0).all()
    assert all(a.seconds <= b.seconds for a, b in pairwise(frames))


@pytest.mark.parametrize("seed", [None, 4])
@pytest.mark.parametrize("constraint", [L2Ball(0.6), LinfBall(0.05), Unconstrained()])
def test_a_frames_numbers_are_those_of_its_own_picture(constraint: Constraint, seed: int | None) -> None:
    problem = make("a sum", constraint=constraint, stepper=L2Step(0.4), seed=seed, dtype=torch.float64)
    for frame, x in zip(iterate(problem), path(problem), strict=True):
        np.testing.assert_array_equal(frame.pixels, to_pixels(x))
        log_p = torch.log_softmax(MODEL64(x), 1)
        picked = log_p[range(3), [0, 1, 2]]
        np.testing.assert_allclose(frame.loss, -picked - 0.5 * log_p[:, 0], rtol=1e-9)
        np.testing.assert_allclose(frame.probability, picked.exp(), rtol=1e-9)
        np.testing.assert_allclose(frame.distance, constraint.distance(x, problem.start), rtol=1e-9, atol=1e-12)


def test_a_loss_without_a_class_has_no_probability() -> None:
    class Brightness(Objective):
        def __call__(self, model: object, x: torch.Tensor) -> torch.Tensor:
            return x.mean((1, 2, 3))

    frames = list(iterate(replace(make(steps=2), objective=Brightness())))
    assert all(np.isnan(frame.probability).all() for frame in frames)
    assert (frames[-1].loss < frames[0].loss).all()


@pytest.mark.parametrize("frozen", [True, False])
def test_a_run_changes_neither_the_model_nor_the_start(frozen: bool) -> None:
    model = tiny_model()
    model.requires_grad_(not frozen)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    start = pictures(2, 16)
    kept = start.clone()
    run(Problem(model, start, CrossEntropy(1), L2Step(0.3), 3, L2Ball(1.0), seed=3))
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(parameter.requires_grad != frozen for parameter in model.parameters())
    assert not model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert torch.equal(start, kept) and not start.requires_grad and start.grad is None


def test_a_run_works_where_gradients_are_switched_off() -> None:
    with torch.no_grad():
        quiet = run(make(steps=2))
    np.testing.assert_array_equal(quiet.frames, run(make(steps=2)).frames)


def test_on_step_sees_every_frame_and_false_stops() -> None:
    seen: list[Frame] = []
    trace = run(make(steps=6), seen.append)
    assert [frame.step for frame in seen] == list(range(7)) and len(trace) == 7
    stopped = run(make(steps=6), lambda frame: frame.step < 2)
    assert len(stopped) == 3, "the frame that was refused is the last one recorded"
    assert len(run(make(steps=2), lambda _: 0)) == 3, "only False itself stops"


def test_a_trace_says_what_it_was_made_from() -> None:
    problem = replace(make(steps=2), task="painting", target="dog", parameters={"steps": 2, "seed": 11})
    trace = new_trace(problem)
    assert (trace.task, trace.target, trace.parameters, trace.seed) == ("painting", "dog", {"steps": 2, "seed": 11}, 11)
    assert (trace.model, trace.fingerprint) == (MODEL.card.name, MODEL.fingerprint)
    plain = new_trace(replace(make(steps=2, seed=5), model=lambda x: MODEL(x)))
    assert (plain.parameters, plain.seed, plain.fingerprint) == ({"steps": 2}, 5, "")


@pytest.mark.parametrize("steps", [0, -3, 1.5, 60.0, True, "60", None, math.nan, math.inf])
def test_steps_must_be_a_whole_number_of_at_least_one(steps: object) -> None:
    with raises_sentence(ParameterError, "steps", repr(steps)):
        make(steps=steps)  # type: ignore[arg-type]


def test_steps_may_be_a_numpy_whole_number() -> None:
    assert len(run(make(steps=np.int64(2)))) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 1, 8, 8), (1, 8, 8, 3), (0, 3, 8, 8), (1, 3, 0, 8)])
def test_a_start_that_is_no_batch_of_pictures(shape: tuple[int, ...]) -> None:
    with raises_sentence(PictureError, shape):
        replace(make(), start=torch.zeros(shape))


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1, 1.1, 255.0])
def test_a_start_with_values_that_are_not_pictures(value: float) -> None:
    start = pictures(3)
    start[1, 0, 2, 2] = value
    with raises_sentence(PictureError, f"{value:g}"):
        replace(make(), start=start)


def test_a_start_of_whole_numbers() -> None:
    with raises_sentence(PictureError, "torch.uint8"):
        replace(make(), start=torch.zeros(1, 3, 8, 8, dtype=torch.uint8))


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-4, 1.0, 1e30])
def test_the_heat_map_on_a_cpu_is_the_same_bit_for_bit(scale: float) -> None:
    gradient = scale * torch.randn(2, 3, 61, 67, generator=torch.Generator().manual_seed(0))
    here, there = synthesis.heat_map_on_cpu(gradient), synthesis.heat_map_on_device(gradient)
    if scale != 1e30:  # whose squares are infinite
        assert torch.equal(here, there)
    assert here.shape == (2, 61, 67) and here.dtype == torch.uint8


def test_the_heat_map_wakes_no_threads() -> None:
    """torch.sqrt of some thousand values wakes threads that spin for a while and slow the next pass."""
    gradient = torch.randn(1, 3, 64, 64)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
        synthesis.heat_map_on_cpu(gradient)
    assert "aten::sqrt" not in {event.key for event in seen.key_averages()}
