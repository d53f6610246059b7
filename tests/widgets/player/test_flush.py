"""What is pressed on a page waits for the values that the page held back, and for nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from robust_widgets.widgets.player import flush as settling
from robust_widgets.widgets.player.flush import PATIENCE, RUN, PendingFlush

LONG = 60.0


class HandTimer:
    """A timer that ends when the test says so."""

    made: list[HandTimer]

    def __init__(self, seconds: float, call: Callable[..., object], given: tuple[object, ...]) -> None:
        self.seconds, self.call, self.given = seconds, call, given
        self.daemon = self.started = self.cancelled = False
        self.made.append(self)

    def start(self) -> None:
        self.started = True

    def cancel(self) -> None:
        self.cancelled = True

    def end(self) -> None:
        assert self.started and not self.cancelled
        self.call(*self.given)


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> list[HandTimer]:
    """All timers made, oldest first."""
    made: list[HandTimer] = []
    monkeypatch.setattr(HandTimer, "made", made, raising=False)
    monkeypatch.setattr(settling.threading, "Timer", HandTimer)
    return made


class Desk:
    """A settling, what it asked of the page, and what was done."""

    def __init__(self, patience: float = LONG, greeted: bool = True) -> None:
        self.asked: list[int] = []
        self.done: list[str] = []
        self.changed = threading.Event()
        self.settling = PendingFlush(self.asked.append, patience)
        self.settling.greeted = greeted

    def press(self, name: str = "run", what: str = RUN) -> None:
        def act() -> None:
            assert what != RUN or not self.settling.waiting, "it no longer waits when it begins"
            self.done.append(name)
            self.changed.set()

        self.settling.press(act, what)


def test_where_no_page_has_greeted_nothing_waits_and_nothing_is_asked() -> None:
    desk = Desk(greeted=False)
    desk.press()
    assert desk.done == ["run"] and desk.asked == [] and not desk.settling.waiting


def test_a_press_waits_for_the_pages_answer() -> None:
    desk = Desk()
    desk.press()
    assert desk.done == [] and desk.asked == [1] and desk.settling.waiting
    desk.settling.settled(1)
    assert desk.done == ["run"] and not desk.settling.waiting
    desk.press("again")
    desk.settling.settled(2)
    assert desk.done == ["run", "again"] and desk.asked == [1, 2]


def test_only_the_newest_of_several_presses_counts_and_waits_for_its_own_answer() -> None:
    desk = Desk()
    desk.press("first")
    desk.press("second")
    desk.settling.settled(1)
    assert desk.done == [] and desk.settling.waiting
    desk.settling.settled(2)
    assert desk.done == ["second"]


def test_presses_of_different_kinds_wait_side_by_side(timers: list[HandTimer]) -> None:
    desk = Desk()
    desk.press("saved", "Save")
    desk.press("run")
    desk.press("used", "Use")
    desk.settling.cancel()
    assert not desk.settling.waiting
    desk.settling.settled(2)
    desk.settling.settled(1)
    timers[2].end()
    assert desk.done == ["saved", "used"] and desk.asked == [1, 2, 3]


def test_what_is_no_run_does_not_look_like_one() -> None:
    desk = Desk()
    desk.press("saved", "Save")
    assert not desk.settling.waiting


def test_another_browsers_answer_comes_too_late() -> None:
    desk = Desk()
    desk.press()
    desk.settling.settled(1)
    desk.settling.settled(1)
    assert desk.done == ["run"]
    desk.press("again")
    desk.settling.settled(1)
    assert desk.done == ["run"] and desk.settling.waiting


def test_an_answer_to_what_was_never_asked_is_ignored() -> None:
    desk = Desk()
    for press in (0, 1, 7):
        desk.settling.settled(press)
    desk.press()
    desk.settling.settled(2)
    assert desk.done == [] and desk.settling.waiting


def test_what_is_cancelled_never_begins(timers: list[HandTimer]) -> None:
    desk = Desk()
    desk.settling.cancel()
    desk.press()
    desk.settling.cancel()
    assert not desk.settling.waiting and timers[0].cancelled
    desk.settling.settled(1)
    assert desk.done == []


def test_a_page_that_does_not_answer_is_waited_for_a_moment_only(timers: list[HandTimer]) -> None:
    desk = Desk(PATIENCE)
    desk.press()
    assert timers[0].seconds == PATIENCE and 0.5 <= PATIENCE <= 2
    timers[0].end()
    assert desk.done == ["run"] and not desk.settling.waiting
    desk.settling.settled(1)
    assert desk.done == ["run"]


def test_an_answer_ends_the_patience_with_a_page(timers: list[HandTimer]) -> None:
    desk = Desk()
    desk.press()
    desk.settling.settled(1)
    assert timers[0].cancelled


def test_each_press_has_the_whole_patience(timers: list[HandTimer]) -> None:
    desk = Desk()
    desk.press("first")
    desk.press("second")
    first, second = timers
    assert first.cancelled
    second.end()
    assert desk.done == ["second"]


def test_a_page_is_not_waited_for_in_earnest() -> None:
    desk = Desk(0.05)
    desk.press()
    assert desk.changed.wait(LONG) and desk.done == ["run"]


def test_nothing_keeps_python_from_ending() -> None:
    before = set(threading.enumerate())
    desk = Desk()
    desk.press()
    (timer,) = set(threading.enumerate()) - before
    assert timer.daemon
    desk.settling.cancel()


@pytest.mark.parametrize("others", [1, 8])
def test_answers_that_come_at_once_begin_it_once(others: int) -> None:
    for _ in range(50):
        desk = Desk()
        desk.press()
        ready = threading.Barrier(others + 1)

        def answer(desk: Desk = desk, ready: threading.Barrier = ready) -> None:
            ready.wait()
            desk.settling.settled(1)

        threads = [threading.Thread(target=answer) for _ in range(others + 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert desk.done == ["run"]
