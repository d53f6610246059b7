"""The fake sessions keep the promises of their protocols."""

from __future__ import annotations

import numpy as np
import pytest

from robust_widgets.errors import StateError
from robust_widgets.interface.session import FrameMade, RunEnded, RunEvent, RunRequest, RunStarted, Session
from robust_widgets.interface.training_session import (
    TrainingEnded,
    TrainingEvent,
    TrainingPlan,
    TrainingSession,
    TrainingStep,
)
from robust_widgets.testing import FakeSession, FakeTrainingSession
from tests.helpers import raises_sentence


def request(steps: int = 3, **parameters: object) -> RunRequest:
    return RunRequest("generate", "dog", {"steps": steps, "seed": 5, **parameters})


def kinds(events: list[RunEvent]) -> list[tuple[type, int]]:
    return [(type(event), event.run) for event in events]


def test_it_is_a_session_with_a_model() -> None:
    session: Session = FakeSession(("a", "b"), 24)
    assert session.model.classes == ("a", "b") and session.model.input_size == 24 and session.model.device == "cpu"


def test_a_run_from_start_to_end() -> None:
    session, events = FakeSession(), []
    run = session.submit(request(3), events.append)
    assert session.running and kinds(events) == [(RunStarted, run), (FrameMade, run)]
    session.advance(2)
    assert session.running
    session.advance(10)
    assert not session.running
    assert kinds(events) == [(RunStarted, run), *[(FrameMade, run)] * 4, (RunEnded, run)]
    assert events[-1].state == "done"
    started, frames = events[0], [event.frame for event in events if isinstance(event, FrameMade)]
    assert started.steps == 3 and len(started.trace) == 4
    assert [frame.step for frame in frames] == [0, 1, 2, 3]
    assert all(started.trace[i] is frame for i, frame in enumerate(frames))
    assert (started.trace.task, started.trace.target, started.trace.seed) == ("generate", "dog", 5)
    assert frames[0].pixels.shape == (1, 16, 16, 3) and frames[0].pixels.dtype == np.uint8
    assert frames[-1].loss < frames[0].loss and frames[-1].probability > frames[0].probability


def test_it_starts_from_the_picture_and_makes_n() -> None:
    session, events = FakeSession(input_size=8), []
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    session.submit(RunRequest("sketch_to_image", "cat", {"steps": 2}, picture), events.append)
    np.testing.assert_array_equal(events[1].frame.pixels[0], picture)
    session.submit(request(2, n=4), events.append)
    assert events[-1].frame.pixels.shape == (4, 8, 8, 3) and events[-1].frame.loss.shape == (4,)


def test_the_newest_wins() -> None:
    session, first, second = FakeSession(), [], []
    first_run = session.submit(request(), first.append)
    second_run = session.submit(request(), second.append)
    assert second_run != first_run
    assert first[-1] == RunEnded(first_run, "stopped")
    session.advance(9)
    assert second[-1] == RunEnded(second_run, "done")
    assert sum(isinstance(event, RunEnded) for event in first + second) == 2
    assert [r.task for r in session.requests] == ["generate", "generate"]


def test_cancel_fail_and_close_end_a_run_once() -> None:
    for end, state in (
        (lambda s: s.cancel(), "stopped"),
        (lambda s: s.fail("It broke.", "a traceback"), "failed"),
        (lambda s: s.close(), "stopped"),
    ):
        session, events = FakeSession(), []
        session.submit(request(), events.append)
        end(session)
        session.cancel()
        session.advance(5)
        ended = [event for event in events if isinstance(event, RunEnded)]
        assert [event.state for event in ended] == [state] and events[-1] is ended[0]
        if state == "failed":
            assert (ended[0].message, ended[0].details) == ("It broke.", "a traceback")


def test_cancelling_nothing_does_nothing() -> None:
    session = FakeSession()
    session.cancel()
    session.advance()
    session.fail("It broke.")
    assert not session.running


def test_it_works_after_a_failed_run() -> None:
    session, events = FakeSession(), []
    session.submit(request(), events.append)
    session.fail("It broke.")
    session.submit(request(1), events.append)
    session.advance()
    assert events[-1] == RunEnded(2, "done")


def test_a_closed_session_takes_no_more() -> None:
    session, events = FakeSession(), []
    session.close()
    assert session.closed
    with raises_sentence(StateError, "closed"):
        session.submit(request(), events.append)
    assert events == [] and session.requests == []


@pytest.mark.parametrize("parameters", [{}, {"steps": 10}])
def test_ten_steps_by_default(parameters: dict[str, int]) -> None:
    session, events = FakeSession(), []
    session.submit(RunRequest("generate", "dog", parameters), events.append)
    assert events[0].steps == 10


def training_step(number: int) -> TrainingStep:
    return TrainingStep(number, 8, 1, 1.0, 0.1, 32, float(number))


def test_a_training_run_is_announced_and_ended_once() -> None:
    session = FakeTrainingSession()
    watched: TrainingSession = session
    events: list[TrainingEvent] = []
    watched.start(events.append)
    assert watched.state == "running" and events == [session.plan]
    session.emit(training_step(3))
    watched.pause()
    assert watched.state == "paused"
    watched.resume()
    watched.stop()
    watched.stop()
    assert watched.state == "stopped"
    assert [type(event) for event in events] == [
        TrainingPlan,
        TrainingStep,
        TrainingEnded,
    ]
    assert session.calls == ["start", "pause", "resume", "stop", "stop"]


def test_a_start_after_a_stop_continues_from_the_last_step() -> None:
    session = FakeTrainingSession()
    events: list[TrainingEvent] = []
    session.start(events.append)
    session.emit(training_step(5))
    session.stop()
    session.start(events.append)
    assert isinstance(events[-1], TrainingPlan) and events[-1].first_step == 5


def test_closing_ends_a_training_run() -> None:
    session = FakeTrainingSession()
    events: list[TrainingEvent] = []
    session.close()
    session.start(events.append)
    session.close()
    assert isinstance(events[-1], TrainingEnded) and session.state == "stopped"
