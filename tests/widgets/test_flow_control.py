"""Flow control: the rate, the acknowledgements, and the last message, which is never lost."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable

import numpy as np
import pytest

from robust_widgets.runs.record import Frame
from robust_widgets.widgets.flow_control import (
    FRAMES_PER_SECOND,
    MAX_FRAMES_IN_FLIGHT,
    FrameStream,
    LiveFrame,
    Throttle,
)
from tests.helpers import at_once
from tests.widgets.page import decoded

INTERVAL = 1 / FRAMES_PER_SECOND


def frame(step: int, seconds: float = 0.0, value: int = 0, count: int = 1) -> Frame:
    numbers = np.arange(count, dtype=float)
    return Frame(step, np.full((count, 4, 4, 3), value, np.uint8), numbers + 2, numbers / 10, numbers, seconds)


class Browser:
    """A clock and a sink that records what it gets and when."""

    def __init__(self, steps: int = 100) -> None:
        self.now = 100.0
        self.got: list[tuple[int, int, int]] = []
        self.when: list[float] = []
        self.frames: list[LiveFrame] = []
        self.heats: list[bytes | None] = []
        self.stream = FrameStream(self, 5, steps, clock=lambda: self.now)

    def frame(self, run: int, frame: LiveFrame, jpeg: bytes, heat: bytes | None = None) -> None:
        assert decoded(jpeg).shape[2] == 3
        self.got.append((run, frame.sequence, frame.step))
        self.when.append(self.now)
        self.frames.append(frame)
        self.heats.append(heat)

    @property
    def steps(self) -> list[int]:
        return [step for _, _, step in self.got]

    def push(self, count: int, apart: float, first: int = 0) -> None:
        """Push frames, this many seconds apart."""
        for step in range(first, first + count):
            self.stream.push(frame(step))
            self.now += apart


def test_the_first_frame_is_sent_at_once_and_numbers_increase() -> None:
    browser = Browser()
    browser.push(3, apart=1)
    assert browser.got == [(5, 1, 0), (5, 2, 1), (5, 3, 2)]


def test_nearly_twenty_frames_a_second_are_sent_and_no_more() -> None:
    browser = Browser()
    for step in range(4000):
        browser.stream.push(frame(step))
        browser.stream.throttle.acknowledge(len(browser.got))
        browser.now += 1 / 1000
    for begin in np.arange(100.0, 103.0, 0.05):
        assert sum(begin <= when < begin + 1 for when in browser.when) <= FRAMES_PER_SECOND
    assert np.diff(browser.when).min() >= INTERVAL - 1e-9
    assert len(browser.got) >= 4 * FRAMES_PER_SECOND * 0.9


def test_at_most_eight_are_in_flight() -> None:
    browser = Browser()
    browser.push(50, apart=0.1)
    assert browser.steps == list(range(MAX_FRAMES_IN_FLIGHT)) and MAX_FRAMES_IN_FLIGHT == 8
    browser.stream.throttle.acknowledge(3)
    browser.push(50, apart=0.1, first=50)
    assert len(browser.got) == MAX_FRAMES_IN_FLIGHT + 3


def test_an_acknowledgement_releases_the_newest_waiting_frame() -> None:
    browser = Browser()
    browser.push(20, apart=0.1)
    browser.stream.throttle.acknowledge(1)
    assert browser.steps == [*range(8), 19]
    browser.stream.throttle.acknowledge(9)
    assert browser.steps == [*range(8), 19], "nothing is waiting any more"


def test_a_newer_frame_replaces_a_waiting_one() -> None:
    browser = Browser()
    browser.push(4, apart=INTERVAL / 10)
    assert browser.steps == [0]
    browser.now += INTERVAL
    browser.stream.throttle.acknowledge(1)
    assert browser.steps == [0, 3]


def test_an_older_frame_does_not_replace_a_newer_one() -> None:
    browser = Browser()
    browser.push(2, apart=0)
    browser.stream.push(frame(5))
    browser.stream.push(frame(3))
    browser.stream.finish()
    assert browser.steps == [0, 5]


def test_an_acknowledgement_does_not_exceed_the_rate() -> None:
    browser = Browser()
    browser.push(2, apart=INTERVAL / 10)
    browser.stream.throttle.acknowledge(1)
    assert browser.steps == [0]


def test_the_last_frame_is_sent_whatever_is_in_flight() -> None:
    browser = Browser()
    browser.push(20, apart=0.1)
    assert len(browser.got) == MAX_FRAMES_IN_FLIGHT
    browser.stream.finish()
    assert browser.got[-1] == (5, 9, 19)


def test_the_last_frame_ignores_the_rate_and_is_sent_once() -> None:
    browser = Browser()
    browser.push(2, apart=0)
    browser.stream.finish()
    browser.stream.finish()
    browser.now += 1
    browser.stream.throttle.acknowledge(2)
    assert browser.steps == [0, 1]


def test_a_reopened_page_gets_frames_again() -> None:
    browser = Browser()
    browser.push(20, apart=0.1)
    browser.stream.throttle.reconnect()
    browser.push(20, apart=0.1, first=20)
    assert browser.steps == [*range(8), *range(20, 28)]


@pytest.mark.parametrize("sequence", [10**9, 8])
def test_unsent_frames_cannot_be_acknowledged_in_advance(sequence: int) -> None:
    browser = Browser()
    browser.push(8, apart=0.1)
    browser.stream.throttle.acknowledge(sequence)
    browser.push(30, apart=0.1, first=8)
    assert len(browser.got) == 2 * MAX_FRAMES_IN_FLIGHT


def test_a_late_acknowledgement_changes_nothing() -> None:
    browser = Browser()
    browser.push(8, apart=0.1)
    browser.stream.throttle.acknowledge(8)
    browser.stream.throttle.acknowledge(2)
    browser.push(30, apart=0.1, first=8)
    assert len(browser.got) == 2 * MAX_FRAMES_IN_FLIGHT


def test_the_throughput_and_the_time_left_are_sent_once_known() -> None:
    browser = Browser(steps=60)
    for step, seconds in ((0, 0.0), (20, 4.0), (60, 10.0)):
        browser.stream.push(frame(step, seconds, count=3))
        browser.now += 1
    rows = [(frame.loss, frame.probability, frame.distance, frame.rate, frame.left) for frame in browser.frames]
    assert rows == [
        (3.0, pytest.approx(0.1), 1.0, None, None),
        (3.0, pytest.approx(0.1), 1.0, 5.0, 8.0),
        (3.0, pytest.approx(0.1), 1.0, 6.0, 0.0),
    ]


def test_the_gradient_is_sent_only_while_requested() -> None:
    browser = Browser()
    gradient = np.full((1, 4, 4), 200, np.uint8)
    for step, heat in ((0, False), (1, True), (2, True), (3, False)):
        browser.stream.heat = heat
        browser.stream.push(dataclasses.replace(frame(step), gradient=gradient if step != 2 else None))
        browser.now += 1
    first, second, third, fourth = browser.heats
    assert first is None and third == b"" and fourth is None
    assert second is not None and np.abs(decoded(second).astype(int) - 200).max() <= 2


def test_the_top_classes_are_sent_by_index() -> None:
    browser = Browser()
    probabilities = np.linspace(0, 1, 12, dtype=np.float32)[None]
    browser.stream.push(dataclasses.replace(frame(0), probabilities=probabilities))
    top = browser.frames[0].top or []
    assert [index for index, _ in top] == list(range(11, 3, -1)) and top[0][1] == 1


def test_frames_and_acknowledgements_may_arrive_on_different_threads() -> None:
    concurrent: list[int] = []

    class SlowBrowser(Browser):
        def frame(self, run: int, frame: LiveFrame, jpeg: bytes, heat: bytes | None = None) -> None:
            before = len(self.got)
            time.sleep(0.001)
            concurrent.append(1 + len(self.got) - before)
            super().frame(run, frame, jpeg, heat)

    browser = SlowBrowser()
    ticks = itertools.count()
    browser.stream = FrameStream(browser, 5, 100, clock=lambda: next(ticks))

    def push_and_acknowledge() -> None:
        for step in range(60):
            browser.stream.push(frame(step))
            browser.stream.throttle.acknowledge(10**9)

    at_once(*[push_and_acknowledge] * 3)
    browser.stream.finish()
    assert set(concurrent) == {1} and browser.steps[-1] == 59
    assert [sequence for _, sequence, _ in browser.got] == list(range(1, len(browser.got) + 1))


UPDATES_PER_SECOND, MAX_UPDATES_IN_FLIGHT = 5, 4


class Throttled:
    """A throttle whose clock and timers the test controls."""

    def __init__(self) -> None:
        self.time = 0.0
        self.sent: list[int] = []
        self.timers: list[Throttled.Timer] = []
        self.throttle = Throttle(
            self.sent.append,
            UPDATES_PER_SECOND,
            MAX_UPDATES_IN_FLIGHT,
            clock=lambda: self.time,
            timer=self._timer,
        )

    class Timer:
        daemon = False

        def __init__(self, seconds: float, action: Callable[[], object]) -> None:
            self.seconds, self.action, self.active = seconds, action, False

        def start(self) -> None:
            self.active = True

        def cancel(self) -> None:
            self.active = False

    def _timer(self, seconds: float, action: Callable[[], object]) -> Timer:
        self.timers.append(Throttled.Timer(seconds, action))
        return self.timers[-1]

    def expire(self) -> None:
        self.time += self.timers[-1].seconds
        assert self.timers[-1].active
        self.timers[-1].action()

    def send_now(self) -> None:
        self.throttle.request()
        self.throttle.flush()


def test_a_timer_sends_what_has_to_wait_for_the_rate() -> None:
    throttled = Throttled()
    for _ in range(100):
        throttled.throttle.request()
    assert throttled.sent == [1] and len(throttled.timers) == 1
    assert throttled.timers[0].seconds == pytest.approx(1 / UPDATES_PER_SECOND) and throttled.timers[0].daemon
    throttled.expire()
    assert throttled.sent == [1, 2]


def test_without_acknowledgements_only_a_few_messages_are_sent() -> None:
    throttled = Throttled()
    for _ in range(50):
        throttled.time += 1
        throttled.throttle.request()
    assert len(throttled.sent) == MAX_UPDATES_IN_FLIGHT
    throttled.time += 1
    throttled.throttle.acknowledge(2)
    assert len(throttled.sent) == MAX_UPDATES_IN_FLIGHT + 1, "the waiting message is sent"
    throttled.send_now()
    assert len(throttled.sent) == MAX_UPDATES_IN_FLIGHT + 2, "a flush does not wait"
    throttled.throttle.reconnect()
    throttled.send_now()
    assert len(throttled.sent) == MAX_UPDATES_IN_FLIGHT + 3


def test_nothing_is_sent_after_closing() -> None:
    throttled = Throttled()
    throttled.throttle.request()
    throttled.throttle.request()
    throttled.throttle.close()
    assert not throttled.timers[0].active
    throttled.timers[0].action()
    assert throttled.sent == [1]
