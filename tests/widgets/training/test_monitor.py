"""The monitor's kernel side: states, buttons, what the browser is told, and when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from robust_widgets.errors import DataError
from robust_widgets.interface.training_session import TrainingEnded, TrainingListener, TrainingNote
from robust_widgets.testing import FakeTrainingSession
from robust_widgets.widgets.training import TrainingMonitorWidget
from robust_widgets.widgets.training.throttle import MOST_IN_FLIGHT, UPDATES_PER_SECOND, Updates
from robust_widgets.widgets.training.view import AckEvent, HelloEvent, PressEvent, parse_event
from tests.widgets.page import Message, Page, is_sentence
from tests.widgets.training.test_history import epoch, plan, step


class Monitored:
    """A monitor of a fake session on a page."""

    def __init__(self, page: Page, session: FakeTrainingSession | None = None, **options: Any) -> None:
        self.page = page
        self.session = session or FakeTrainingSession(plan())
        self.monitor = TrainingMonitorWidget(self.session, **options)
        self.hello()

    def hello(self) -> None:
        self.page.tell(self.monitor.view, {"kind": "hello"})

    def press(self, action: str) -> None:
        self.page.tell(self.monitor.view, {"kind": "press", "action": action})

    @property
    def messages(self) -> list[Message]:
        return self.page.sent(self.monitor.view, "update")

    @property
    def told(self) -> dict[str, Any]:
        return self.messages[-1].content

    def learn(self, first: int, last: int) -> None:
        for number in range(first, last + 1):
            self.session.emit(step(number, float(number)))
            if number % 10 == 0:
                self.session.emit(epoch(number // 10, float(number)))


def test_the_buttons_follow_the_state(page: Page) -> None:
    one = Monitored(page)
    monitor, session = one.monitor, one.session
    assert monitor.state == "idle" and one.told["offers"] == ["start"] and one.told["start"] == "Start"
    for pressed, state, offers in (
        ("start", "running", ["pause", "stop"]),
        ("pause", "paused", ["resume", "stop"]),
        ("resume", "running", ["pause", "stop"]),
    ):
        one.press(pressed)
        assert monitor.state == session.state == state == one.told["state"] and one.told["offers"] == offers
    one.learn(1, 3)
    one.press("stop")
    assert monitor.state == "stopped" and one.told["offers"] == ["start"] and one.told["start"] == "Go on"
    assert "step 3" in one.told["words"] and one.told["step"] == 3
    assert session.calls == ["start", "pause", "resume", "stop"]


def test_a_press_that_means_nothing_now_does_nothing(page: Page) -> None:
    one = Monitored(page)
    for action in ("pause", "resume", "stop", "explode"):
        one.press(action)
    one.monitor.pause()
    one.monitor.resume()
    one.monitor.stop()
    assert one.session.calls == [] and one.monitor.state == "idle" and one.monitor.wait(0)
    one.press("start")
    one.press("start")
    one.monitor.start()
    assert one.session.calls == ["start"]


def test_stop_is_shown_until_the_step_has_ended(page: Page) -> None:
    class Slow(FakeTrainingSession):
        def stop(self) -> None:
            self.calls.append("stop")

    session = Slow(plan())
    one = Monitored(page, session)
    one.press("start")
    one.press("stop")
    one.press("stop")
    assert (
        one.told["words"] == "stopping after this step"
        and one.told["offers"] == []
        and session.calls == ["start", "stop"]
    )
    assert not one.monitor.wait(0)
    session.emit(TrainingEnded("stopped", "Stopped."))
    assert one.told["offers"] == ["start"] and one.monitor.wait(0)


def test_a_stop_and_a_start_go_on_with_everything_kept(page: Page) -> None:
    one = Monitored(page)
    one.monitor.start()
    one.learn(1, 25)
    one.monitor.stop()
    one.monitor.start()
    one.learn(26, 40)
    assert [row.step for row in one.monitor.steps] == list(range(1, 41))
    assert [row.epoch for row in one.monitor.epochs] == [1, 2, 3, 4]
    assert one.monitor.plan is not None and one.monitor.plan.first_step == 25
    history = one.monitor.history()
    assert len(history["steps"]) == 40 and history["epochs"][3]["clean"] == 0.5


def test_a_page_loaded_anew_is_told_everything_again(page: Page) -> None:
    one = Monitored(page)
    one.monitor.start()
    one.learn(1, 30)
    one.session.emit(TrainingNote("3 files were left out, because they are no pictures."))
    page.forget()
    one.hello()
    (message,) = one.messages
    told = message.content
    assert told["loss"]["steps"] == list(range(1, 31)) and told["accuracies"]["epochs"] == [1, 2, 3]
    assert [row["epoch"] for row in told["rows"]] == [1, 2, 3] and len(message.buffers) == 6
    assert "3 files were left out" in told["notice"] and told["title"] == "m" and "dog" in told["classes"]


def test_a_failed_run_says_its_sentence_with_the_traceback_folded_away(page: Page) -> None:
    one = Monitored(page)
    one.monitor.start()
    one.learn(1, 2)
    one.session.emit(TrainingEnded("failed", "The disk is full; make room and go on.", "Traceback ..."))
    assert one.monitor.state == "failed" and one.told["offers"] == ["start"] and one.told["start"] == "Go on"
    assert one.monitor.notice.kind == "error" and is_sentence(one.monitor.notice.text, "disk")
    assert "<details>" in one.told["notice"] and "Traceback ..." in one.told["notice"]
    one.press("start")
    assert one.told["notice"] == "" and one.monitor.state == "running"


def test_notes_stay_and_the_newest_is_seen_first(page: Page) -> None:
    one = Monitored(page)
    one.monitor.start()
    one.session.emit(TrainingNote("One file is no picture."))
    one.session.emit(TrainingNote("The batch was halved."))
    assert one.monitor.notes == ["One file is no picture.", "The batch was halved."]
    assert one.monitor.notice.text == "The batch was halved." and "One file is no picture." in one.told["notice"]
    one.monitor.stop()
    assert "The batch was halved." in one.told["notice"]


def test_a_start_that_fails_is_said_and_can_be_tried_again(page: Page) -> None:
    class Empty(FakeTrainingSession):
        def start(self, listener: TrainingListener) -> None:
            raise DataError("The folder 'x' has no pictures; give another.")

    one = Monitored(page, Empty())
    one.press("start")
    assert one.monitor.state == "idle" and one.told["offers"] == ["start"] and "has no pictures" in one.told["notice"]
    with pytest.raises(DataError, match="no pictures"):
        one.monitor.start()
    assert one.monitor.wait(0)


def test_what_breaks_in_the_monitor_does_not_break_the_training(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Monitored(page)
    one.monitor.start()
    monkeypatch.setattr("robust_widgets.widgets.training.formatting.told", lambda _: 1 // 0)
    one.session.emit(epoch(1))
    assert "ZeroDivisionError" in one.monitor.notice.text and one.monitor.state == "running"


def test_announcements_are_of_epochs_and_states_not_of_steps(page: Page) -> None:
    one = Monitored(page)
    one.monitor.start()
    one.learn(1, 15)
    one.hello()
    assert one.told["announcement"] == "Epoch 1 of 10: loss 0.5, clean 50 %."
    one.press("pause")
    assert one.told["announcement"].startswith("Paused")


def test_events_of_another_thread_are_waited_for(page: Page) -> None:
    one = Monitored(page)
    one.monitor.start()
    worker = threading.Timer(0.05, one.session.emit, [TrainingEnded("done", "Done.")])
    worker.start()
    assert one.monitor.wait(20) and one.monitor.state == "done" and one.told["offers"] == []
    worker.join()


def test_closing_closes_the_session(page: Page) -> None:
    one = Monitored(page, title="My animals")
    assert one.told["title"] == "My animals"
    one.monitor.start()
    one.monitor.close()
    assert one.session.calls == ["start", "close"] and one.monitor.closed and one.monitor.state == "stopped"
    one.learn(1, 3)


@pytest.mark.parametrize(
    ("content", "event"),
    [
        ({"kind": "hello"}, HelloEvent()),
        ({"kind": "ack", "sequence": 3}, AckEvent(3)),
        ({"kind": "press", "action": "stop"}, PressEvent("stop")),
        ({"kind": "press", "action": "close"}, None),
        ({"kind": "press"}, None),
        ({"kind": "step", "step": 3}, None),
        ({"kind": "ack", "sequence": -1}, None),
        ("stop", None),
    ],
)
def test_messages_of_the_browser(content: object, event: object) -> None:
    assert parse_event(content) == event


class Paced:
    """Updates with a clock and timers that the test turns."""

    def __init__(self) -> None:
        self.time = 0.0
        self.sent: list[int] = []
        self.timers: list[Paced.Timer] = []
        self.updates = Updates(self.sent.append, threading.RLock(), lambda: self.time, self._timer)

    class Timer:
        daemon = False

        def __init__(self, seconds: float, act: Callable[[], object]) -> None:
            self.seconds, self.act, self.live = seconds, act, False

        def start(self) -> None:
            self.live = True

        def cancel(self) -> None:
            self.live = False

    def _timer(self, seconds: float, act: Callable[[], object]) -> Timer:
        self.timers.append(Paced.Timer(seconds, act))
        return self.timers[-1]

    def ring(self) -> None:
        self.time += self.timers[-1].seconds
        assert self.timers[-1].live
        self.timers[-1].act()


def test_at_most_five_updates_a_second_and_the_last_arrives() -> None:
    paced = Paced()
    for _ in range(100):
        paced.updates.want()
    assert paced.sent == [1] and len(paced.timers) == 1
    assert paced.timers[0].seconds == pytest.approx(1 / UPDATES_PER_SECOND) and paced.timers[0].daemon
    paced.ring()
    assert paced.sent == [1, 2]


def test_without_answers_of_the_browser_only_few_updates_are_sent() -> None:
    paced = Paced()
    for _ in range(50):
        paced.time += 1
        paced.updates.want()
    assert len(paced.sent) == MOST_IN_FLIGHT
    paced.time += 1
    paced.updates.acknowledge(2)
    assert len(paced.sent) == MOST_IN_FLIGHT + 1, "what waited is sent"
    paced.updates.now()
    assert len(paced.sent) == MOST_IN_FLIGHT + 2, "the last of a run does not wait"
    paced.updates.reconnect()
    assert len(paced.sent) == MOST_IN_FLIGHT + 3


def test_nothing_is_sent_after_the_end() -> None:
    paced = Paced()
    paced.updates.want()
    paced.updates.want()
    paced.updates.close()
    assert not paced.timers[0].live
    paced.timers[0].act()
    assert paced.sent == [1]
