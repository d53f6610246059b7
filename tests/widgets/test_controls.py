"""Controls: what they show comes from the parameter, and their values go into the run."""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np
import pytest

from robust_widgets.interface.parameters import (
    BRUSH_SIZE,
    EPSILON,
    FACTOR,
    OPACITY,
    SOFTNESS,
    STEP_SIZE,
    STEPS,
    STRENGTH,
    Choice,
    Parameter,
)
from robust_widgets.interface.tasks import check_parameters, task_names, task_spec, task_specs
from robust_widgets.widgets.controls import (
    ChoiceControl,
    OptionalControl,
    SliderControl,
    TaskControls,
    control,
    on_slider,
    slider,
)
from tests.widgets.page import Page

PARAMETERS = [(task, parameter) for task, spec in task_specs().items() for parameter in spec.parameters]
SLIDERS = [
    (task, parameter)
    for task, parameter in PARAMETERS
    if isinstance(parameter, Parameter) and parameter.default is not None
]
SLIDERS += [("paint", BRUSH_SIZE), ("paint", SOFTNESS), ("paint", OPACITY)]


def label(case: object) -> str:
    return case if isinstance(case, str) else str(getattr(case, "name", case))


@pytest.mark.parametrize(("task", "parameter"), SLIDERS, ids=label)
def test_a_slider_matches_its_parameter(page: Page, task: str, parameter: Parameter) -> None:
    del page, task
    made = slider(parameter)
    assert isinstance(made, ipywidgets.IntSlider if parameter.whole else ipywidgets.FloatSlider)
    shown, declared = (made.value, made.min, made.max, made.step), (parameter.low, parameter.high, parameter.step)
    assert shown == pytest.approx((parameter.default, *declared), rel=1e-12)
    assert made.description == parameter.label
    assert parameter.help in made.tooltip and parameter.unit in made.tooltip
    assert not made.tooltip.endswith("()")


def test_a_sliders_readout_has_as_many_digits_as_its_step(page: Page) -> None:
    del page
    for step, digits in ((0.05, ".2f"), (0.1, ".1f"), (0.5, ".1f"), (1.0, ".0f")):
        parameter = Parameter("x", "x", 1.0, 0.0, 9.0, step, 0.0, "", "It is x.")
        assert slider(parameter).readout_format == digits


def control_of(parameter: Parameter) -> SliderControl:
    made = control(parameter, 64)
    assert isinstance(made, SliderControl)
    return made


@pytest.mark.parametrize("parameter", [EPSILON, STEP_SIZE, STRENGTH, FACTOR, OPACITY], ids=label)
def test_a_value_that_python_sets_is_one_that_the_page_has(page: Page, parameter: Parameter) -> None:
    del page
    made = control_of(parameter)
    for value in np.arange(parameter.low, 2 * parameter.high, 1.37 * parameter.step).round(3).tolist():
        made.value = value
        widget = made.widget
        assert made.value == value and widget.min <= widget.value <= widget.max
        # In whole per cents of the range and back, as the page's slider computes.
        again = on_slider(widget.value, widget.min, widget.max, widget.step)
        assert again == widget.value == on_slider(again, widget.min, widget.max, widget.step)
        assert float(f"{widget.value:{widget.readout_format}}") == value, "and its digits are shown"
    made.value = parameter.default
    assert made.widget.step == parameter.step


def test_the_page_has_a_sliders_range_before_its_value(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(page, "receive", lambda _widget, _kind, data, _buffers: sent.append(data))
    for parameter, value in ((EPSILON, 250.5), (STEPS, 500)):
        made = control_of(parameter)
        sent.clear()
        made.value = value
        (state,) = [data["state"] for data in sent]
        names = [name for name in state if name in ("max", "min", "step", "value")]
        assert names == sorted(names) and {"max", "value"} <= set(names)


@pytest.mark.parametrize(("task", "parameter"), PARAMETERS, ids=label)
def test_a_control_starts_at_the_parameters_default_and_gives_only_what_it_allows(
    page: Page, task: str, parameter: Parameter | Choice
) -> None:
    del page, task
    made = control(parameter, 64)
    assert made.value == parameter.default and type(made.value) is type(parameter.check(parameter.default))
    if isinstance(made, ChoiceControl):
        assert made.widget.index is not None, "the page shows an option, also for None"
        for _, value in made.widget.options:
            made.widget.value = value
            assert made.value == parameter.check(made.value) and made.widget.index is not None


def test_an_optional_parameter_is_none_while_unchecked(page: Page) -> None:
    seed = next(parameter for parameter in task_spec("translate").parameters if parameter.name == "seed")
    made = control(seed, 64)
    assert isinstance(made, OptionalControl) and made.value is None and made.slider.disabled
    page.set(made.check, value=True)
    page.set(made.slider, value=7)
    assert made.value == 7 and not made.slider.disabled
    page.set(made.check, value=False)
    assert made.value is None and made.slider.value == 7
    made.value = 3
    assert made.value == 3 and made.check.value


def test_the_sizes_on_offer_are_larger_than_the_models_own(page: Page) -> None:
    del page
    size = next(parameter for parameter in task_spec("generate").parameters if parameter.name == "size")
    for side in (16, 64, 128, 224):
        made = control(size, side)
        assert isinstance(made, ChoiceControl)
        first, *others = made.widget.options
        assert made.value is None and made.widget.label == first[0] and str(side) in first[0]
        assert others and all(value > side and size.check(value) == value for _, value in others)


def test_a_choice_takes_a_weight_that_is_not_on_its_list(page: Page) -> None:
    del page
    penalty = next(parameter for parameter in task_spec("inpaint").parameters if parameter.name == "penalty")
    made = control(penalty, 64)
    made.value = 2.5
    assert made.value == 2.5
    made.value = "paper"
    assert made.value == "paper"


@pytest.mark.parametrize("task", task_names())
def test_the_values_of_a_tasks_controls_are_its_parameters(page: Page, task: str) -> None:
    controls = TaskControls(task)
    assert controls.values() == check_parameters(task, {})
    steps = controls.controls["steps"]
    assert isinstance(steps, SliderControl)
    page.set(steps.widget, value=7)
    assert controls.values()["steps"] == 7


@pytest.mark.parametrize("task", task_names())
def test_every_control_is_on_the_page_the_advanced_ones_collapsed(page: Page, task: str) -> None:
    del page
    controls = TaskControls(task)
    *basic, more = controls.widget.children
    assert more is controls.more and more.selected_index is None
    parameters = task_spec(task).parameters
    assert basic == [controls.controls[p.name].widget for p in parameters if not p.advanced]
    assert list(more.children[0].children) == [controls.controls[p.name].widget for p in parameters if p.advanced]


def test_setting_values_ignores_unknown_names(page: Page) -> None:
    del page
    controls = TaskControls("sketch_to_image")
    before = controls.values()
    controls.set({"steps": 12, "epsilon": 33.0, "seed": None, "n": 4, "nonsense": "x"})
    assert controls.values() == {**before, "steps": 12, "epsilon": 33.0, "seed": None}


def test_controls_have_the_given_width(page: Page) -> None:
    del page
    assert slider(BRUSH_SIZE, 200).layout.width == "196px"
    basic = [p.name for p in task_spec("generate").parameters if not p.advanced]
    controls = TaskControls("generate", 300).controls
    assert {controls[name].widget.layout.width for name in basic} == {"296px"}
