"""A remote session when the connection or the server goes: it connects again, and the trace is complete."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robust_widgets.errors import ParameterError, SetupError
from robust_widgets.interface import messages
from robust_widgets.interface.explanation import (
    Answer,
    CounterfactualRequest,
    ExplainRequest,
    Explanation,
    NoAnswer,
    Question,
)
from robust_widgets.interface.session import RunEnded, RunRequest, RunStarted
from robust_widgets.serving.device import ModelDevice
from robust_widgets.serving.limits import Limits
from robust_widgets.session import remote
from robust_widgets.session.remote import RemoteSession
from robust_widgets.session.server_link import ServerAddress
from robust_widgets.tasks.generate import generate
from tests.helpers import check_sentence, raises_sentence, smooth_model
from tests.serving.running import RunningServer
from tests.session.test_contract import PATIENCE, EventRecorder

MODEL = smooth_model(12)
REQUEST = RunRequest("generate", "cat", {"steps": 12, "seed": 5})
FAST = Limits(most_per_second=1e6, frames_per_second=1e9, bytes_per_second=1e12)


class Pausing(ModelDevice):
    """A device that waits before a step until it may go on.

    Args:
        step: the step to wait before.
    """

    def __init__(self, step: int) -> None:
        super().__init__(MODEL)
        self.step_to_wait_for = step
        self.reached, self.may_go_on = threading.Event(), threading.Event()

    def step(self, runs: Sequence[Any]) -> Any:
        if any(run.run.step == self.step_to_wait_for for run in runs):
            self.reached.set()
            assert self.may_go_on.wait(PATIENCE)
        return super().step(runs)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "FIRST_WAIT", 0.02)


@pytest.fixture
def device() -> Iterator[Pausing]:
    device = Pausing(6)
    yield device
    device.may_go_on.set()


def check_complete(recorder: EventRecorder) -> None:
    """One start, every frame once and in order, one end; the pictures are those of the task's function."""
    assert recorder.ended().state == "done" and recorder.frames == list(range(13))
    assert sum(isinstance(event, RunStarted) for event in recorder.events) == 1
    trace, expected = recorder.events[0].trace, generate("cat", steps=12, seed=5, model=MODEL)  # type: ignore[union-attr]
    assert np.abs(trace.frames.astype(int) - expected.frames).max() <= 1
    assert np.all(np.diff(trace.seconds) >= 0), "the clock never goes back"


def test_a_lost_connection_is_made_again_and_the_run_goes_on(device: Pausing) -> None:
    with RunningServer({"small": MODEL}, devices={"small": device}, limits=FAST) as server:
        session, recorder = RemoteSession(server.url), EventRecorder()
        session.submit(REQUEST, recorder)
        assert device.reached.wait(PATIENCE)
        recorder.wait(lambda r: len(r.frames) == 6)
        session._soon(lambda: session._link.close())  # type: ignore[union-attr]
        device.step_to_wait_for = -1
        device.may_go_on.set()
        check_complete(recorder)
        session.join()


def test_a_server_that_starts_again_goes_on_with_the_run(device: Pausing) -> None:
    with RunningServer({"small": MODEL}, devices={"small": device}, limits=FAST) as server:
        session, recorder = RemoteSession(server.url), EventRecorder()
        session.submit(REQUEST, recorder)
        assert device.reached.wait(PATIENCE)
        device.may_go_on.set()
    with RunningServer({"small": MODEL}, limits=FAST, port=server.port):
        check_complete(recorder)
        session.join()


def test_a_server_with_other_weights_does_not_go_on_with_the_run(device: Pausing) -> None:
    with RunningServer({"small": MODEL}, devices={"small": device}, limits=FAST) as server:
        session, recorder = RemoteSession(server.url), EventRecorder()
        session.submit(REQUEST, recorder)
        assert device.reached.wait(PATIENCE)
        device.may_go_on.set()
    with RunningServer({"small": smooth_model(12, seed=1)}, limits=FAST, port=server.port):
        ended = recorder.ended()
        assert ended.state == "failed" and 0 < len(recorder.events[0].trace) < 13  # type: ignore[union-attr]
        check_sentence(ended.message, "another model", "steps so far are kept")
        again = EventRecorder()
        session.submit(REQUEST, again)
        assert again.ended().state == "done", "a run from the start uses the new model"
        session.join()


