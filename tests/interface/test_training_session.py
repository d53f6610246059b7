"""The public fake of a training session."""

from __future__ import annotations

from robust_widgets.interface.training_session import (
    FakeTrainingSession,
    TrainingEnded,
    TrainingEvent,
    TrainingPlan,
    TrainingSession,
    TrainingStep,
)


def step(number: int) -> TrainingStep:
    return TrainingStep(number, 8, 1, 1.0, 0.1, 32, float(number))


def test_a_run_is_announced_told_and_ended_once() -> None:
    session = FakeTrainingSession()
    watched: TrainingSession = session
    got: list[TrainingEvent] = []
    watched.start(got.append)
    assert watched.state == "running" and got == [session.plan]
    session.tell(step(3))
    watched.pause()
    assert watched.state == "paused"
    watched.resume()
    watched.stop()
    watched.stop()
    assert watched.state == "stopped" and [type(one) for one in got] == [TrainingPlan, TrainingStep, TrainingEnded]
    assert session.asked == ["start", "pause", "resume", "stop", "stop"]


def test_a_start_after_a_stop_goes_on_from_the_last_step() -> None:
    session = FakeTrainingSession()
    got: list[TrainingEvent] = []
    session.start(got.append)
    session.tell(step(5))
    session.stop()
    session.start(got.append)
    assert isinstance(got[-1], TrainingPlan) and got[-1].first_step == 5


def test_closing_ends_a_run_that_goes_on() -> None:
    session = FakeTrainingSession()
    got: list[TrainingEvent] = []
    session.close()
    session.start(got.append)
    session.close()
    assert isinstance(got[-1], TrainingEnded) and session.state == "stopped"
