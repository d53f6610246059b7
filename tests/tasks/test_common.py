"""What holds for every task: its knobs, its signature, the problem that a session builds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from robust_widgets.constraints import L2Ball
from robust_widgets.errors import DeviceError, KnobError, PictureError, UnknownKnobError, UnknownNameError
from robust_widgets.knobs import TASK_KNOBS, Knob, task_names
from robust_widgets.session import RunRequest
from robust_widgets.steppers import L2Step
from robust_widgets.synthesis import run
from robust_widgets.tasks import TASKS, build_problem, generate, sketch_to_image
from robust_widgets.trace import Trace
from tests.helpers import CLASSES, raises_sentence, smooth_model, tiny_model

FUNCTIONS: dict[str, Callable[..., Trace]] = {"generate": generate, "sketch_to_image": sketch_to_image}
SKETCH = np.random.default_rng(3).integers(0, 256, (16, 16, 3)).astype(np.uint8)
MODEL = smooth_model(16)
WALK = [(task, knob) for task, knobs in TASK_KNOBS.items() for knob in knobs]
walk = pytest.mark.parametrize(("task", "knob"), WALK, ids=[f"{task}-{knob.name}" for task, knob in WALK])


def call(task: str, target: str | int = "cat", **options: Any) -> Trace:
    """Run a task by its function."""
    picture = (SKETCH,) if task == "sketch_to_image" else ()
    return FUNCTIONS[task](*picture, target, **{"model": MODEL, **options})


@cache
def at_defaults(task: str) -> Trace:
    return call(task)


def others(knob: Knob) -> list[Any]:
    """Values of a knob that are not its default: the slider's ends, or one step up; None where that is allowed."""
    values: list[Any] = [value for value in (knob.low, knob.default + knob.step) if value != knob.default]
    return [*values, *([None] if knob.optional else [])]


def assert_different(one: Trace, other: Trace) -> None:
    same_shape = one.frames.shape == other.frames.shape
    assert not same_shape or not np.array_equal(one.frames[-1], other.frames[-1])
    assert not same_shape or not np.array_equal(one.metrics["loss"], other.metrics["loss"])


def test_every_task_is_walked() -> None:
    assert set(FUNCTIONS) == set(TASK_KNOBS) == set(TASKS) == set(task_names())


@walk
def test_every_knob_changes_its_tasks_result(task: str, knob: Knob) -> None:
    for value in others(knob):
        turned = call(task, **{knob.name: value})
        assert turned.knobs[knob.name] == value
        assert_different(at_defaults(task), turned)


@walk
def test_every_knob_of_a_request_reaches_the_run(task: str, knob: Knob) -> None:
    def request(knobs: dict[str, Any]) -> Trace:
        return run(build_problem(MODEL, RunRequest(task, "cat", knobs, SKETCH)))

    for value in others(knob):
        turned, direct = request({knob.name: value}), call(task, **{knob.name: value})
        assert turned.knobs == direct.knobs
        np.testing.assert_array_equal(turned.frames, direct.frames)
        assert_different(at_defaults(task), turned)


@pytest.mark.parametrize("task", task_names())
def test_the_signature_is_the_knob_table(task: str) -> None:
    parameters = inspect.signature(FUNCTIONS[task]).parameters
    keywords = {p.name: p.default for p in parameters.values() if p.kind is p.KEYWORD_ONLY}
    for name in ("model", "device", "on_step"):
        assert keywords.pop(name) is None
    assert keywords == {knob.name: knob.default for knob in TASK_KNOBS[task]}
    for knob in TASK_KNOBS[task]:
        assert type(keywords[knob.name]) is (int if knob.whole else float), knob.name
        assert knob.name in (FUNCTIONS[task].__doc__ or ""), f"{knob.name} is not documented"


@pytest.mark.parametrize("task", task_names())
def test_what_is_not_given_is_at_its_default(task: str) -> None:
    defaults = {knob.name: knob.default for knob in TASK_KNOBS[task]}
    assert at_defaults(task).knobs == defaults
    np.testing.assert_array_equal(at_defaults(task).frames, call(task, **defaults).frames)


