"""The local session: a worker that runs the newest request and tells its listener everything, in order.

The model waits at a gate before each forward pass, so that a test decides when a step is made. Nothing is timed;
the timeouts only turn a hang into a failure.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robust_widgets.errors import StateError
from robust_widgets.interface.session import FrameMade, RunEnded, RunEvent, RunRequest, RunStarted, Session
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.session.local import LocalSession
from robust_widgets.tasks import generate
from tests.helpers import SmoothNet, card, check_sentence, raises_sentence, seeds, smooth_model

PATIENCE = 120.0


class Gate(nn.Module):
    """A network that makes a forward pass only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.network = SmoothNet()
        self.permits = threading.Semaphore(0)
        self.asked = threading.Semaphore(0)
        self.forwards = 0
        self.open = False

    def forward(self, x: Tensor) -> Tensor:
        self.asked.release()
        if not self.open:
            assert self.permits.acquire(timeout=PATIENCE)
        self.forwards += 1
        return self.network(x)

    def let(self, forwards: int) -> None:
        """Let this many forward passes through."""
        self.permits.release(forwards)

    def wait_until_asked(self) -> None:
        """Wait until the next forward pass stands before the gate."""
        assert self.asked.acquire(timeout=PATIENCE)


class AtenTracer:
    """A listener that keeps every event and can be waited for."""

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

    def wait(self, reached: Callable[[AtenTracer], bool]) -> None:
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


@pytest.fixture
def session(gate: Gate) -> Iterator[LocalSession]:
    made = LocalSession(RobustClassifier(gate, card(12, "gate"), seeds(12)))
    yield made
    made.close()
    gate.open = True
    gate.let(1000)
    made._worker.join(PATIENCE)
    assert not made._worker.is_alive()


def request(steps: int = 3, target: str = "dog", **parameters: Any) -> RunRequest:
    return RunRequest("generate", target, {"steps": steps, **parameters})


def settled(session: LocalSession, gate: Gate) -> AtenTracer:
    """Run one more short run to its end: whatever came before it is over then."""
    gate.open = True
    last = AtenTracer()
    run = session.submit(request(1), last)
    gate.let(1000)
    assert last.ended(run).state == "done"
    return last


def test_it_is_a_session(session: LocalSession) -> None:
    same: Session = session
    info = same.model
    assert (info.name, info.classes, info.input_size, info.device) == (
        "test-gate",
        ("dog", "cat", "goldfish"),
        12,
        "cpu",
    )
    assert info.description == "gate" and info.claim == "trained for l2 0.5"


def test_events_come_in_order(session: LocalSession, gate: Gate) -> None:
    gate.open = True
    recorder = AtenTracer()
    run = session.submit(request(5, seed=3, n=2), recorder)
    assert recorder.ended(run) == RunEnded(run, "done")
    started, *frames, _ = recorder.events
    assert isinstance(started, RunStarted) and started.run == run and started.steps == 5
    assert all(isinstance(event, FrameMade) and event.run == run for event in frames)
    assert recorder.frames == [0, 1, 2, 3, 4, 5]
    assert len(started.trace) == 6 and all(started.trace[i] is e.frame for i, e in enumerate(frames))  # type: ignore[union-attr]
    assert len(recorder.threads) == 1 and threading.get_ident() not in recorder.threads
    assert gate.forwards == 6


def test_a_run_is_the_tasks_own_result() -> None:
    model = smooth_model(12)
    session, recorder = LocalSession(model), AtenTracer()
    session.submit(request(4, "cat", seed=2, n=2), recorder)
    recorder.ended()
    session.close()
    trace, wanted = recorder.events[0].trace, generate("cat", steps=4, seed=2, n=2, model=model)  # type: ignore[union-attr]
    np.testing.assert_array_equal(trace.frames, wanted.frames)
    for name in ("task", "target", "parameters", "seed", "model", "fingerprint"):
        assert getattr(trace, name) == getattr(wanted, name)


def test_a_frame_is_in_the_trace_before_it_is_told(session: LocalSession, gate: Gate) -> None:
    gate.open = True
    lengths: list[tuple[int, int]] = []
    recorder = AtenTracer(
        lambda e: lengths.append((e.frame.step, len(recorder.events[0].trace))) if isinstance(e, FrameMade) else None  # type: ignore[union-attr]
    )
    session.submit(request(3), recorder)
    recorder.ended()
    assert lengths == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_submit_returns_at_once(session: LocalSession, gate: Gate) -> None:
    recorder = AtenTracer()
    run = session.submit(request(3), recorder)
    assert run == 1 and gate.forwards == 0, "the caller does not wait for the first step"
    gate.let(4)
    assert recorder.ended(run).state == "done"


def test_cancel_stops_within_one_step(session: LocalSession, gate: Gate) -> None:
    recorder = AtenTracer()
    run = session.submit(request(50), recorder)
    gate.let(3)
    for _ in range(4):
        gate.wait_until_asked()  # three passes are made, the fourth stands before the gate
    recorder.wait(lambda r: len(r.frames) == 3)
    session.cancel()
    session.cancel()
    gate.let(47)
    assert recorder.ended(run) == RunEnded(run, "stopped")
    assert recorder.frames in ([0, 1, 2], [0, 1, 2, 3]) and gate.forwards == 4
    assert len(recorder.events[0].trace) == len(recorder.frames), "what was made is kept"  # type: ignore[union-attr]


