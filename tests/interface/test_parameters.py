"""Parameters, and checking values for them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from robust_widgets.errors import ParameterError, short_repr
from robust_widgets.interface.parameters import (
    BRUSH_SIZE,
    CONSTRAINT,
    COUNT,
    EPSILON,
    FACTOR,
    NOISE_SEED,
    OPACITY,
    PENALTY,
    SEED,
    SIZE,
    SOFTNESS,
    STEP_SIZE,
    STEPS,
    STRENGTH,
    Choice,
    Parameter,
)
from robust_widgets.interface.tasks import task_specs
from tests.helpers import raises_sentence

PAINT = (BRUSH_SIZE, SOFTNESS, OPACITY)
DECLARED = [spec.parameters for spec in task_specs().values()]
ALL = sorted({id(k): k for parameters in (*DECLARED, PAINT) for k in parameters}.values(), key=repr)
SLIDERS = [parameter for parameter in ALL if isinstance(parameter, Parameter)]
CHOICES = [parameter for parameter in ALL if isinstance(parameter, Choice)]


@pytest.mark.parametrize("parameter", SLIDERS, ids=lambda parameter: f"{parameter.name}-{parameter.default}")
def test_the_numbers_of_a_parameter_are_consistent(parameter: Parameter) -> None:
    assert parameter.minimum <= parameter.low < parameter.high <= parameter.maximum
    assert parameter.step > 0 and (parameter.high - parameter.low) >= parameter.step
    assert parameter.default is not None or parameter.optional
    for value in (parameter.default, parameter.low, parameter.high):
        checked = parameter.check(value)
        assert checked == value and (checked is None or isinstance(checked, int if parameter.whole else float))
    assert parameter.help.endswith(".") and parameter.label and parameter.name.isidentifier()
    if parameter.default is not None:
        assert parameter.low <= parameter.default <= parameter.high
        slots = (parameter.default - parameter.low) / parameter.step
        assert slots == pytest.approx(round(slots)), "the slider can be set to the default"


@pytest.mark.parametrize("parameter", CHOICES, ids=lambda parameter: parameter.name)
def test_the_options_of_a_choice_are_consistent(parameter: Choice) -> None:
    assert parameter.default in parameter.options or (parameter.default is None and parameter.optional)
    for value in (parameter.default, *parameter.options, *([None] if parameter.optional else [])):
        assert parameter.check(value) == value
    assert parameter.help.endswith(".") and parameter.label and parameter.name.isidentifier()
    assert all(name in parameter.allowed() for name in parameter.options) and all(parameter.options.values())


def test_a_penalty_is_a_word_a_weight_or_none() -> None:
    assert PENALTY.check(None) is None and PENALTY.check("paper") == "paper"
    for weight in (0, 10, 2.5, np.float32(2.5), np.int64(3), 1e6):
        assert type(PENALTY.check(weight)) is float and PENALTY.check(weight) == float(weight)
    assert CONSTRAINT.allowed() == "'l2', 'linf' or 'none'"
    assert PENALTY.allowed() == "'paper', a finite number of at least 0 or None"


BAD_CHOICES = [
    *((CONSTRAINT, value) for value in ("L2", "l1", "", None, 2, True, ["l2"], {"l2"}, np.zeros(2))),
    *((PENALTY, value) for value in ("papers", "10", -1, -1e-9, math.nan, math.inf, True, [10], 1j, 10**400)),
    (PENALTY, np.array([1, 2])),
]


@pytest.mark.parametrize(
    ("parameter", "value"), BAD_CHOICES, ids=lambda v: v.name if isinstance(v, Choice) else repr(v)[:9]
)
def test_a_value_that_is_not_an_option(parameter: Choice, value: object) -> None:
    with raises_sentence(ParameterError, parameter.name, parameter.allowed()):
        parameter.check(value)


BAD_STEPS = [
    0,
    -1,
    -60,
    1.5,
    True,
    False,
    "60",
    None,
    math.inf,
    math.nan,
    100_001,
    [60],
    b"60",
    1j,
    10**400,
    np.array([1, 2]),
]
BAD_EPSILON = [-1, -1e-9, math.inf, -math.inf, math.nan, True, "40", None, (40,), 10**400]
BAD_STEP_SIZE = [0, -0.5, 0.0, math.inf, math.nan, "1", None]
BAD = [
    *((STEPS, value) for value in BAD_STEPS),
    *((EPSILON, value) for value in BAD_EPSILON),
    *((STEP_SIZE, value) for value in BAD_STEP_SIZE),
    *((SEED, value) for value in (-1, 0.5, None, 2**31, "0")),
    *((NOISE_SEED, value) for value in (-1, 0.5, "None")),
    *((COUNT, value) for value in (0, 1.5, 1025)),
    *((FACTOR, value) for value in (1, 0, -4, 64.5, "4", None)),
    *((SIZE, value) for value in (0, 15, 64.5, 1025, "64")),
    *((STRENGTH, value) for value in (0, -1, 100.5, None)),
]


@pytest.mark.parametrize(
    ("parameter", "value"), BAD, ids=lambda v: v.name if isinstance(v, Parameter) else repr(v)[:20]
)
def test_a_value_that_is_not_allowed(parameter: Parameter, value: object) -> None:
    with raises_sentence(ParameterError, parameter.name, short_repr(value), parameter.allowed()):
        parameter.check(value)


def test_the_allowed_values_in_words() -> None:
    assert STEPS.allowed() == "a whole number of at least 1 and at most 100000"
    assert EPSILON.allowed() == "a finite number of at least 0"
    assert STEP_SIZE.allowed() == "a finite number above 0"


@pytest.mark.parametrize("value", [60, 60.0, np.int64(60), np.float32(60), np.array(60)])
def test_numbers_of_any_library_become_python_numbers(value: object) -> None:
    assert type(STEPS.check(value)) is int and STEPS.check(value) == 60
    assert type(EPSILON.check(value)) is float and EPSILON.check(value) == 60.0


def test_none_is_allowed_only_for_optional_parameters() -> None:
    assert NOISE_SEED.check(None) is None
    assert EPSILON.check(0) == 0.0, "epsilon may be 0"


def test_a_tasks_own_default_is_on_the_slider() -> None:
    steps, epsilon = STEPS.with_default(144), EPSILON.with_default(21.6)
    assert (steps.default, steps.high, steps.step) == (144, 288, 1)
    assert (epsilon.default, epsilon.high, epsilon.step) == (21.6, 120, 0.1)
    assert STEP_SIZE.with_default(0.5) == dataclasses.replace(STEP_SIZE, default=0.5)
    assert STEPS.with_default(60) == STEPS
