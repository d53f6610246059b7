"""The contract of sessions, wherever they compute: a thread runs the newest request and reports every event, in order.

The model waits at a gate before each forward pass, so the test decides when a step happens. Nothing depends on timing;
the timeouts only turn a hang into a failure.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robust_widgets.errors import StateError
from robust_widgets.explanation.attribution import explain
from robust_widgets.explanation.counterfactual import counterfactual
from robust_widgets.interface.explanation import (
    Answer,
    Counterfactual,
    CounterfactualRequest,
    Explainer,
    ExplainRequest,
    Explanation,
    NoAnswer,
    Question,
)
from robust_widgets.interface.session import (
    FrameMade,
    PaintsClasses,
    RunEnded,
    RunEvent,
    RunRequest,
    RunStarted,
    Session,
)
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.session.browser import DEVICE, BrowserSession
from robust_widgets.session.local import LocalSession
from robust_widgets.session.remote import RemoteSession
from robust_widgets.session.server_or_here import ServerOrHere
from robust_widgets.tasks.dream import dream
from robust_widgets.tasks.generate import generate
from robust_widgets.tasks.running.class_pictures import cached_class_picture
from tests.helpers import SmoothNet, card, check_sentence, raises_sentence, seeds, smooth_model
from tests.serving.running import RunningServer
from tests.session.fake_page import FakePage

PATIENCE = 120.0
ANSWERING = ("local", "remote", "movable")  # the kinds that answer questions and paint classes, too
KINDS = (*ANSWERING, "browser")
AnySession: TypeAlias = LocalSession | RemoteSession | ServerOrHere | BrowserSession


class Gate(nn.Module):
    """A network whose forward passes wait for a permit."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.network = SmoothNet()
        self.permits = threading.Semaphore(0)
        self.waiting = threading.Semaphore(0)
        self.forwards = 0
        self.open = False

    def forward(self, x: Tensor) -> Tensor:
        if threading.current_thread() is threading.main_thread():  # a session looks for the network's layers
            return self.network(x)
        self.waiting.release()
        if not self.open:
            assert self.permits.acquire(timeout=PATIENCE)
        self.forwards += 1
        return self.network(x)

    def permit(self, forwards: int) -> None:
        """Allow this many forward passes."""
        self.permits.release(forwards)

    def wait_for_pass(self) -> None:
        """Wait until the next forward pass has reached the gate."""
        assert self.waiting.acquire(timeout=PATIENCE)