@pytest.mark.parametrize("task", task_names())
@pytest.mark.parametrize("side", [16, 32])
def test_radius_and_step_scale_with_the_side(task: str, side: int) -> None:
    model = smooth_model(side)
    knobs = {"steps": 30, "epsilon": 21.0, "step_size": 3.0}
    problem = build_problem(model, RunRequest(task, "dog", knobs, SKETCH))
    assert isinstance(problem.constraint, L2Ball) and isinstance(problem.stepper, L2Step)
    assert problem.constraint.epsilon == pytest.approx(21 * side / 224)
    assert problem.stepper.step_size == pytest.approx(3 * side / 224)
    assert problem.start.shape[2:] == (side, side)
    distance = run(problem).metrics["distance"]
    np.testing.assert_allclose(distance[0], 0)
    # The clamp to [0, 1] shortens a step a little, and never lengthens it.
    assert (distance[1] <= 3 * side / 224 * 1.0001).all() and (distance[1] > 0.6 * 3 * side / 224).all()
    assert (distance <= 21 * side / 224 * 1.0001).all()
    assert (distance[-1] > 0.6 * 21 * side / 224).all()


@pytest.mark.parametrize("task", task_names())
def test_the_trace_says_what_was_asked(task: str) -> None:
    trace = call(task, target="CAT", steps=2, seed=3)
    assert (trace.task, trace.target, trace.seed) == (task, "cat", 3)
    assert (trace.model, trace.fingerprint) == (MODEL.card.name, MODEL.fingerprint)
    np.testing.assert_array_equal(call(task, target=1, steps=2, seed=3).frames, trace.frames)
    assert_different(call(task, target=2, steps=2, seed=3), trace)


@pytest.mark.parametrize("task", task_names())
def test_it_paints_towards_the_class(task: str) -> None:
    for index in range(len(CLASSES)):
        trace = call(task, target=index, steps=12, step_size=2.0)
        probability = trace.metrics["probability"]
        assert (probability[-1] > probability[0]).all() and (trace.metrics["loss"][-1] < trace.metrics["loss"][0]).all()


@pytest.mark.parametrize("task", task_names())
def test_the_same_call_gives_the_same_trace(task: str) -> None:
    model = tiny_model()
    first, again = call(task, steps=4, seed=9, model=model), call(task, steps=4, seed=9, model=model)
    np.testing.assert_array_equal(first.frames, again.frames)
    for name, values in first.metrics.items():
        np.testing.assert_array_equal(values, again.metrics[name])


@pytest.mark.parametrize("task", task_names())
def test_on_step_can_stop_it(task: str) -> None:
    assert len(call(task, steps=9, on_step=lambda frame: frame.step != 3)) == 4


@pytest.mark.parametrize("task", task_names())
def test_the_models_weights_stay(task: str) -> None:
    model = tiny_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    call(task, steps=2, model=model)
    assert all(value.equal(before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


BAD = [
    ({"steps": 0}, KnobError, "steps is 0"),
    ({"steps": -5}, KnobError, "steps is -5"),
    ({"steps": 1.5}, KnobError, "steps is 1.5"),
    ({"steps": True}, KnobError, "steps is True"),
    ({"steps": "60"}, KnobError, "steps is '60'"),
    ({"epsilon": -1}, KnobError, "epsilon is -1"),
    ({"epsilon": float("inf")}, KnobError, "epsilon is inf"),
    ({"epsilon": float("nan")}, KnobError, "epsilon is nan"),
    ({"step_size": 0}, KnobError, "step_size is 0"),
    ({"seed": -1}, KnobError, "seed is -1"),
    ({"stepsize": 2}, UnknownKnobError, "'step_size'"),
    ({"target": "dgo"}, UnknownNameError, "'dog'"),
    ({"target": 3}, UnknownNameError, "3 classes"),
    ({"target": None}, UnknownNameError, "None"),
    ({"model": "defualt"}, UnknownNameError, "'default'"),
    ({"device": "abacus"}, DeviceError, "'abacus'"),
]


@pytest.mark.parametrize("task", task_names())
@pytest.mark.parametrize(("options", "kind", "named"), BAD, ids=lambda v: str(v)[:30])
def test_bad_input(task: str, options: dict[str, Any], kind: type[Exception], named: str) -> None:
    with raises_sentence(kind, named):  # type: ignore[arg-type]
        call(task, **options)


def test_a_request_for_a_task_that_does_not_exist() -> None:
    with raises_sentence(UnknownNameError, "'generat'", "'generate'"):
        build_problem(MODEL, RunRequest("generat", "dog"))


def test_a_request_without_a_sketch() -> None:
    with raises_sentence(PictureError, "no sketch"):
        build_problem(MODEL, RunRequest("sketch_to_image", "dog"))
