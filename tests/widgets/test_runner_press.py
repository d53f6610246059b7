"""Run pressed on a page that may still hold values back: when it runs, of what, and what the buttons say meanwhile."""

from __future__ import annotations

import time

import pytest

from robust_widgets.errors import PictureError
from robust_widgets.interface.session import RunRequest
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.runner import Runner
from robust_widgets.widgets.studio import StudioWidget
from tests.widgets.page import Page
from tests.widgets.test_runner import Desk


@pytest.fixture
def desk(page: Page) -> Desk:
    """A runner whose view is on a page."""
    desk = Desk(FakeSession())
    page.tell(desk.view, {"kind": "hello"})
    return desk


def flush_requests(page: Page, runner: Runner) -> list[int]:
    """Which presses the page was asked to answer."""
    return [message.content["press"] for message in page.sent(runner.view, "flush")]


def answer(page: Page, runner: Runner) -> None:
    """The page answers the newest press."""
    page.tell(runner.view, {"kind": "flushed", "press": flush_requests(page, runner)[-1]})


def test_a_run_is_of_the_values_that_came_after_the_press(page: Page, desk: Desk) -> None:
    page.click(desk.runner.run_button)
    assert desk.session.requests == [] and flush_requests(page, desk.runner) == [1]
    desk.request = RunRequest("generate", "cat", {"steps": 4})
    answer(page, desk.runner)
    assert desk.session.requests == [desk.request]
    answer(page, desk.runner)
    assert len(desk.session.requests) == 1


def test_while_a_press_waits_the_buttons_are_those_of_a_run(page: Page, desk: Desk) -> None:
    page.click(desk.runner.run_button)
    assert desk.buttons == ("Again", True) and not desk.runner.running and desk.status.text == ""
    answer(page, desk.runner)
    assert desk.buttons == ("Again", True) and desk.runner.running and desk.status.text == ""
    desk.session.advance(4)
    assert desk.buttons == ("Run", False)


def test_run_pressed_again_while_it_waits_runs_once(page: Page, desk: Desk) -> None:
    for _ in range(3):
        page.click(desk.runner.run_button)
    for press in flush_requests(page, desk.runner):
        page.tell(desk.view, {"kind": "flushed", "press": press})
    assert len(desk.session.requests) == 1 and desk.status.text == "", "no run was stopped for another"


def test_stop_pressed_while_it_waits_lets_nothing_run(page: Page, desk: Desk) -> None:
    page.click(desk.runner.run_button)
    page.click(desk.runner.stop_button)
    assert desk.buttons == ("Run", False)
    answer(page, desk.runner)
    assert desk.session.requests == [] and desk.buttons == ("Run", False)
    page.click(desk.runner.run_button)
    answer(page, desk.runner)
    assert len(desk.session.requests) == 1


def test_stop_ends_a_run_and_the_press_for_the_next(page: Page, desk: Desk) -> None:
    desk.runner.run()
    desk.session.advance(2)
    page.click(desk.runner.run_button)
    page.click(desk.runner.stop_button)
    answer(page, desk.runner)
    assert not desk.session.running and len(desk.session.requests) == 1 and desk.buttons == ("Run", False)


def test_a_page_that_does_not_answer_keeps_no_run_back(page: Page, desk: Desk) -> None:
    page.click(desk.runner.run_button)
    end = time.monotonic() + 60
    while not desk.runner.running and time.monotonic() < end:
        time.sleep(0.05)
    assert desk.session.requests == [desk.request] and desk.buttons == ("Again", True)


def test_from_python_a_run_begins_at_once_and_takes_the_place_of_a_press(page: Page, desk: Desk) -> None:
    desk.runner.run()
    assert len(desk.session.requests) == 1 and flush_requests(page, desk.runner) == []
    page.click(desk.runner.run_button)
    desk.runner.run()
    answer(page, desk.runner)
    assert len(desk.session.requests) == 2


def test_an_invalid_request_is_reported_and_the_buttons_are_reset(page: Page, desk: Desk) -> None:
    def make_request() -> RunRequest:
        raise PictureError("The canvas is empty; paint something first.")

    runner = Runner(desk.session, desk.status, make_request)
    page.tell(runner.view, {"kind": "hello"})
    page.click(runner.run_button)
    assert desk.status.text == ""
    answer(page, runner)
    assert desk.status.kind == "error" and desk.status.text.startswith("The canvas is empty")
    assert runner.run_button.description == "Run" and runner.stop_button.disabled


def test_a_branch_waits_too_and_is_of_the_step_shown_when_it_was_pressed(page: Page, desk: Desk) -> None:
    calls: list[tuple[object, int]] = []
    desk.runner.on_branch(lambda trace, step: calls.append((trace, step)))
    desk.runner.run()
    desk.session.advance(4)
    page.tell(desk.view, {"kind": "branch", "step": 2})
    first = desk.runner.trace
    desk.runner.run()
    desk.session.advance(4)
    assert calls == []
    page.tell(desk.view, {"kind": "branch", "step": 3})
    answer(page, desk.runner)
    assert calls == [(desk.runner.trace, 3)] and desk.runner.trace is not first


@pytest.mark.parametrize("by_key", [False, True])
def test_the_studio_runs_the_class_that_was_held_back(page: Page, by_key: bool) -> None:
    session = FakeSession()
    studio = StudioWidget(session)
    assert studio.surface is not None
    page.tell(studio.runner.view, {"kind": "hello"})
    page.stroke(studio.surface.pad, [(40, 40), (200, 180)])
    page.set(studio.picker, search="d")
    if by_key:
        page.act(studio.surface.pad, "run")
    else:
        page.click(studio.runner.run_button)
    page.set(studio.picker, search="cat")
    answer(page, studio.runner)
    assert [request.target for request in session.requests] == ["cat"]


def test_escape_on_the_canvas_cancels_a_waiting_run(page: Page) -> None:
    session = FakeSession()
    studio = StudioWidget(session)
    assert studio.surface is not None
    page.tell(studio.runner.view, {"kind": "hello"})
    page.stroke(studio.surface.pad, [(40, 40), (200, 180)])
    page.act(studio.surface.pad, "run")
    page.act(studio.surface.pad, "stop")
    answer(page, studio.runner)
    assert session.requests == []


def test_a_closed_studio_runs_nothing(page: Page) -> None:
    session = FakeSession()
    studio = StudioWidget(session, ("generate",))
    page.tell(studio.runner.view, {"kind": "hello"})
    page.click(studio.runner.run_button)
    asked = flush_requests(page, studio.runner)
    studio.close()
    studio.runner.view._receive(None, {"kind": "flushed", "press": asked[-1]}, [])  # an answer that was on its way
    assert len(asked) == 1 and session.requests == [] and studio.status.text == ""
