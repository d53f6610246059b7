"""The stream of live frames: paced by the clock and by what the browser has seen, and the last is never lost."""

from __future__ import annotations

import dataclasses
import itertools
import threading
import time

import numpy as np
import pytest

from robust_widgets.runs.record import Frame
from robust_widgets.widgets.flow_control import FRAMES_PER_SECOND, MOST_IN_FLIGHT, FrameStream, LiveFrame
from tests.widgets.page import decoded

SHOWN = 1 / FRAMES_PER_SECOND


def frame(step: int, seconds: float = 0.0, value: int = 0, count: int = 1) -> Frame:
    numbers = np.arange(count, dtype=float)
    return Frame(step, np.full((count, 4, 4, 3), value, np.uint8), numbers + 2, numbers / 10, numbers, seconds)


class Browser:
    """A clock and a sink; it notes what it gets and when."""

    def __init__(self, steps: int = 100) -> None:
        self.now = 100.0
        self.got: list[tuple[int, int, int]] = []
        self.when: list[float] = []
        self.told: list[LiveFrame] = []
        self.heats: list[bytes | None] = []
        self.stream = FrameStream(self, 5, steps, clock=lambda: self.now)

    def frame(self, run: int, frame: LiveFrame, jpeg: bytes, heat: bytes | None = None) -> None:
        assert decoded(jpeg).shape[2] == 3
        self.got.append((run, frame.sequence, frame.step))
        self.when.append(self.now)
        self.told.append(frame)
        self.heats.append(heat)

    @property
    def steps(self) -> list[int]:
        return [step for _, _, step in self.got]

    def push(self, count: int, apart: float, first: int = 0) -> None:
        """Frames of so many seconds apart."""
        for step in range(first, first + count):
            self.stream.push(frame(step))
            self.now += apart


def test_the_first_frame_is_sent_at_once_and_numbers_grow() -> None:
    browser = Browser()
    browser.push(3, apart=1)
    assert browser.got == [(5, 1, 0), (5, 2, 1), (5, 3, 2)]


def test_at_most_twenty_frames_a_second_are_sent_and_nearly_as_many() -> None:
    browser = Browser()
    for step in range(4000):
        browser.stream.push(frame(step))
        browser.stream.acknowledge(len(browser.got))
        browser.now += 1 / 1000
    for begin in np.arange(100.0, 103.0, 0.05):
        assert sum(begin <= when < begin + 1 for when in browser.when) <= FRAMES_PER_SECOND
    assert np.diff(browser.when).min() >= SHOWN - 1e-9
    assert len(browser.got) >= 4 * FRAMES_PER_SECOND * 0.9


def test_at_most_eight_are_in_flight() -> None:
    browser = Browser()
    browser.push(50, apart=0.1)
    assert browser.steps == list(range(MOST_IN_FLIGHT)) and MOST_IN_FLIGHT == 8
    browser.stream.acknowledge(3)
    browser.push(50, apart=0.1, first=50)
    assert len(browser.got) == MOST_IN_FLIGHT + 3


def test_an_acknowledgement_releases_the_newest_frame_that_waits() -> None:
    browser = Browser()
    browser.push(20, apart=0.1)
    browser.stream.acknowledge(1)
    assert browser.steps == [*range(8), 19]
    browser.stream.acknowledge(9)
    assert browser.steps == [*range(8), 19], "nothing waits any more"


def test_a_newer_frame_replaces_one_that_waits_for_the_clock() -> None:
    browser = Browser()
    browser.push(4, apart=SHOWN / 10)
    assert browser.steps == [0]
    browser.now += SHOWN
    browser.stream.acknowledge(1)
    assert browser.steps == [0, 3]


def test_an_older_frame_given_to_a_page_that_came_late_replaces_no_newer_one() -> None:
    browser = Browser()
    browser.push(2, apart=0)
    browser.stream.push(frame(5))
    browser.stream.push(frame(3))
    browser.stream.finish()
    assert browser.steps == [0, 5]


def test_an_acknowledgement_does_not_send_faster_than_the_clock_allows() -> None:
    browser = Browser()
    browser.push(2, apart=SHOWN / 10)
    browser.stream.acknowledge(1)
    assert browser.steps == [0]


