"""All knobs of all tasks are walked: each changes its task's result, by keyword and by request."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import numpy as np
import pytest

from robust_widgets.interface.parameters import TASK_KNOBS, AnyKnob, Choice, default_of, task_names
from robust_widgets.runs.trace import Trace
from robust_widgets.synthesis.loop import run
from robust_widgets.tasks import TASKS, build_problem
from tests.helpers import smooth_model
from tests.tasks.calls import FUNCTIONS, assert_different, call, request

WALK = [(task, knob) for task, knobs in TASK_KNOBS.items() for knob in knobs]
walk = pytest.mark.parametrize(("task", "knob"), WALK, ids=[f"{task}-{knob.name}" for task, knob in WALK])
LONGEST_WALK = 10
# Of a side, the model's own: another side is another result, and None is the model's.
SIDES = [24, 40]
MODEL = smooth_model(32)


@cache
def base(task: str) -> Trace:
    """The run that each turned knob is compared with: all at its default, but never longer than LONGEST_WALK steps."""
    return call(task, model=MODEL, **start(task))


def start(task: str) -> dict[str, Any]:
    """A radius that the run reaches, so that its size matters, and few steps."""
    step_size = default_of(task, "step_size")
    return {"steps": LONGEST_WALK, "epsilon": 0.6 * LONGEST_WALK * step_size, "step_size": step_size}


def others(task: str, knob: AnyKnob) -> list[Any]:
    """Values of a knob that are not the one of `base`."""
    if isinstance(knob, Choice):
        values: list[Any] = [name for name in knob.options if name != knob.default]
        return [*values, *([300.0] if knob.weight else [])]
    if knob.name == "size":
        return SIDES
    if knob.name == "factor":
        return [2, 3, 8]
    own = start(task).get(knob.name, knob.default)
    values = [value for value in (knob.low, (own or 0) + knob.step) if value != own]
    return [*values, *([None] if knob.optional and own is not None else [])]


def test_every_task_is_walked() -> None:
    assert set(FUNCTIONS) == set(TASK_KNOBS) == set(TASKS) == set(task_names())
    assert len(WALK) > 35 and {knob.name for _, knob in WALK} >= {"penalty", "factor", "strength", "n", "size"}


@walk
def test_every_knob_changes_its_tasks_result(task: str, knob: AnyKnob) -> None:
    assert others(task, knob), "there is something to turn it to"
    for value in others(task, knob):
        turned = call(task, model=MODEL, **{**start(task), knob.name: value})
        assert turned.knobs[knob.name] == value
        assert_different(base(task), turned)


@walk
def test_every_knob_of_a_request_reaches_the_run(task: str, knob: AnyKnob) -> None:
    knobs = {**start(task), "steps": 3, knob.name: others(task, knob)[-1]}
    turned, direct = run(build_problem(MODEL, request(task, knobs))), call(task, model=MODEL, **knobs)
    assert turned.knobs == direct.knobs and turned.knobs[knob.name] == others(task, knob)[-1]
    np.testing.assert_array_equal(turned.frames, direct.frames)


def test_the_penalties_are_three_different_runs() -> None:
    for task in ("inpaint", "paint_features"):
        runs = [call(task, **{**start(task), "penalty": p}) for p in (None, "paper", 10.0, 0.0, 1e4)]
        np.testing.assert_array_equal(runs[1].frames, runs[2].frames, err_msg="the paper's weight is 10")
        for one, other in [(0, 1), (1, 3), (3, 4), (0, 4)]:
            assert_different(runs[one], runs[other])


@pytest.mark.parametrize("task", task_names())
def test_the_signature_is_the_knob_table(task: str) -> None:
    parameters = inspect.signature(FUNCTIONS[task]).parameters
    keywords = {p.name: p.default for p in parameters.values() if p.kind is p.KEYWORD_ONLY}
    for name in ("model", "device", "on_step"):
        assert keywords.pop(name) is None
    assert keywords == {knob.name: knob.default for knob in TASK_KNOBS[task]}
    for knob in TASK_KNOBS[task]:
        default = keywords[knob.name]
        assert default == default_of(task, knob.name)
        if not isinstance(knob, Choice) and default is not None:
            assert type(default) is (int if knob.whole else float), knob.name
        assert f"{knob.name}:" in (FUNCTIONS[task].__doc__ or ""), f"{knob.name} is not documented"


@pytest.mark.parametrize("task", task_names())
def test_what_is_not_given_is_at_its_default(task: str) -> None:
    defaults = {knob.name: knob.default for knob in TASK_KNOBS[task]}
    left_out, given = call(task), call(task, **defaults)
    assert left_out.knobs == given.knobs == defaults
    np.testing.assert_array_equal(left_out.frames, given.frames)
