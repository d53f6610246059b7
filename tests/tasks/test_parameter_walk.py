"""Every parameter of every task changes the result, as a keyword and in a request."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import numpy as np
import pytest

from robust_widgets.interface.parameters import AnyParameter, Choice
from robust_widgets.interface.tasks import default_of, task_names, task_spec, task_specs
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.compose import coarse_to_fine
from robust_widgets.solvers.run import run
from robust_widgets.tasks.running.run import build_stages
from tests.helpers import smooth_model
from tests.tasks.calls import FUNCTIONS, assert_different, call, request

WALK = [(task, parameter) for task, spec in task_specs().items() for parameter in spec.parameters]
walk = pytest.mark.parametrize(
    ("task", "parameter"), WALK, ids=[f"{task}-{parameter.name}" for task, parameter in WALK]
)
LONGEST_WALK = 10
# Of a side, the model's own: another side is another result, and None is the model's.
SIDES = [24, 40]
MODEL = smooth_model(32)


@cache
def base(task: str) -> Trace:
    """The run to compare with: all parameters at their defaults, but at most LONGEST_WALK steps."""
    return call(task, model=MODEL, **start(task))


def start(task: str) -> dict[str, Any]:
    """An epsilon that the run reaches, so that its value matters, and few steps."""
    step_size = default_of(task, "step_size")
    several = {"n": 2} if task == "dream" else {}  # else they cannot differ
    return {"steps": LONGEST_WALK, "epsilon": 0.6 * LONGEST_WALK * step_size, "step_size": step_size, **several}


def others(task: str, parameter: AnyParameter) -> list[Any]:
    """Values of a parameter other than that of `base`."""
    if isinstance(parameter, Choice):
        values: list[Any] = [name for name in parameter.options if name != parameter.default]
        return [*values, *([300.0] if parameter.weight else [])]
    if parameter.name == "size":
        return SIDES
    if parameter.name == "factor":
        return [2, 3, 8]
    own = start(task).get(parameter.name, parameter.default)
    values = [value for value in (parameter.low, (own or 0) + parameter.step) if value != own]
    return [*values, *([None] if parameter.optional and own is not None else [])]


def test_all_tasks_are_covered() -> None:
    assert tuple(FUNCTIONS) == task_names() and len(task_names()) >= 6
    assert len(WALK) > 35 and {parameter.name for _, parameter in WALK} >= {
        "penalty",
        "factor",
        "strength",
        "n",
        "size",
    }


@walk
def test_every_parameter_changes_the_result(task: str, parameter: AnyParameter) -> None:
    assert others(task, parameter), "the parameter has other values"
    for value in others(task, parameter):
        turned = call(task, model=MODEL, **{**start(task), parameter.name: value})
        assert turned.parameters[parameter.name] == value
        assert_different(base(task), turned)


@walk
def test_every_parameter_of_a_request_is_used(task: str, parameter: AnyParameter) -> None:
    parameters = {**start(task), "steps": 3, parameter.name: others(task, parameter)[-1]}
    *coarser, problem = build_stages(MODEL, request(task, parameters))
    turned, direct = run(problem, solver=coarse_to_fine(*coarser)), call(task, model=MODEL, **parameters)
    assert turned.parameters == direct.parameters and turned.parameters[parameter.name] == others(task, parameter)[-1]
    np.testing.assert_array_equal(turned.frames, direct.frames)


def test_the_penalties_are_three_different_runs() -> None:
    for task in ("inpaint", "paint_features"):
        runs = [call(task, **{**start(task), "penalty": p}) for p in (None, "paper", 10.0, 0.0, 1e4)]
        np.testing.assert_array_equal(runs[1].frames, runs[2].frames, err_msg="the paper's weight is 10")
        for one, other in [(0, 1), (1, 3), (3, 4), (0, 4)]:
            assert_different(runs[one], runs[other])


@pytest.mark.parametrize("task", task_names())
def test_the_signature_matches_the_declaration(task: str) -> None:
    parameters = inspect.signature(FUNCTIONS[task]).parameters
    keywords = {p.name: p.default for p in parameters.values() if p.kind is p.KEYWORD_ONLY}
    for name in ("model", "device", "on_step"):
        assert keywords.pop(name) is None
    assert keywords == {parameter.name: parameter.default for parameter in task_spec(task).parameters}
    for parameter in task_spec(task).parameters:
        default = keywords[parameter.name]
        assert default == default_of(task, parameter.name)
        if not isinstance(parameter, Choice) and default is not None:
            assert type(default) is (int if parameter.whole else float), parameter.name
        assert f"{parameter.name}:" in (FUNCTIONS[task].__doc__ or ""), f"{parameter.name} is not documented"


@pytest.mark.parametrize("task", task_names())
def test_omitted_parameters_have_their_defaults(task: str) -> None:
    defaults = {parameter.name: parameter.default for parameter in task_spec(task).parameters}
    left_out, given = call(task), call(task, **defaults)
    assert left_out.parameters == given.parameters == defaults
    np.testing.assert_array_equal(left_out.frames, given.frames)