def test_the_last_frame_is_sent_whatever_is_in_flight() -> None:
    browser = Browser()
    browser.push(20, apart=0.1)
    assert len(browser.got) == MOST_IN_FLIGHT
    browser.stream.finish()
    assert browser.got[-1] == (5, 9, 19)


def test_the_last_frame_is_sent_however_short_ago_another_was_and_only_once() -> None:
    browser = Browser()
    browser.push(2, apart=0)
    browser.stream.finish()
    browser.stream.finish()
    browser.now += 1
    browser.stream.acknowledge(2)
    assert browser.steps == [0, 1]


def test_a_browser_that_came_back_gets_frames_again() -> None:
    browser = Browser()
    browser.push(20, apart=0.1)
    browser.stream.reconnect()
    browser.push(20, apart=0.1, first=20)
    assert browser.steps == [*range(8), *range(20, 28)]


@pytest.mark.parametrize("sequence", [10**9, 8])
def test_what_was_never_sent_cannot_be_acknowledged_in_advance(sequence: int) -> None:
    browser = Browser()
    browser.push(8, apart=0.1)
    browser.stream.acknowledge(sequence)
    browser.push(30, apart=0.1, first=8)
    assert len(browser.got) == 2 * MOST_IN_FLIGHT


def test_an_acknowledgement_that_comes_late_takes_nothing_back() -> None:
    browser = Browser()
    browser.push(8, apart=0.1)
    browser.stream.acknowledge(8)
    browser.stream.acknowledge(2)
    browser.push(30, apart=0.1, first=8)
    assert len(browser.got) == 2 * MOST_IN_FLIGHT


def test_the_rate_and_the_time_left_are_told_once_they_are_known() -> None:
    browser = Browser(steps=60)
    for step, seconds in ((0, 0.0), (20, 4.0), (60, 10.0)):
        browser.stream.push(frame(step, seconds, count=3))
        browser.now += 1
    told = [(frame.loss, frame.probability, frame.distance, frame.rate, frame.left) for frame in browser.told]
    assert told == [
        (3.0, pytest.approx(0.1), 1.0, None, None),
        (3.0, pytest.approx(0.1), 1.0, 5.0, 8.0),
        (3.0, pytest.approx(0.1), 1.0, 6.0, 0.0),
    ]


def test_the_gradient_is_sent_only_while_it_is_wanted() -> None:
    browser = Browser()
    gradient = np.full((1, 4, 4), 200, np.uint8)
    for step, wanted in ((0, False), (1, True), (2, True), (3, False)):
        browser.stream.heat = wanted
        browser.stream.push(dataclasses.replace(frame(step), gradient=gradient if step != 2 else None))
        browser.now += 1
    first, second, third, fourth = browser.heats
    assert first is None and third == b"" and fourth is None
    assert second is not None and np.abs(decoded(second).astype(int) - 200).max() <= 2


def test_the_leading_classes_are_told_by_index() -> None:
    browser = Browser()
    probabilities = np.linspace(0, 1, 12, dtype=np.float32)[None]
    browser.stream.push(dataclasses.replace(frame(0), probabilities=probabilities))
    top = browser.told[0].top or []
    assert [index for index, _ in top] == list(range(11, 3, -1)) and top[0][1] == 1


def test_frames_and_acknowledgements_may_come_from_different_threads() -> None:
    at_once: list[int] = []

    class SlowBrowser(Browser):
        def frame(self, run: int, frame: LiveFrame, jpeg: bytes, heat: bytes | None = None) -> None:
            before = len(self.got)
            time.sleep(0.001)
            at_once.append(1 + len(self.got) - before)
            super().frame(run, frame, jpeg, heat)

    browser = SlowBrowser()
    ticks = itertools.count()
    browser.stream = FrameStream(browser, 5, 100, clock=lambda: next(ticks))

    def push_and_acknowledge() -> None:
        for step in range(60):
            browser.stream.push(frame(step))
            browser.stream.acknowledge(10**9)

    threads = [threading.Thread(target=push_and_acknowledge) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    browser.stream.finish()
    assert set(at_once) == {1} and browser.steps[-1] == 59
    assert [sequence for _, sequence, _ in browser.got] == list(range(1, len(browser.got) + 1))
