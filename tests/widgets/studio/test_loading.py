"""A studio whose model is still on its way: it can be painted in, and Run waits."""

from __future__ import annotations

import pytest

from robust_widgets.interface.tasks import task_names
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.runner import LOADING
from robust_widgets.widgets.studio import StudioWidget
from tests.widgets.page import Page, is_sentence


@pytest.fixture
def session() -> FakeSession:
    return FakeSession(loading=True)


@pytest.fixture
def studio(page: Page, session: FakeSession) -> StudioWidget:
    studio = StudioWidget(session)
    assert studio.surface is not None
    page.stroke(studio.surface.pad, [(40, 40), (200, 180)])
    return studio


def test_run_waits_and_reports_it(studio: StudioWidget, session: FakeSession, page: Page) -> None:
    assert "loading" in studio.badge.line.value and studio.status.text == ""
    page.click(studio.runner.run_button)
    assert studio.status.text == LOADING and is_sentence(LOADING) and studio.status.kind == "info"
    assert studio.trace is None and not studio.runner.stop_button.disabled
    session.load()
    assert studio.status.text == "" and studio.trace is not None and len(studio.trace) == 1
    assert "on cpu" in studio.badge.line.value and studio.runner.view.device == "cpu"
    page.click(studio.runner.run_button)
    assert "Stopped the previous run" in studio.status.text


def test_a_run_that_waits_can_be_stopped(studio: StudioWidget, session: FakeSession, page: Page) -> None:
    page.click(studio.runner.run_button)
    page.click(studio.runner.stop_button)
    assert not studio.runner.running and studio.runner.stop_button.disabled and studio.status.text == ""
    session.load()
    assert studio.trace is None


def test_a_run_asked_for_twice_still_waits(studio: StudioWidget, session: FakeSession, page: Page) -> None:
    page.click(studio.runner.run_button)
    page.click(studio.runner.run_button)
    assert studio.status.text == LOADING
    session.load()
    assert len(studio.traces) == 1 and studio.status.text == ""


@pytest.mark.parametrize("runs", [True, False])
def test_a_failure_to_load_is_reported(studio: StudioWidget, session: FakeSession, page: Page, runs: bool) -> None:
    sentence = "The weights are damaged; fetch them again."
    if runs:
        page.click(studio.runner.run_button)
    session.load(sentence, "Traceback of it")
    for _ in range(2):
        assert (studio.status.text, studio.status.kind) == (sentence, "error")
        assert "Traceback of it" in studio.status.widget.value and "could not be loaded" in studio.badge.line.value
        assert not studio.runner.running
        page.click(studio.runner.run_button)


def test_controls_are_created_on_first_use(studio: StudioWidget, session: FakeSession, page: Page) -> None:
    assert list(studio.controls.created) == ["sketch_to_image"] and len(studio.controls) == len(task_names())
    page.set(studio.task_buttons, value="inpaint")
    page.set(studio.controls["inpaint"].controls["steps"].widget, value=9)
    new = StudioWidget(session)
    new.adopt(studio)
    assert new.controls["inpaint"].values()["steps"] == 9
    assert sorted(new.controls.created) == ["inpaint", "sketch_to_image"]
    with pytest.raises(KeyError):
        studio.controls["nothing"]