def test_a_server_that_never_comes_back_ends_the_run_once(device: Pausing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PATIENCE", 0.3)
    with RunningServer({"small": MODEL}, devices={"small": device}, limits=FAST) as server:
        session, recorder = RemoteSession(server.url), EventRecorder()
        session.submit(REQUEST, recorder)
        assert device.reached.wait(PATIENCE)
        device.may_go_on.set()
    ended = recorder.ended()
    assert ended.state == "failed"
    check_sentence(ended.message, "localhost", "does not answer")
    later = EventRecorder()
    session.submit(REQUEST, later)
    assert later.ended().state == "failed" and len(later.events) == 1
    with RunningServer({"small": MODEL}, limits=FAST, port=server.port):
        third = EventRecorder()
        session.submit(REQUEST, third)
        check_complete(third)
        session.join()


def test_a_run_is_stopped_while_nobody_answers(device: Pausing) -> None:
    with RunningServer({"small": MODEL}, devices={"small": device}, limits=FAST) as server:
        session, recorder = RemoteSession(server.url), EventRecorder()
        session.submit(REQUEST, recorder)
        assert device.reached.wait(PATIENCE)
        device.may_go_on.set()
    session.cancel()
    assert recorder.ended() == RunEnded(1, "stopped")
    session.join()
    assert not session._thread.is_alive()


def test_inputs_stay_in_the_trace() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)
    mask = np.zeros((12, 12), np.uint8)
    mask[3:8, 4:9] = 255
    with RunningServer({"small": MODEL}, limits=FAST) as server:
        session, recorder = RemoteSession(server.url, model="small"), EventRecorder()
        session.submit(RunRequest("inpaint", "dog", {"steps": 2}, picture, mask), recorder)
        assert recorder.ended().state == "done"
        trace = recorder.events[0].trace  # type: ignore[union-attr]
        np.testing.assert_array_equal(trace.inputs["picture"], picture)
        np.testing.assert_array_equal(trace.inputs["mask"], mask)
        session.join()


def test_the_robustness_is_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robust_widgets.serving.batcher.IDLE", 0.01)
    with RunningServer({"small": MODEL}) as server:
        session = RemoteSession(server.url)
        heard: list[Any] = []
        told = threading.Event()
        session.measure(lambda robustness: (heard.append(robustness), told.set()))
        assert told.wait(PATIENCE) and heard[0].side == 12
        session.measure(heard.append)
        assert heard[1] == heard[0], "now, since it is known"
        session.join()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:8900", "ws://localhost:8900/ws"),
        ("https://gpu.school.org/services/robust/", "wss://gpu.school.org/services/robust/ws"),
        ("ws://[::1]:1/ws", "ws://[::1]:1/ws"),
    ],
)
def test_addresses(url: str, expected: str) -> None:
    assert ServerAddress.of(url).url == expected


@pytest.mark.parametrize("url", ["", "localhost:8900", "ftp://x", "http://", "http://x:99999", "http://[", 3])
def test_what_is_no_address_is_refused(url: Any) -> None:
    with raises_sentence(ParameterError, "http://localhost:8900"):
        RemoteSession(url)


def test_nobody_there() -> None:
    with raises_sentence(SetupError, "localhost:1", "does not answer"):
        RemoteSession("http://localhost:1")


def test_the_environment_names_the_server_and_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "hub")
    with raises_sentence(SetupError, "ROBUST_WIDGETS_SERVER"):
        RemoteSession()
    monkeypatch.setenv("ROBUST_WIDGETS_SERVER", "https://hub/services/robust")
    assert ServerAddress.from_environment() == ServerAddress("wss://hub/services/robust/ws", "hub")
    monkeypatch.setenv("ROBUST_WIDGETS_TOKEN", "own")
    assert ServerAddress.from_environment() == ServerAddress("wss://hub/services/robust/ws", "own")
    monkeypatch.delenv("ROBUST_WIDGETS_TOKEN")
    assert ServerAddress.of("http://elsewhere").token == "", "the hub's token goes to nobody but the hub's server"