def test_a_listener_may_cancel(session: LocalSession, gate: Gate) -> None:
    gate.open = True
    recorder = AtenTracer(lambda e: session.cancel() if isinstance(e, FrameMade) and e.frame.step == 2 else None)
    run = session.submit(request(50), recorder)
    assert recorder.ended(run).state == "stopped" and recorder.frames == [0, 1, 2]


def test_cancelling_nothing_does_nothing(session: LocalSession, gate: Gate) -> None:
    session.cancel()
    settled(session, gate)
    session.cancel()
    settled(session, gate)


def test_the_newest_wins(session: LocalSession, gate: Gate) -> None:
    first, second = AtenTracer(), AtenTracer()
    one = session.submit(request(50), first)
    gate.let(2)
    first.wait(lambda r: len(r.frames) == 2)
    two = session.submit(request(2), second)
    assert two != one
    gate.let(1 + 3)
    assert first.ended(one).state == "stopped" and len(first.frames) in (2, 3)
    assert second.ended(two).state == "done" and second.frames == [0, 1, 2]
    assert {event.run for event in first.events} == {one} and {event.run for event in second.events} == {two}


def test_of_many_only_the_newest_runs_and_each_ends_once(session: LocalSession, gate: Gate) -> None:
    recorder = AtenTracer()
    runs = [session.submit(request(4), recorder) for _ in range(20)]
    assert len(set(runs)) == 20
    gate.let(1000)
    states = [recorder.ended(run).state for run in runs]
    assert states == ["stopped"] * 19 + ["done"]
    started = [event.run for event in recorder.events if isinstance(event, RunStarted)]
    assert len(started) <= 2 and started[-1] == runs[-1], "what was overtaken while it waited never begins"
    order = [event.run for event in recorder.events]
    assert order == sorted(order), "one run's events after another's"


def test_a_listener_may_submit(session: LocalSession, gate: Gate) -> None:
    gate.open = True
    second = AtenTracer()
    first = AtenTracer(lambda e: session.submit(request(1), second) if isinstance(e, RunEnded) else None)
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
def test_a_failing_run_says_a_sentence(session: LocalSession, gate: Gate, bad: RunRequest, named: str) -> None:
    recorder = AtenTracer()
    end = recorder.ended(session.submit(bad, recorder))
    assert end.state == "failed"
    check_sentence(end.message, named)
    assert end.details.startswith("Traceback") and end.message.split(";")[0] in end.details
    assert recorder.events == [end], "a run that cannot begin does not say that it began"
    settled(session, gate)


def test_an_unforeseen_error_is_told_and_the_session_still_works(session: LocalSession, gate: Gate) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("two\nlines, and a full stop.")

    gate.open = True
    hook = gate.register_forward_pre_hook(explode)
    recorder = AtenTracer()
    end = recorder.ended(session.submit(request(3), recorder))
    hook.remove()
    assert end.state == "failed" and "Traceback" in end.details and "explode" in end.details
    check_sentence(end.message, "RuntimeError", "two lines, and a full stop")
    settled(session, gate)


@pytest.mark.parametrize("kind", [RunStarted, FrameMade])
def test_a_listener_that_raises_ends_its_run_not_the_worker(session: LocalSession, gate: Gate, kind: type) -> None:
    def stumble(event: RunEvent) -> None:
        if isinstance(event, kind):
            raise ValueError("the screen is gone")

    gate.open = True
    recorder = AtenTracer(stumble)
    end = recorder.ended(session.submit(request(3), recorder))
    assert end.state == "failed" and "the screen is gone" in end.message
    settled(session, gate)


def test_a_listener_that_raises_at_the_end_is_not_told_twice(
    session: LocalSession, gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    def stumble(event: RunEvent) -> None:
        if isinstance(event, RunEnded):
            raise ValueError("the screen is gone")

    gate.open = True
    recorder = AtenTracer(stumble)
    assert recorder.ended(session.submit(request(1), recorder)).state == "done"
    settled(session, gate)
    recorder.ended()
    assert "the screen is gone" in capsys.readouterr().err, "not swallowed either"


def test_close_stops_the_run_and_takes_no_more(session: LocalSession, gate: Gate) -> None:
    running, waiting, late = AtenTracer(), AtenTracer(), AtenTracer()
    session.submit(request(50), running)
    gate.let(1)
    running.wait(lambda r: len(r.frames) == 1)
    session.submit(request(50), waiting)
    session.close()
    session.close()
    with raises_sentence(StateError, "closed"):
        session.submit(request(), late)
    gate.let(100)
    assert running.ended().state == "stopped" and waiting.ended().state == "stopped"
    assert waiting.frames == [] and late.events == []
    session._worker.join(PATIENCE)
    assert not session._worker.is_alive(), "its thread is given back"


def test_the_worker_does_not_keep_python_alive(session: LocalSession) -> None:
    assert session._worker.daemon


def test_sessions_do_not_share_a_worker(gate: Gate, session: LocalSession) -> None:
    other, blocked, free = LocalSession(smooth_model(12)), AtenTracer(), AtenTracer()
    session.submit(request(3), blocked)
    other.submit(request(3), free)
    assert free.ended().state == "done" and blocked.frames == []
    other.close()
    gate.let(4)
    assert blocked.ended().state == "done"
