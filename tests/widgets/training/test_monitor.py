"""The training monitor in the kernel: states, buttons, and updates of the page."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from robust_widgets.errors import DataError
from robust_widgets.interface.training_session import TrainingEnded, TrainingListener, TrainingNote
from robust_widgets.testing import FakeTrainingSession
from robust_widgets.widgets.page_widget import AckEvent, HelloEvent
from robust_widgets.widgets.page_widget import Message as PageMessage
from robust_widgets.widgets.training import TrainingMonitorWidget
from robust_widgets.widgets.training.view import PressEvent, parse_event
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
    def update(self) -> dict[str, Any]:
        return self.messages[-1].content

    def train(self, first: int, last: int) -> None:
        for number in range(first, last + 1):
            self.session.emit(step(number, float(number)))
            if number % 10 == 0:
                self.session.emit(epoch(number // 10, float(number)))


def test_the_buttons_follow_the_state(page: Page) -> None:
    setup = Monitored(page)
    monitor, session = setup.monitor, setup.session
    assert monitor.state == "idle" and setup.update["offers"] == ["start"] and setup.update["start"] == "Start"
    for pressed, state, offers in (
        ("start", "running", ["pause", "stop"]),
        ("pause", "paused", ["resume", "stop"]),
        ("resume", "running", ["pause", "stop"]),
    ):
        setup.press(pressed)
        assert monitor.state == session.state == state == setup.update["state"] and setup.update["offers"] == offers
    setup.train(1, 3)
    setup.press("stop")
    assert monitor.state == "stopped" and setup.update["offers"] == ["start"] and setup.update["start"] == "Continue"
    assert "step 3" in setup.update["words"] and setup.update["step"] == 3
    assert session.calls == ["start", "pause", "resume", "stop"]


def test_a_press_without_meaning_does_nothing(page: Page) -> None:
    setup = Monitored(page)
    for action in ("pause", "resume", "stop", "explode"):
        setup.press(action)
    setup.monitor.pause()
    setup.monitor.resume()
    setup.monitor.stop()
    assert setup.session.calls == [] and setup.monitor.state == "idle" and setup.monitor.wait(0)
    setup.press("start")
    setup.press("start")
    setup.monitor.start()
    assert setup.session.calls == ["start"]


def test_stop_is_shown_until_the_step_has_ended(page: Page) -> None:
    class Slow(FakeTrainingSession):
        def stop(self) -> None:
            self.calls.append("stop")

    session = Slow(plan())
    setup = Monitored(page, session)
    setup.press("start")
    setup.press("stop")
    setup.press("stop")
    assert (
        setup.update["words"] == "stopping after this step"
        and setup.update["offers"] == []
        and session.calls == ["start", "stop"]
    )
    assert not setup.monitor.wait(0)
    session.emit(TrainingEnded("stopped", "Stopped."))
    assert setup.update["offers"] == ["start"] and setup.monitor.wait(0)


def test_a_stop_and_a_start_continue_with_everything(page: Page) -> None:
    setup = Monitored(page)
    setup.monitor.start()
    setup.train(1, 25)
    setup.monitor.stop()
    setup.monitor.start()
    setup.train(26, 40)
    assert [row.step for row in setup.monitor.steps] == list(range(1, 41))
    assert [row.epoch for row in setup.monitor.epochs] == [1, 2, 3, 4]
    assert setup.monitor.plan is not None and setup.monitor.plan.first_step == 25
    history = setup.monitor.history()
    assert len(history["steps"]) == 40 and history["epochs"][3]["clean"] == 0.5


def test_a_reloaded_page_gets_everything_again(page: Page) -> None:
    setup = Monitored(page)
    setup.monitor.start()
    setup.train(1, 30)
    setup.session.emit(TrainingNote("3 files were left out, because they are no pictures."))
    page.forget()
    setup.hello()
    (message,) = setup.messages
    update = message.content
    assert update["loss"]["steps"] == list(range(1, 31)) and update["accuracies"]["epochs"] == [1, 2, 3]
    assert [row["epoch"] for row in update["rows"]] == [1, 2, 3] and len(message.buffers) == 6
    assert "3 files were left out" in update["notice"] and update["title"] == "m" and "dog" in update["classes"]


def test_a_failed_run_shows_its_sentence_with_the_traceback_collapsed(page: Page) -> None:
    setup = Monitored(page)
    setup.monitor.start()
    setup.train(1, 2)
    setup.session.emit(TrainingEnded("failed", "The disk is full; make room and go on.", "Traceback ..."))
    assert (
        setup.monitor.state == "failed" and setup.update["offers"] == ["start"] and setup.update["start"] == "Continue"
    )
    assert setup.monitor.status.kind == "error" and is_sentence(setup.monitor.status.text, "disk")
    assert "<details>" in setup.update["notice"] and "Traceback ..." in setup.update["notice"]
    setup.press("start")
    assert setup.update["notice"] == "" and setup.monitor.state == "running"


def test_notes_stay_and_the_newest_is_seen_first(page: Page) -> None:
    setup = Monitored(page)
    setup.monitor.start()
    setup.session.emit(TrainingNote("One file is no picture."))
    setup.session.emit(TrainingNote("The batch was halved."))
    assert setup.monitor.notes == ["One file is no picture.", "The batch was halved."]
    assert setup.monitor.status.text == "The batch was halved." and "One file is no picture." in setup.update["notice"]
    setup.monitor.stop()
    assert "The batch was halved." in setup.update["notice"]


def test_a_failed_start_is_reported_and_can_be_repeated(page: Page) -> None:
    class Empty(FakeTrainingSession):
        def start(self, listener: TrainingListener) -> None:
            raise DataError("The folder 'x' has no pictures; give another.")

    setup = Monitored(page, Empty())
    setup.press("start")
    assert (
        setup.monitor.state == "idle"
        and setup.update["offers"] == ["start"]
        and "has no pictures" in setup.update["notice"]
    )
    with pytest.raises(DataError, match="no pictures"):
        setup.monitor.start()
    assert setup.monitor.wait(0)


def test_an_error_in_the_monitor_does_not_stop_the_training(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = Monitored(page)
    setup.monitor.start()
    monkeypatch.setattr("robust_widgets.widgets.training.formatting.epoch_sentence", lambda _: 1 // 0)
    setup.session.emit(epoch(1))
    assert "ZeroDivisionError" in setup.monitor.status.text and setup.monitor.state == "running"


def test_announcements_are_of_epochs_and_states_not_of_steps(page: Page) -> None:
    setup = Monitored(page)
    setup.monitor.start()
    setup.train(1, 15)
    setup.hello()
    assert setup.update["announcement"] == "Epoch 1 of 10: loss 0.5, clean 50 %."
    setup.press("pause")
    assert setup.update["announcement"].startswith("Paused")


def test_events_of_another_thread_are_waited_for(page: Page) -> None:
    setup = Monitored(page)
    setup.monitor.start()
    worker = threading.Timer(0.05, setup.session.emit, [TrainingEnded("done", "Done.")])
    worker.start()
    assert setup.monitor.wait(20) and setup.monitor.state == "done" and setup.update["offers"] == []
    worker.join()


def test_closing_closes_the_session(page: Page) -> None:
    setup = Monitored(page, title="My animals")
    assert setup.update["title"] == "My animals"
    setup.monitor.start()
    setup.monitor.close()
    assert setup.session.calls == ["start", "close"] and setup.monitor.closed and setup.monitor.state == "stopped"
    setup.train(1, 3)


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
    ],
)
def test_messages_of_the_page(content: PageMessage, event: object) -> None:
    assert parse_event(content) == event