def test_a_student_needs_no_torch() -> None:
    code = "import sys, robust_widgets.session.remote; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)


class Thinking(ModelDevice):
    """A device that waits before it answers until it may."""

    def __init__(self) -> None:
        super().__init__(MODEL)
        self.times = 0
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def answer(self, question: Question) -> Answer:
        self.times += 1
        self.asked.set()
        assert self.may_answer.wait(PATIENCE)
        return super().answer(question)


class Answers:
    """A listener that stores each answer."""

    def __init__(self) -> None:
        self.all: list[Answer] = []
        self._came = threading.Event()

    def __call__(self, answer: Answer) -> None:
        self.all.append(answer)
        self._came.set()

    def only(self) -> Answer:
        assert self._came.wait(PATIENCE)
        (answer,) = self.all
        return answer


def wait_until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.005)


QUESTION = ExplainRequest(np.zeros((12, 12, 3), np.uint8), "gradient")


def test_what_was_asked_is_asked_again_over_a_new_connection() -> None:
    device, answers = Thinking(), Answers()
    painted = threading.Event()
    with RunningServer({"small": MODEL}, devices={"small": device}) as server:
        session = RemoteSession(server.url)
        session.ask(QUESTION, answers)
        assert device.asked.wait(PATIENCE)
        session.paint_classes([1], lambda index, jpeg: painted.set())
        (old,) = server.context.talks
        session._soon(lambda: session._link.close())  # type: ignore[union-attr]
        wait_until(lambda: any(talk.owner for talk in server.context.talks - {old}))
        device.may_answer.set()
        assert isinstance(answers.only(), Explanation) and painted.wait(PATIENCE)
        session.join()
    assert device.times == 2 and len(answers.all) == 1


def test_a_question_that_nobody_can_answer_any_more_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PATIENCE", 0.2)
    device, lost, closed = Thinking(), Answers(), Answers()
    with RunningServer({"small": MODEL}, devices={"small": device}) as server:
        session = RemoteSession(server.url)
        session.ask(QUESTION, lost)
        assert device.asked.wait(PATIENCE)
        server.context.pool.models = {}
        session._soon(lambda: session._link.close())  # type: ignore[union-attr]
        wait_until(lambda: not server.context.talks)
        device.may_answer.set()
        answer = lost.only()
        assert isinstance(answer, NoAnswer)
        check_sentence(answer.message, "does not answer")
        session.ask(QUESTION, closed)
        session.join()
        answer = closed.only()
        assert isinstance(answer, NoAnswer)
        check_sentence(answer.message, "closed")


def test_a_question_that_no_message_can_hold_is_answered_at_once() -> None:
    with RunningServer({"small": MODEL}) as server:
        session = RemoteSession(server.url)
        for question, named in (
            (ExplainRequest(np.zeros((2100, 2000, 3), np.uint8)), "4,000,000 pixels"),
            (CounterfactualRequest(QUESTION.picture, "x" * 2000), "target"),
        ):
            answers = Answers()
            session.ask(question, answers)
            answer = answers.only()
            assert isinstance(answer, NoAnswer) and named in answer.message
        session.join()


def test_an_older_server_that_knows_no_questions_says_so() -> None:
    with RunningServer({"small": MODEL}) as server:
        session, answers = RemoteSession(server.url), Answers()
        session._errands.ask("small", QUESTION, answers)  # a message that such a server cannot read is refused
        session._soon(lambda: session._link.send(messages.Ended(id=1, state="done")))  # type: ignore[union-attr]
        answer = answers.only()
        assert isinstance(answer, NoAnswer)
        check_sentence(answer.message, "cannot read")
        session.join()
