"""A session whose model is still on its way: what is asked of it meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from robust_widgets.errors import WeightsError
from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.session import ModelLoaded, RunEnded, RunStarted
from robust_widgets.models.bundled import BundledModel
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.session.local import LocalSession
from tests.helpers import check_sentence, raises_sentence, smooth_model
from tests.session.test_local import PATIENCE, AtenTracer, request


class Delivery:
    """How the model comes: not before it is let, and then as it is or with an error."""

    def __init__(self) -> None:
        self.wanted, self.let = threading.Event(), threading.Event()
        self.error: Exception | None = None
        self.told: list[ModelLoaded] = []
        self.over = threading.Event()

    def load(self, _: BundledModel) -> RobustClassifier:
        self.wanted.set()
        assert self.let.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        return smooth_model(12)

    def tell(self, loaded: ModelLoaded) -> None:
        self.told.append(loaded)
        self.over.set()

    def finish(self, error: Exception | None = None) -> ModelLoaded:
        self.error = error
        self.let.set()
        assert self.over.wait(PATIENCE)
        return self.told[-1]


@pytest.fixture
def delivery(monkeypatch: pytest.MonkeyPatch) -> Delivery:
    made = Delivery()
    monkeypatch.setattr(BundledModel, "load", lambda bundled: made.load(bundled))
    return made


@pytest.fixture
def session(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSession]:
    monkeypatch.setattr("robust_widgets.session.local.HEAD_START", PATIENCE)
    made = LocalSession(BundledModel("tiny"))
    made.on_loaded(delivery.tell)
    yield made
    delivery.let.set()
    made.close()
    made._worker.join(PATIENCE)
    assert not made._worker.is_alive()


def test_a_run_waits_for_the_model_and_hurries_it(session: LocalSession, delivery: Delivery) -> None:
    assert session.loading and session.model.classes and session.model.device == ""
    assert not delivery.wanted.is_set(), "the studio comes first"
    recorder = AtenTracer()
    run = session.submit(request(2), recorder)
    assert delivery.wanted.wait(PATIENCE) and recorder.events == []
    assert delivery.finish() == ModelLoaded()
    assert recorder.ended(run) == RunEnded(run, "done")
    assert not session.loading and session.model.device == "cpu" and len(delivery.told) == 1
    session.on_loaded(delivery.tell)
    assert delivery.told == [ModelLoaded()] * 2, "who asks late is told at once"


def test_a_run_that_waits_can_be_stopped_at_once(session: LocalSession, delivery: Delivery) -> None:
    recorder = AtenTracer()
    run = session.submit(request(2), recorder)
    session.cancel()
    session.cancel()
    assert recorder.events == [RunEnded(run, "stopped")] and session.loading
    delivery.finish()
    again = AtenTracer()
    assert again.ended(session.submit(request(2), again)).state == "done"
    assert recorder.events == [RunEnded(run, "stopped")], "it is not told twice"


def test_of_runs_that_wait_the_newest_wins(session: LocalSession, delivery: Delivery) -> None:
    recorder = AtenTracer()
    runs = [session.submit(request(1), recorder) for _ in range(3)]
    assert recorder.events == [RunEnded(run, "stopped") for run in runs[:2]]
    delivery.finish()
    assert recorder.ended(runs[2]).state == "done"
    assert [event.run for event in recorder.events if isinstance(event, RunStarted)] == runs[2:]


@pytest.mark.parametrize("error", [WeightsError("The file is damaged; fetch it again."), OSError("two\nlines.")])
def test_a_model_that_cannot_be_loaded_is_said(session: LocalSession, delivery: Delivery, error: Exception) -> None:
    recorder, measured = AtenTracer(), list[Robustness | None]()
    answered = threading.Event()
    session.measure(lambda found: (measured.append(found), answered.set()))
    run = session.submit(request(2), recorder)
    loaded = delivery.finish(error)
    check_sentence(loaded.message, *([error] if isinstance(error, WeightsError) else ["OSError", "two lines"]))
    assert "Traceback" in loaded.details and not session.loading and session.model.device == ""
    assert recorder.ended(run) == RunEnded(run, "failed", loaded.message, loaded.details)
    later = AtenTracer()
    assert later.ended(session.submit(request(2), later)).message == loaded.message
    assert answered.wait(PATIENCE) and measured == [None]


def test_a_studio_that_is_closed_before_needs_no_model(session: LocalSession, delivery: Delivery) -> None:
    recorder = AtenTracer()
    session.close()
    session._worker.join(PATIENCE)
    assert not session._worker.is_alive() and not delivery.wanted.is_set()
    with raises_sentence(StateError, "closed"):
        session.submit(request(), recorder)
    check_sentence(delivery.told[0].message, "closed")