class EventRecorder:
    """A listener that stores every event and can be waited for."""

    def __init__(self, also: Callable[[RunEvent], object] = lambda _: None) -> None:
        self.events: list[RunEvent] = []
        self.threads: set[int] = set()
        self._also = also
        self._changed = threading.Condition()

    def __call__(self, event: RunEvent) -> None:
        with self._changed:
            self.events.append(event)
            self.threads.add(threading.get_ident())
            self._changed.notify_all()
        self._also(event)

    def wait(self, reached: Callable[[EventRecorder], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: reached(self), timeout=PATIENCE), self.events

    @property
    def frames(self) -> list[int]:
        return [event.frame.step for event in self.events if isinstance(event, FrameMade)]

    def ended(self, run: int | None = None) -> RunEnded:
        """Wait for the run's end; there must be exactly one, and nothing after it."""
        self.wait(lambda r: any(isinstance(e, RunEnded) and run in (None, e.run) for e in r.events))
        ends = [event for event in self.events if isinstance(event, RunEnded) and run in (None, event.run)]
        assert len(ends) == 1
        own = [event for event in self.events if event.run == ends[0].run]
        assert own[-1] is ends[0]
        return ends[0]


@pytest.fixture
def gate() -> Gate:
    return Gate()


@contextmanager
def opened(model: RobustClassifier, where: str) -> Iterator[AnySession]:
    """A session in this process, or one whose server or page is, or one on a server that could move here."""
    with ExitStack() as stack:
        session: AnySession
        if where == "local":
            session = LocalSession(model)
        elif where == "browser":
            page = FakePage(model)
            stack.callback(page.close)
            session = BrowserSession(model, page)
        else:
            url = stack.enter_context(RunningServer({"test": model})).url
            remote = RemoteSession(url)
            session = ServerOrHere(lambda: remote, lambda: LocalSession(model), remote.model)
            session = session if where == "movable" else remote
        yield session
        session.close()
        if isinstance(model.network, Gate):
            model.network.open = True
            model.network.permit(1000)
        thread_of(session).join(PATIENCE)
        assert not thread_of(session).is_alive()


def thread_of(session: Any) -> threading.Thread:
    return (session._session if isinstance(session, ServerOrHere) else session)._thread


@pytest.fixture(params=KINDS)
def session(request: pytest.FixtureRequest, gate: Gate) -> Iterator[AnySession]:
    with opened(RobustClassifier(gate, card(12, "gate"), seeds(12)), request.param) as session:
        yield session


def request(steps: int = 3, target: str = "dog", **parameters: Any) -> RunRequest:
    return RunRequest("generate", target, {"steps": steps, **parameters})


def run_to_end(session: Session, gate: Gate) -> EventRecorder:
    """Make one more short run; everything before it has ended by then."""
    gate.open = True
    last = EventRecorder()
    run = session.submit(request(1), last)
    gate.permit(1000)
    assert last.ended(run).state == "done"
    return last


def test_it_is_a_session(session: Session) -> None:
    same: Session = session
    info = same.model
    device = DEVICE if isinstance(session, BrowserSession) else "cpu"
    assert (info.name, info.classes, info.input_size, info.device) == (
        "test-gate",
        ("dog", "cat", "goldfish"),
        12,
        device,
    )
    assert info.description == "gate" and info.claim == "trained for l2 0.5"


def test_events_come_in_order(session: Session, gate: Gate) -> None:
    gate.open = True
    recorder = EventRecorder()
    run = session.submit(request(5, seed=3, n=2), recorder)
    assert recorder.ended(run) == RunEnded(run, "done")
    started, *frames, _ = recorder.events
    assert isinstance(started, RunStarted) and started.run == run and started.steps == 5
    assert all(isinstance(event, FrameMade) and event.run == run for event in frames)
    assert recorder.frames == [0, 1, 2, 3, 4, 5]
    assert len(started.trace) == 6 and all(started.trace[i] is e.frame for i, e in enumerate(frames))  # type: ignore[union-attr]
    assert len(recorder.threads) == 1 and threading.get_ident() not in recorder.threads
    assert gate.forwards == 6


@pytest.mark.parametrize("where", KINDS)
def test_a_run_gives_the_same_result_as_the_task_function(where: str) -> None:
    model, recorder = smooth_model(12), EventRecorder()
    with opened(model, where) as session:
        session.submit(request(4, "cat", seed=2, n=2), recorder)
        recorder.ended()
    trace, expected = recorder.events[0].trace, generate("cat", steps=4, seed=2, n=2, model=model)  # type: ignore[union-attr]
    np.testing.assert_array_equal(trace.frames, expected.frames)
    for name in ("task", "target", "parameters", "seed", "model", "fingerprint"):
        assert getattr(trace, name) == getattr(expected, name)


def test_a_frame_is_in_the_trace_before_it_is_reported(session: Session, gate: Gate) -> None:
    gate.open = True
    lengths: list[tuple[int, int]] = []
    recorder = EventRecorder(
        lambda e: lengths.append((e.frame.step, len(recorder.events[0].trace))) if isinstance(e, FrameMade) else None  # type: ignore[union-attr]
    )
    session.submit(request(3), recorder)
    recorder.ended()
    assert lengths == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_submit_returns_at_once(session: Session, gate: Gate) -> None:
    recorder = EventRecorder()
    run = session.submit(request(3), recorder)
    assert run == 1 and gate.forwards == 0, "the caller does not wait for the first step"
    gate.permit(4)
    assert recorder.ended(run).state == "done"


def test_cancel_stops_within_one_step(session: Session, gate: Gate) -> None:
    recorder = EventRecorder()
    run = session.submit(request(50), recorder)
    gate.permit(3)
    for _ in range(4):
        gate.wait_for_pass()  # three passes are done, the fourth has reached the gate
    recorder.wait(lambda r: len(r.frames) == 3)
    session.cancel()
    session.cancel()
    gate.permit(47)
    assert recorder.ended(run) == RunEnded(run, "stopped")
    assert recorder.frames in ([0, 1, 2], [0, 1, 2, 3])
    assert len(recorder.events[0].trace) == len(recorder.frames), "frames already made stay in the trace"  # type: ignore[union-attr]
    run_to_end(session, gate)
    assert gate.forwards == 4 + 2, "no pass more, but for the next run's"


def test_a_listener_may_cancel(session: Session, gate: Gate) -> None:
    gate.open = True
    recorder = EventRecorder(lambda e: session.cancel() if isinstance(e, FrameMade) and e.frame.step == 2 else None)
    run = session.submit(request(50), recorder)
    assert recorder.ended(run).state == "stopped" and recorder.frames == [0, 1, 2]


def test_cancelling_nothing_does_nothing(session: Session, gate: Gate) -> None:
    session.cancel()
    run_to_end(session, gate)
    session.cancel()
    run_to_end(session, gate)


def test_the_newest_wins(session: Session, gate: Gate) -> None:
    first, second = EventRecorder(), EventRecorder()
    first_run = session.submit(request(50), first)
    gate.permit(2)
    first.wait(lambda r: len(r.frames) == 2)
    second_run = session.submit(request(2), second)
    assert second_run != first_run
    gate.permit(100)
    assert first.ended(first_run).state == "stopped" and len(first.frames) in (2, 3)
    assert second.ended(second_run).state == "done" and second.frames == [0, 1, 2]
    assert {event.run for event in first.events} == {first_run}
    assert {event.run for event in second.events} == {second_run}


def test_of_many_requests_only_the_newest_runs_and_each_ends_once(session: Session, gate: Gate) -> None:
    recorder = EventRecorder()
    runs = [session.submit(request(4), recorder) for _ in range(20)]
    assert len(set(runs)) == 20
    gate.permit(1000)
    states = [recorder.ended(run).state for run in runs]
    assert states == ["stopped"] * 19 + ["done"]
    started = [event.run for event in recorder.events if isinstance(event, RunStarted)]
    assert len(started) <= 2 and started[-1] == runs[-1], "a run replaced while it waited never begins"
    order = [event.run for event in recorder.events]
    assert order == sorted(order), "the events of different runs do not interleave"


def test_a_listener_may_submit(session: Session, gate: Gate) -> None:
    gate.open = True
    second = EventRecorder()
    first = EventRecorder(lambda e: session.submit(request(1), second) if isinstance(e, RunEnded) else None)
    session.submit(request(1), first)
    assert first.ended().state == "done" and second.ended().state == "done"


BAD = [
    (request(target="dgo"), "'dog'"),
    (request(steps=0), "steps is 0"),
    (request(stepsize=1), "'step_size'"),
    (RunRequest("paint", "dog"), "'paint'"),
    (RunRequest("sketch_to_image", "dog"), "no picture"),
    (RunRequest("inpaint", "dog", {}, np.zeros((12, 12, 3), np.uint8)), "no mask"),
]


@pytest.mark.parametrize(("bad", "named"), BAD, ids=[named for _, named in BAD])
def test_a_failing_run_reports_a_sentence(session: Session, gate: Gate, bad: RunRequest, named: str) -> None:
    recorder = EventRecorder()
    end = recorder.ended(session.submit(bad, recorder))
    assert end.state == "failed"
    check_sentence(end.message, named)
    assert end.details.startswith("Traceback") and end.message.split(";")[0] in end.details
    assert recorder.events == [end], "a run that cannot begin does not report a start"
    run_to_end(session, gate)


def test_an_unexpected_error_is_reported_and_the_session_still_works(session: Session, gate: Gate) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("two\nlines, and a full stop.")

    gate.open = True
    hook = gate.register_forward_pre_hook(explode)
    recorder = EventRecorder()
    end = recorder.ended(session.submit(request(3), recorder))
    hook.remove()
    assert end.state == "failed" and "Traceback" in end.details and "explode" in end.details
    check_sentence(end.message, "RuntimeError", "two lines, and a full stop")
    run_to_end(session, gate)


@pytest.mark.parametrize("kind", [RunStarted, FrameMade])
def test_a_listener_that_raises_ends_its_run_not_the_thread(session: Session, gate: Gate, kind: type) -> None:
    def fail(event: RunEvent) -> None:
        if isinstance(event, kind):
            raise ValueError("the screen is gone")

    gate.open = True
    recorder = EventRecorder(fail)
    end = recorder.ended(session.submit(request(3), recorder))
    assert end.state == "failed" and "the screen is gone" in end.message
    run_to_end(session, gate)


def test_a_listener_that_raises_at_the_end_is_not_called_twice(
    session: Session, gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(event: RunEvent) -> None:
        if isinstance(event, RunEnded):
            raise ValueError("the screen is gone")

    gate.open = True
    recorder = EventRecorder(fail)
    assert recorder.ended(session.submit(request(1), recorder)).state == "done"
    run_to_end(session, gate)
    recorder.ended()
    assert "the screen is gone" in capsys.readouterr().err, "the error is printed, not swallowed"


def test_close_stops_the_run_and_refuses_new_ones(session: Session, gate: Gate) -> None:
    running, waiting, late = EventRecorder(), EventRecorder(), EventRecorder()
    session.submit(request(50), running)
    gate.permit(1)
    running.wait(lambda r: len(r.frames) == 1)
    session.submit(request(50), waiting)
    session.close()
    session.close()
    with raises_sentence(StateError, "closed"):
        session.submit(request(), late)
    gate.permit(100)
    assert running.ended().state == "stopped" and waiting.ended().state == "stopped"
    assert waiting.frames == [] and late.events == []
    thread = thread_of(session)
    thread.join(PATIENCE)
    assert not thread.is_alive(), "the thread ends"


def test_the_thread_does_not_keep_python_alive(session: Session) -> None:
    assert thread_of(session).daemon


def test_sessions_do_not_share_a_thread(gate: Gate, session: Session) -> None:
    other, blocked, free = LocalSession(smooth_model(12)), EventRecorder(), EventRecorder()
    session.submit(request(3), blocked)
    other.submit(request(3), free)
    assert free.ended().state == "done" and blocked.frames == []
    other.close()
    gate.permit(4)
    assert blocked.ended().state == "done"


PICTURE = np.random.default_rng(3).integers(0, 256, (12, 12, 3), np.uint8)


def answer_of(session: Any, question: Question) -> Answer:
    """The answer to a question, which comes once and on the session's thread."""
    answers: list[tuple[Answer, int]] = []
    answered = threading.Event()
    session.ask(question, lambda answer: (answers.append((answer, threading.get_ident())), answered.set()))
    assert answered.wait(PATIENCE)
    ((answer, thread),) = answers
    assert thread == thread_of(session).ident
    return answer


@pytest.mark.parametrize("where", ANSWERING)
def test_a_question_is_answered_as_by_the_function(where: str) -> None:
    model = smooth_model(12)
    with opened(model, where) as session:
        assert isinstance(session, Explainer)
        seen = answer_of(session, ExplainRequest(PICTURE, "gradient", "cat"))
        assert isinstance(seen, Explanation)
        expected = explain(PICTURE, "cat", model=model, method="gradient")
        np.testing.assert_allclose(seen.attribution, expected.attribution, atol=1e-6)
        np.testing.assert_array_equal(seen.picture, expected.picture)
        assert seen.caption == expected.caption and seen.probability == pytest.approx(expected.probability)
        most_probable = answer_of(session, ExplainRequest(PICTURE, "gradient"))
        assert isinstance(most_probable, Explanation)
        other = next(name for name in session.model.classes if name != most_probable.target)
        change = answer_of(session, CounterfactualRequest(PICTURE, other))
        assert isinstance(change, Counterfactual)
        known = counterfactual(PICTURE, other, model=model)
        assert (change.source, change.target) == (known.source, other)
        assert change.epsilon == pytest.approx(known.epsilon) and len(change.trace) == len(known.trace)
        np.testing.assert_array_equal(change.trace.frames, known.trace.frames)
        np.testing.assert_array_equal(change.trace.inputs["picture"], PICTURE)
        for name in ("task", "target", "parameters", "model", "fingerprint", "classes"):
            assert getattr(change.trace, name) == getattr(known.trace, name)
        for frame, like in zip(change.trace, known.trace, strict=True):  # type: ignore[call-overload]
            assert (frame.gradient is None) == (like.gradient is None)
            np.testing.assert_array_equal(frame.probabilities, like.probabilities)


@pytest.mark.parametrize("where", ANSWERING)
def test_what_has_no_answer_is_told_in_a_sentence(where: str) -> None:
    with opened(smooth_model(12), where) as session:
        for question, named in (
            (ExplainRequest(PICTURE, "tarot"), "'tarot'"),
            (CounterfactualRequest(PICTURE, "dgo"), "'dog'"),
        ):
            answer = answer_of(session, question)
            assert isinstance(answer, NoAnswer)
            check_sentence(answer.message, named)
            assert answer.details.startswith("Traceback")
    with raises_sentence(StateError, "closed"):
        session.ask(ExplainRequest(PICTURE), print)


@pytest.mark.parametrize("where", ANSWERING)
def test_a_dream_of_any_layer_of_the_list(where: str) -> None:
    model, recorder = smooth_model(12), EventRecorder()
    with opened(model, where) as session:
        assert session.model.layers == model.layers() != ()
        layer = session.model.layers[0]
        parameters = {"steps": 2, "channel": layer.channels - 1, "seed": 3}
        session.submit(RunRequest("dream", layer.name, parameters), recorder)
        assert recorder.ended().state == "done"
    expected = dream(layer.name, model=model, **parameters)  # type: ignore[arg-type]
    np.testing.assert_array_equal(recorder.events[0].trace.frames, expected.frames)  # type: ignore[union-attr]


@pytest.mark.parametrize("where", ANSWERING)
def test_classes_are_painted_between_runs(where: str) -> None:
    model = smooth_model(12)
    painted: dict[int, bytes] = {}
    enough = threading.Event()

    def show(index: int, jpeg: bytes) -> None:
        assert index not in painted
        painted[index] = jpeg
        if len(painted) == 2:
            enough.set()

    with opened(model, where) as session:
        assert isinstance(session, PaintsClasses) and session.model.class_pictures == ()
        session.paint_classes([2, 0], show)
        session.paint_classes([2], show)
        assert enough.wait(PATIENCE)
    assert painted == {index: cached_class_picture(model, index) for index in (0, 2)}
