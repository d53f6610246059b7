"""The runner: Run and Stop, live frames, the record of each run, and errors, whatever the session does."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

from robust_widgets.errors import PictureError
from robust_widgets.interface.session import FrameMade, Listener, RunEnded, RunRequest, RunStarted
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.testing import FakeSession
from robust_widgets.widgets import runner as runner_module
from robust_widgets.widgets.flow_control import MAX_FRAMES_IN_FLIGHT, FrameStream
from robust_widgets.widgets.runner import Runner, summary
from robust_widgets.widgets.status_line import StatusLine
from tests.widgets.page import Message, Page, decoded, is_sentence

OF_RUNS = ("begin", "frame", "record", "heat", "end")


CLASSES = ["dog", "cat", "goldfish"]
BEGIN = {"kind": "begin", "run": 1, "steps": 4, "title": "dog", "classes": CLASSES, "radius": 40.0, "curves": None}


class ScriptSession(FakeSession):
    """Submits only; the test says what the worker then tells."""

    def __init__(self) -> None:
        super().__init__()
        self.listeners: list[Listener] = []

    def submit(self, request: RunRequest, listener: Listener) -> int:
        self.requests.append(request)
        self.listeners.append(listener)
        return len(self.listeners)


class Desk:
    """A runner, and what is asked of it."""

    def __init__(self, session: FakeSession) -> None:
        self.session = session
        self.status = StatusLine()
        self.request = RunRequest("generate", "dog", {"steps": 4, "seed": 1})
        self.runner = Runner(session, self.status, self.make_request)
        self.view = self.runner.view

    def make_request(self) -> RunRequest:
        return self.request

    @property
    def buttons(self) -> tuple[str, bool]:
        """What Run says, and whether Stop can be pressed."""
        return self.runner.run_button.description, not self.runner.stop_button.disabled

    def messages(self, page: Page) -> list[Message]:
        """The messages about the run shown, without the history."""
        return page.sent(self.view, *OF_RUNS)

    def kinds(self, page: Page) -> list[str]:
        return [message.content["kind"] for message in self.messages(page)]


@pytest.fixture
def desk(page: Page) -> Desk:
    del page
    return Desk(FakeSession())


def frame(step: int, probability: float = 0.5) -> Frame:
    numbers = np.array([1.0])
    return Frame(step, np.zeros((1, 4, 4, 3), np.uint8), numbers, np.array([probability]), numbers, step / 10)


def test_before_the_first_run_only_run_can_be_pressed(page: Page, desk: Desk) -> None:
    assert desk.buttons == ("Run", False) and not desk.runner.running
    assert desk.runner.trace is None and page.sent(desk.view) == []


def test_run_submits_the_request_and_shows_the_first_frame_at_once(page: Page, desk: Desk) -> None:
    page.click(desk.runner.run_button)
    assert desk.session.requests == [desk.request]
    assert desk.buttons == ("Again", True) and desk.runner.running
    begin, first = desk.messages(page)
    assert begin.content == BEGIN
    assert (first.content["kind"], first.content["run"], first.content["step"]) == ("frame", 1, 0)
    assert decoded(first.buffers[0]).shape == (16, 16, 3)


def test_live_frames_reach_the_view_as_they_are_acknowledged(
    page: Page, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10**6))
    monkeypatch.setattr(
        runner_module, "FrameStream", lambda *arguments: FrameStream(*arguments, clock=lambda: next(clock))
    )
    desk.request = RunRequest("generate", "dog", {"steps": 50})
    desk.runner.run()
    desk.session.advance(20)
    assert [message.content["step"] for message in page.sent(desk.view, "frame")] == list(range(MAX_FRAMES_IN_FLIGHT))
    page.tell(desk.view, {"kind": "ack", "sequence": 4})
    desk.session.advance(1)
    assert [message.content["step"] for message in page.sent(desk.view, "frame")] == [*range(8), 20, 21]
    assert len(desk.runner.trace or ()) == 22, "the trace has every frame, whatever the browser saw"


def test_a_slower_page_is_sent_fewer_frames(page: Page, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(index / 10 for index in range(10**6))
    monkeypatch.setattr(
        runner_module, "FrameStream", lambda *arguments: FrameStream(*arguments, clock=lambda: next(clock))
    )
    desk.runner.frames_per_second = 2
    desk.request = RunRequest("generate", "dog", {"steps": 50})
    desk.runner.run()
    desk.session.advance(20)
    steps = [message.content["step"] for message in page.sent(desk.view, "frame")]
    assert 3 <= len(steps) <= 5 and len(desk.runner.trace or ()) == 21
    assert min(b - a for a, b in itertools.pairwise(steps)) >= 4, "half a second apart"
    desk.runner.frames_per_second = 30
    desk.session.advance(3)
    steps = [message.content["step"] for message in page.sent(desk.view, "frame")]
    assert steps[-3:] == [21, 22, 23], "a run that goes on follows"


def test_a_finished_run_is_sent_for_scrubbing(page: Page, desk: Desk) -> None:
    desk.runner.run()
    page.forget()
    desk.session.advance(4)
    assert desk.kinds(page) == ["frame", "record", "end"]
    last, record, end = desk.messages(page)
    curves = record.content["curves"]
    assert last.content["step"] == 4, "the last frame is always shown"
    assert record.content["run"] == 1 and curves["steps"] == [0, 1, 2, 3, 4]
    assert [top["name"] for top in curves["top"]] == ["dog", "cat", "goldfish"] and curves["radius"] == 40
    assert record.content["state"] == "done" and record.content["title"] == "dog"
    assert len(record.buffers) == len(curves["loss"]) == len(curves["distance"]) == 5
    assert [int(decoded(file).mean()) for file in record.buffers] == [0, 32, 64, 96, 128]
    assert end.content == {"kind": "end", "run": 1, "state": "done", "message": "4 steps in 0.1 s, dog 100%"}
    assert desk.buttons == ("Run", False) and not desk.runner.running and desk.status.text == ""


def test_stop_ends_the_run_and_keeps_its_frames(page: Page, desk: Desk) -> None:
    desk.runner.run()
    desk.session.advance(2)
    page.click(desk.runner.stop_button)
    assert not desk.session.running and desk.buttons == ("Run", False)
    assert len(desk.runner.traces) == 1 and len(desk.runner.traces[0]) == 3
    (record,), (end,) = page.sent(desk.view, "record"), page.sent(desk.view, "end")
    assert (
        record.content["curves"]["steps"] == [0, 1, 2] and record.content["state"] == end.content["state"] == "stopped"
    )
    assert end.content["message"] == "stopped at step 2, dog 50%"


def test_stop_without_a_run_does_nothing(page: Page, desk: Desk) -> None:
    desk.runner.stop()
    assert desk.buttons == ("Run", False) and page.sent(desk.view) == []


def test_pressing_run_again_stops_the_run_and_keeps_both(page: Page, desk: Desk) -> None:
    page.click(desk.runner.run_button)
    desk.session.advance(2)
    page.click(desk.runner.run_button)
    assert is_sentence(desk.status.text, "Stopped the previous run") and desk.status.kind == "info"
    assert desk.buttons == ("Again", True)
    desk.session.advance(9)
    assert [len(trace) for trace in desk.runner.traces] == [3, 5]
    assert desk.runner.trace is desk.runner.traces[1]
    assert desk.buttons == ("Run", False) and not desk.runner.running
    ends = [(message.content["run"], message.content["state"]) for message in page.sent(desk.view, "end")]
    assert ends == [(1, "stopped"), (2, "done")]
    page.click(desk.runner.run_button)
    assert desk.status.text == "", "the sentence goes when it is no longer true"


def test_buttons_stay_right_when_runs_end_long_after_the_next_was_submitted(page: Page) -> None:
    desk = Desk(ScriptSession())
    for _ in range(3):
        page.click(desk.runner.run_button)
    first, second, third = desk.session.listeners
    first(RunStarted(1, Trace("generate", {}), 4))
    first(RunEnded(1, "stopped"))
    assert desk.buttons == ("Again", True)
    second(RunEnded(2, "stopped"))
    assert desk.buttons == ("Again", True) and desk.runner.running
    third(RunStarted(3, Trace("generate", {}), 4))
    third(RunEnded(3, "done"))
    assert desk.buttons == ("Run", False) and not desk.runner.running


def test_a_failed_run_is_reported_with_collapsed_details_and_another_run_works(page: Page, desk: Desk) -> None:
    desk.runner.run()
    desk.session.advance(1)
    desk.session.fail("The run failed <here>; try fewer steps.", "Traceback: File <stdin> & more")
    assert desk.status.kind == "error" and desk.status.text == "The run failed <here>; try fewer steps."
    html = desk.status.widget.value
    assert "&lt;here&gt;" in html and "<details>" in html and "File &lt;stdin&gt; &amp; more" in html
    (end,) = page.sent(desk.view, "end")
    assert end.content["state"] == "failed" and end.content["message"] == desk.status.text
    assert page.sent(desk.view, "record")[0].content["curves"]["steps"] == [0, 1]
    assert desk.buttons == ("Run", False) and len(desk.runner.traces[0]) == 2
    page.click(desk.runner.run_button)
    desk.session.advance(4)
    assert desk.status.text == "" and len(desk.runner.traces) == 2 and desk.buttons == ("Run", False)


def test_a_run_that_fails_to_start_is_reported_and_the_last_result_stays(page: Page) -> None:
    desk = Desk(ScriptSession())
    desk.runner.run()
    desk.session.listeners[0](RunStarted(1, Trace("generate", {}), 4))
    desk.session.listeners[0](RunEnded(1, "stopped"))
    page.forget()
    desk.runner.run()
    desk.session.listeners[1](RunEnded(2, "failed", "There is no class 'x'; the nearest is 'dog'.", "a traceback"))
    assert desk.status.kind == "error" and desk.status.text.startswith("There is no class")
    assert page.sent(desk.view) == [] and desk.buttons == ("Run", False) and len(desk.runner.traces) == 1


def test_a_run_stopped_before_its_first_frame_has_no_record_but_ends(page: Page) -> None:
    desk = Desk(ScriptSession())
    desk.runner.run()
    desk.session.listeners[0](RunStarted(1, Trace("generate", {}), 4))
    desk.session.listeners[0](RunEnded(1, "stopped"))
    assert desk.kinds(page) == ["begin", "end"]
    assert desk.messages(page)[-1].content["message"] == "stopped before the first step"


def test_an_invalid_request_is_reported_and_nothing_runs(page: Page, desk: Desk) -> None:
    def make_request() -> RunRequest:
        raise PictureError("The canvas is empty; paint something first.")

    runner = Runner(desk.session, desk.status, make_request)
    page.click(runner.run_button)
    assert desk.status.kind == "error" and desk.status.text.startswith("The canvas is empty")
    assert desk.session.requests == [] and not runner.running and runner.stop_button.disabled
    with pytest.raises(PictureError):
        runner.run()


def test_a_session_that_refuses_a_request_is_reported_and_the_buttons_are_reset(page: Page, desk: Desk) -> None:
    desk.session.close()
    page.click(desk.runner.run_button)
    assert desk.status.kind == "error" and is_sentence(desk.status.text, "closed")
    assert desk.buttons == ("Run", False) and not desk.runner.running


def test_a_view_shown_in_the_middle_of_a_run_gets_the_run_again(page: Page, desk: Desk) -> None:
    desk.runner.run()
    desk.session.advance(4)
    desk.request = RunRequest("generate", "cat", {"steps": 50})
    desk.runner.run()
    page.forget()
    page.tell(desk.view, {"kind": "hello"})
    begin, frame = desk.messages(page)
    content = begin.content
    assert (content["run"], content["steps"], content["title"]) == (2, 50, "cat")
    assert content["curves"]["steps"] == [0] and frame.content["step"] == 0, "with what it missed"


def test_a_reopened_view_gets_frames_although_the_old_one_acknowledged_none(
    page: Page, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10**6))
    monkeypatch.setattr(
        runner_module, "FrameStream", lambda *arguments: FrameStream(*arguments, clock=lambda: next(clock))
    )
    desk.request = RunRequest("generate", "dog", {"steps": 50})
    desk.runner.run()
    desk.session.advance(20)
    page.forget()
    page.tell(desk.view, {"kind": "hello"})
    desk.session.advance(1)
    assert desk.kinds(page) == ["begin", "frame", "frame"]
    assert [message.content["step"] for message in desk.messages(page)[1:]] == [20, 21]
    assert desk.messages(page)[0].content["curves"]["steps"] == list(range(21))


def test_a_view_shown_after_the_run_gets_it_whole(page: Page, desk: Desk) -> None:
    desk.runner.run()
    desk.session.advance(4)
    before = {message.content["kind"]: message for message in desk.messages(page)}
    page.forget()
    page.tell(desk.view, {"kind": "hello"})
    assert desk.kinds(page) == ["begin", "record", "end"]
    assert all(message == before[message.content["kind"]] for message in desk.messages(page))


def test_a_view_shown_before_any_run_gets_nothing(page: Page, desk: Desk) -> None:
    page.tell(desk.view, {"kind": "hello"})
    assert page.sent(desk.view) == []


def test_the_step_that_is_shown_is_known_and_forgotten_with_the_next_run(page: Page, desk: Desk) -> None:
    desk.runner.run()
    desk.session.advance(4)
    assert desk.runner.shown_step is None
    page.tell(desk.view, {"kind": "step", "step": 2})
    assert desk.runner.shown_step == 2
    desk.runner.run()
    assert desk.runner.shown_step is None


def test_numbers_without_meaning_reach_the_browser_as_nothing(page: Page) -> None:
    """JSON has no NaN; the page refuses it, as a browser does."""
    desk = Desk(ScriptSession())
    desk.runner.run()
    trace, (listener,) = Trace("paint", {}), desk.session.listeners
    listener(RunStarted(1, trace, 4))
    trace.append(frame(0, probability=float("nan")))
    listener(FrameMade(1, trace[0]))
    listener(RunEnded(1, "done"))
    shown, record, end = desk.messages(page)[1:]
    assert shown.content["probability"] is None and record.content["curves"]["probability"] == [None]
    assert end.content["message"] == "0 steps in 0.0 s"


def test_a_run_may_be_made_on_another_thread(page: Page, desk: Desk) -> None:
    desk.request = RunRequest("generate", "dog", {"steps": 200})
    desk.runner.run()
    worker = threading.Thread(target=lambda: desk.session.advance(200))
    worker.start()
    for sequence in range(1, 60):
        page.tell(desk.view, {"kind": "ack", "sequence": sequence})
        page.tell(desk.view, {"kind": "hello"})
    worker.join()
    assert desk.status.text == "" and desk.buttons == ("Run", False)
    assert len(desk.runner.trace or ()) == 201 and page.sent(desk.view, "frame")[-1].content["step"] == 200


@pytest.mark.parametrize(
    ("state", "steps", "probability", "text"),
    [
        ("done", 3, 0.734, "3 steps in 0.3 s, dog 73%"),
        ("done", 3, float("nan"), "3 steps in 0.3 s"),
        ("stopped", 2, 0.5, "stopped at step 2, dog 50%"),
        ("stopped", -1, 0.5, "stopped before the first step"),
    ],
)
def test_the_sentence_under_a_run(state: str, steps: int, probability: float, text: str) -> None:
    trace = Trace("generate", {}, target="dog")
    for step in range(steps + 1):
        trace.append(frame(step, probability))
    assert summary(trace, RunEnded(1, state)) == text
