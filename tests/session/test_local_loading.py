"""A session whose model is still loading."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from robust_widgets.errors import StateError, WeightsError
from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.session import ModelLoaded, RunEnded, RunStarted
from robust_widgets.models.bundled import BundledModel
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.session.local import LocalSession
from tests.helpers import check_sentence, raises_sentence, smooth_model
from tests.session.test_contract import PATIENCE, EventRecorder, request


class ModelLoader:
    """Controls when the model is loaded, and whether that fails."""

    def __init__(self) -> None:
        self.started, self.permitted = threading.Event(), threading.Event()
        self.error: Exception | None = None
        self.events: list[ModelLoaded] = []
        self.finished = threading.Event()

    def load(self, _: BundledModel) -> RobustClassifier:
        self.started.set()
        assert self.permitted.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        return smooth_model(12)

    def on_loaded(self, loaded: ModelLoaded) -> None:
        self.events.append(loaded)
        self.finished.set()

    def finish(self, error: Exception | None = None) -> ModelLoaded:
        self.error = error
        self.permitted.set()
        assert self.finished.wait(PATIENCE)
        return self.events[-1]


@pytest.fixture
def loader(monkeypatch: pytest.MonkeyPatch) -> ModelLoader:
    loader = ModelLoader()
    monkeypatch.setattr(BundledModel, "load", lambda bundled: loader.load(bundled))
    return loader


@pytest.fixture
def session(loader: ModelLoader, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSession]:
    monkeypatch.setattr("robust_widgets.session.local.HEAD_START", PATIENCE)
    session = LocalSession(BundledModel("tiny"))
    session.on_loaded(loader.on_loaded)
    yield session
    loader.permitted.set()
    session.close()
    session._thread.join(PATIENCE)
    assert not session._thread.is_alive()


def test_a_run_starts_the_loading_and_waits_for_it(session: LocalSession, loader: ModelLoader) -> None:
    assert session.loading and session.model.classes and session.model.device == ""
    assert not loader.started.is_set(), "the studio gets a head start"
    recorder = EventRecorder()
    run = session.submit(request(2), recorder)
    assert loader.started.wait(PATIENCE) and recorder.events == []
    assert loader.finish() == ModelLoaded()
    assert recorder.ended(run) == RunEnded(run, "done")
    assert not session.loading and session.model.device == "cpu" and len(loader.events) == 1
    session.on_loaded(loader.on_loaded)
    assert loader.events == [ModelLoaded()] * 2, "a late listener is called at once"


def test_a_waiting_run_can_be_stopped_at_once(session: LocalSession, loader: ModelLoader) -> None:
    recorder = EventRecorder()
    run = session.submit(request(2), recorder)
    session.cancel()
    session.cancel()
    assert recorder.events == [RunEnded(run, "stopped")] and session.loading
    loader.finish()
    again = EventRecorder()
    assert again.ended(session.submit(request(2), again)).state == "done"
    assert recorder.events == [RunEnded(run, "stopped")], "it is not reported twice"


def test_of_several_waiting_runs_the_newest_wins(session: LocalSession, loader: ModelLoader) -> None:
    recorder = EventRecorder()
    runs = [session.submit(request(1), recorder) for _ in range(3)]
    assert recorder.events == [RunEnded(run, "stopped") for run in runs[:2]]
    loader.finish()
    assert recorder.ended(runs[2]).state == "done"
    assert [event.run for event in recorder.events if isinstance(event, RunStarted)] == runs[2:]


@pytest.mark.parametrize("error", [WeightsError("The file is damaged; fetch it again."), OSError("two\nlines.")])
def test_a_failure_to_load_is_reported(session: LocalSession, loader: ModelLoader, error: Exception) -> None:
    recorder, measured = EventRecorder(), list[Robustness | None]()
    answered = threading.Event()
    session.measure(lambda robustness: (measured.append(robustness), answered.set()))
    run = session.submit(request(2), recorder)
    loaded = loader.finish(error)
    check_sentence(loaded.message, *([error] if isinstance(error, WeightsError) else ["OSError", "two lines"]))
    assert "Traceback" in loaded.details and not session.loading and session.model.device == ""
    assert recorder.ended(run) == RunEnded(run, "failed", loaded.message, loaded.details)
    later = EventRecorder()
    assert later.ended(session.submit(request(2), later)).message == loaded.message
    assert answered.wait(PATIENCE) and measured == [None]


def test_a_session_closed_before_loading_loads_no_model(session: LocalSession, loader: ModelLoader) -> None:
    recorder = EventRecorder()
    session.close()
    session._thread.join(PATIENCE)
    assert not session._thread.is_alive() and not loader.started.is_set()
    with raises_sentence(StateError, "closed"):
        session.submit(request(), recorder)
    check_sentence(loader.events[0].message, "closed")
