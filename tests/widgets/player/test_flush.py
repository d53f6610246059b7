"""A press waits for the values that the page holds back, and for nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from robust_widgets.widgets import flow_control
from robust_widgets.widgets.flow_control import FLUSH_TIMEOUT, RUN, PendingFlush

LONG = 60.0


class HandTimer:
    """A timer that the test triggers."""

    created: list[HandTimer]

    def __init__(self, seconds: float, call: Callable[..., object], arguments: tuple[object, ...]) -> None:
        self.seconds, self.call, self.arguments = seconds, call, arguments
        self.daemon = self.started = self.cancelled = False
        self.created.append(self)

    def start(self) -> None:
        self.started = True

    def cancel(self) -> None:
        self.cancelled = True

    def end(self) -> None:
        assert self.started and not self.cancelled
        self.call(*self.arguments)


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> list[HandTimer]:
    """All timers created, oldest first."""
    created: list[HandTimer] = []
    monkeypatch.setattr(HandTimer, "created", created, raising=False)
    monkeypatch.setattr(flow_control.threading, "Timer", HandTimer)
    return created


class Desk:
    """A pending flush, its requests to the page, and the actions carried out."""

    def __init__(self, timeout: float = LONG, connected: bool = True) -> None:
        self.requests: list[int] = []
        self.done: list[str] = []
        self.changed = threading.Event()
        self.flush = PendingFlush(self.requests.append, timeout)
        self.flush.connected = connected

    def press(self, name: str = "run", button: str = RUN) -> None:
        def action() -> None:
            assert button != RUN or not self.flush.waiting, "it no longer waits once it begins"
            self.done.append(name)
            self.changed.set()

        self.flush.press(action, button)


def test_without_a_page_nothing_waits_and_nothing_is_requested() -> None:
    desk = Desk(connected=False)
    desk.press()
    assert desk.done == ["run"] and desk.requests == [] and not desk.flush.waiting


def test_a_press_waits_for_the_pages_answer() -> None:
    desk = Desk()
    desk.press()
    assert desk.done == [] and desk.requests == [1] and desk.flush.waiting
    desk.flush.flushed(1)
    assert desk.done == ["run"] and not desk.flush.waiting
    desk.press("again")
    desk.flush.flushed(2)
    assert desk.done == ["run", "again"] and desk.requests == [1, 2]


def test_only_the_newest_of_several_presses_counts_and_waits_for_its_own_answer() -> None:
    desk = Desk()
    desk.press("first")
    desk.press("second")
    desk.flush.flushed(1)
    assert desk.done == [] and desk.flush.waiting
    desk.flush.flushed(2)
    assert desk.done == ["second"]


def test_presses_of_different_buttons_wait_independently(timers: list[HandTimer]) -> None:
    desk = Desk()
    desk.press("saved", "Save")
    desk.press("run")
    desk.press("used", "Use")
    desk.flush.cancel()
    assert not desk.flush.waiting
    desk.flush.flushed(2)
    desk.flush.flushed(1)
    timers[2].end()
    assert desk.done == ["saved", "used"] and desk.requests == [1, 2, 3]


def test_other_buttons_do_not_count_as_a_run() -> None:
    desk = Desk()
    desk.press("saved", "Save")
    assert not desk.flush.waiting


def test_a_second_answer_is_ignored() -> None:
    desk = Desk()
    desk.press()
    desk.flush.flushed(1)
    desk.flush.flushed(1)
    assert desk.done == ["run"]
    desk.press("again")
    desk.flush.flushed(1)
    assert desk.done == ["run"] and desk.flush.waiting


def test_an_unexpected_answer_is_ignored() -> None:
    desk = Desk()
    for press in (0, 1, 7):
        desk.flush.flushed(press)
    desk.press()
    desk.flush.flushed(2)
    assert desk.done == [] and desk.flush.waiting


def test_a_cancelled_run_never_begins(timers: list[HandTimer]) -> None:
    desk = Desk()
    desk.flush.cancel()
    desk.press()
    desk.flush.cancel()
    assert not desk.flush.waiting and timers[0].cancelled
    desk.flush.flushed(1)
    assert desk.done == []


def test_a_page_that_does_not_answer_times_out(timers: list[HandTimer]) -> None:
    desk = Desk(FLUSH_TIMEOUT)
    desk.press()
    assert timers[0].seconds == FLUSH_TIMEOUT and 0.5 <= FLUSH_TIMEOUT <= 2
    timers[0].end()
    assert desk.done == ["run"] and not desk.flush.waiting
    desk.flush.flushed(1)
    assert desk.done == ["run"]


def test_an_answer_cancels_the_timeout(timers: list[HandTimer]) -> None:
    desk = Desk()
    desk.press()
    desk.flush.flushed(1)
    assert timers[0].cancelled


def test_each_press_has_its_own_timeout(timers: list[HandTimer]) -> None:
    desk = Desk()
    desk.press("first")
    desk.press("second")
    first, second = timers
    assert first.cancelled
    second.end()
    assert desk.done == ["second"]


def test_the_timeout_really_expires() -> None:
    desk = Desk(0.05)
    desk.press()
    assert desk.changed.wait(LONG) and desk.done == ["run"]


def test_the_timer_does_not_keep_python_alive() -> None:
    before = set(threading.enumerate())
    desk = Desk()
    desk.press()
    (timer,) = set(threading.enumerate()) - before
    assert timer.daemon
    desk.flush.cancel()


@pytest.mark.parametrize("others", [1, 8])
def test_simultaneous_answers_run_the_action_once(others: int) -> None:
    for _ in range(50):
        desk = Desk()
        desk.press()
        ready = threading.Barrier(others + 1)

        def answer(desk: Desk = desk, ready: threading.Barrier = ready) -> None:
            ready.wait()
            desk.flush.flushed(1)

        threads = [threading.Thread(target=answer) for _ in range(others + 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert desk.done == ["run"]
