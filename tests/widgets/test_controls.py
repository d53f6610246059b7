"""Sliders: everything they show comes from the knob."""

from __future__ import annotations

import ipywidgets
import pytest

from robust_widgets.knobs import BRUSH_SIZE, SOFTNESS, TASK_KNOBS, Knob, check_knobs
from robust_widgets.widgets.controls import TaskControls, slider
from tests.widgets.page import Page

KNOBS = [(task, knob) for task, knobs in TASK_KNOBS.items() for knob in knobs]
KNOBS += [("paint", BRUSH_SIZE), ("paint", SOFTNESS)]


@pytest.mark.parametrize(("task", "knob"), KNOBS, ids=[f"{task} {knob.name}" for task, knob in KNOBS])
def test_a_slider_is_its_knob(page: Page, task: str, knob: Knob) -> None:
    del page, task
    control = slider(knob)
    assert isinstance(control, ipywidgets.IntSlider if knob.whole else ipywidgets.FloatSlider)
    assert (control.value, control.min, control.max, control.step) == (knob.default, knob.low, knob.high, knob.step)
    assert control.description == knob.label
    assert knob.help in control.tooltip and knob.unit in control.tooltip
    assert not control.tooltip.endswith("()")


def test_the_number_beside_a_slider_has_as_many_digits_as_its_step(page: Page) -> None:
    del page
    for step, digits in ((0.05, ".2f"), (0.1, ".1f"), (0.5, ".1f"), (1.0, ".0f")):
        knob = Knob("x", "x", 1.0, 0.0, 9.0, step, 0.0, "", "It is x.")
        assert slider(knob).readout_format == digits


@pytest.mark.parametrize("task", TASK_KNOBS)
def test_the_sliders_of_a_task_give_the_knobs_a_run_takes(page: Page, task: str) -> None:
    controls = TaskControls(task)
    assert controls.values() == check_knobs(task, {})
    assert [type(value) for value in controls.values().values()] == [
        int if knob.whole else float for knob in TASK_KNOBS[task]
    ]
    page.set(controls.sliders["steps"], value=7)
    assert controls.values()["steps"] == 7
    assert list(controls.widget.children) == list(controls.sliders.values())


def test_setting_moves_the_sliders_and_leaves_out_what_has_none(page: Page) -> None:
    del page
    controls = TaskControls("sketch_to_image")
    before = controls.values()
    controls.set({"steps": 12, "epsilon": 33.0, "seed": None, "n": 4, "nonsense": "x"})
    assert controls.values() == {**before, "steps": 12, "epsilon": 33.0}


def test_a_width_is_kept(page: Page) -> None:
    del page
    assert slider(BRUSH_SIZE, 200).layout.width == "196px"
    assert {control.layout.width for control in TaskControls("generate", 300).sliders.values()} == {"296px"}
