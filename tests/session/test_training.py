"""A training session trains off the main thread, pauses, stops and continues without losing anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from robust_widgets.errors import DataError
from robust_widgets.interface.training_session import (
    TrainingEnded,
    TrainingEpoch,
    TrainingEvent,
    TrainingNote,
    TrainingPlan,
    TrainingStep,
)
from robust_widgets.models.registry import load_model
from robust_widgets.session.training import LocalTraining
from robust_widgets.training.settings import TrainingSettings
from robust_widgets.training.trainer import TrainingRun
from tests.helpers import noise_patterns

TRAIN, VAL = noise_patterns(16, seed=1), noise_patterns(4, seed=2)
SETTINGS = TrainingSettings(
    architecture="blurresnet-tiny", epochs=3, batch_size=12, learning_rate=0.05, precision="float32"
)
STEPS = 12


class Watcher:
    """A listener that stores events and can be waited for."""

    def __init__(self) -> None:
        self.events: list[TrainingEvent] = []
        self.threads: set[int] = set()
        self.changed = threading.Condition()

    def __call__(self, event: TrainingEvent) -> None:
        with self.changed:
            self.events.append(event)
            self.threads.add(threading.get_ident())
            self.changed.notify_all()

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def wait(self, reached: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(reached, timeout=120), self.events

    def wait_end(self) -> TrainingEnded:
        self.wait(lambda: bool(self.of(TrainingEnded)))
        return self.of(TrainingEnded)[-1]

    def wait_step(self, step: int) -> None:
        self.wait(lambda: any(event.step >= step for event in self.of(TrainingStep)))


def session(out: Path, samples: int = 0) -> LocalTraining:
    def set_up(log: Callable[[str], object]) -> TrainingRun:
        log("Skipped 1 file.")
        resume = out.with_suffix(".checkpoint.pt").exists()
        return TrainingRun(TRAIN, VAL, out, SETTINGS, samples=samples, resume=resume)

    return LocalTraining(set_up)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_model(path, device="cpu").state_dict()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Watcher]:
    out, watcher = tmp_path_factory.mktemp("whole") / "m.safetensors", Watcher()
    training = session(out, samples=4)
    assert training.state == "idle"
    training.start(watcher)
    assert watcher.wait_end().state == "done"
    assert training.model is not None and training.model.classes == TRAIN.classes
    return out, watcher


def test_the_events_and_their_order(whole: tuple[Path, Watcher]) -> None:
    out, watcher = whole
    note, plan, *between, last = watcher.events
    assert note == TrainingNote("Skipped 1 file.")
    assert isinstance(plan, TrainingPlan) and (plan.steps, plan.first_step, plan.epochs) == (STEPS, 0, 3)
    assert plan.classes == TRAIN.classes and plan.pictures == 48 and plan.out == str(out)
    assert [event.step for event in between if isinstance(event, TrainingStep)] == list(range(1, STEPS + 1))
    assert [event.step for event in between if isinstance(event, TrainingEpoch)] == [4, 8, 12]
    assert isinstance(last, TrainingEnded) and str(out) in last.message
    assert threading.get_ident() not in watcher.threads and len(watcher.threads) == 1


def test_the_same_seeds_are_painted_after_each_epoch(whole: tuple[Path, Watcher]) -> None:
    epochs = whole[1].of(TrainingEpoch)
    for epoch in epochs:
        assert epoch.pictures.shape == (4, 16, 16, 3) and epoch.pictures.dtype == np.uint8
        assert epoch.labels == ("1 red", "1 red", "2 green", "3 blue")
        assert set(epoch.accuracies) == {"clean", "l2 1, 5 steps"}
    assert not np.array_equal(epochs[0].pictures, epochs[-1].pictures), "by another model each time"
    strongest = epochs[-1].pictures.astype(float).mean((1, 2)).argmax(1)
    assert strongest.tolist() == [0, 0, 1, 2], "in the colours of their classes"


def test_a_stop_loses_nothing(whole: tuple[Path, Watcher], tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    training, first, second = session(out), Watcher(), Watcher()
    training.start(first)
    first.wait_step(5)
    training.stop()
    assert first.wait_end().state == "stopped" and training.state == "stopped"
    reached = first.of(TrainingStep)[-1].step
    assert reached < STEPS and out.with_suffix(".checkpoint.pt").exists() and not out.exists()
    training.start(second)
    assert second.wait_end().state == "done"
    assert second.of(TrainingStep)[0].step == reached + 1
    assert all(torch.equal(value, weights(out)[name]) for name, value in weights(whole[0]).items())


def test_a_new_session_continues_too(whole: tuple[Path, Watcher], tmp_path: Path) -> None:
    out, first, second = tmp_path / "m.safetensors", Watcher(), Watcher()
    training = session(out)
    training.start(first)
    first.wait_step(2)
    training.close()
    again = session(out)
    again.start(second)
    assert second.wait_end().state == "done"
    assert second.of(TrainingPlan)[0].first_step == first.of(TrainingStep)[-1].step
    assert all(torch.equal(value, weights(out)[name]) for name, value in weights(whole[0]).items())


def test_a_pause_holds_and_resumes(tmp_path: Path) -> None:
    training, watcher = session(tmp_path / "m.safetensors"), Watcher()
    training.start(watcher)
    watcher.wait_step(1)
    training.pause()
    assert training.state == "paused"
    time.sleep(0.3)  # let the current step end
    count = len(watcher.events)
    time.sleep(0.5)
    assert len(watcher.events) == count and not watcher.of(TrainingEnded)
    training.resume()
    assert training.state == "running"
    assert watcher.wait_end().state == "done"


def test_a_paused_run_can_be_stopped(tmp_path: Path) -> None:
    training, watcher = session(tmp_path / "m.safetensors"), Watcher()
    training.start(watcher)
    watcher.wait_step(1)
    training.pause()
    training.stop()
    assert watcher.wait_end().state == "stopped"


@pytest.mark.parametrize(
    ("error", "words"), [(DataError("The folder is empty."), "The folder is empty."), (KeyError("odd"), "KeyError")]
)
def test_an_error_is_reported_in_a_sentence(error: Exception, words: str) -> None:
    def set_up(_: object) -> TrainingRun:
        raise error

    training, watcher = LocalTraining(set_up), Watcher()
    training.start(watcher)
    ended = watcher.wait_end()
    assert ended.state == training.state == "failed"
    assert words in ended.message and "Traceback" in ended.details and "Traceback" not in ended.message
