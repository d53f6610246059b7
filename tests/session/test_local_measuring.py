"""The local session measures how robust its model is: when nothing runs, once, and behind everything else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.session import RunStarted
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.session.local import LocalSession
from tests.helpers import card, seeds, smooth_model
from tests.session.test_local import PATIENCE, AtenTracer, Gate, request


@pytest.fixture
def gate() -> Gate:
    return Gate()


class Sure(nn.Module):
    """Two classes by how bright a picture is, so that a few grey steps make it sure; it may wait at a gate."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        self.gate(x)
        bright = 100 * (x.mean((1, 2, 3)) - 0.5)
        return torch.stack([bright, -bright, bright - 50], 1)


@pytest.fixture
def measuring(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSession]:
    """A session over a model that becomes sure of what it paints, which waits for nobody before it measures."""
    monkeypatch.setenv("ROBUST_WIDGETS_CACHE", str(tmp_path))
    monkeypatch.setattr("robust_widgets.session.local.IDLE", 0.01)
    made = LocalSession(RobustClassifier(Sure(gate), card(12, "sure"), seeds(12)))
    yield made
    gate.open = True
    gate.let(1000)
    made.close()


class Told:
    """A listener for what was measured."""

    def __init__(self) -> None:
        self.found: list[Robustness | None] = []
        self.threads: list[str] = []
        self._happened = threading.Event()

    def __call__(self, found: Robustness | None) -> None:
        self.found.append(found)
        self.threads.append(threading.current_thread().name)
        self._happened.set()

    def wait(self) -> Robustness | None:
        assert self._happened.wait(PATIENCE)
        return self.found[-1]


def test_the_model_is_measured_when_nothing_runs_and_once(measuring: LocalSession, gate: Gate) -> None:
    gate.open = True
    told, later = Told(), Told()
    measuring.measure(told)
    found = told.wait()
    assert found is not None and found.own and told.threads == ["robust-widgets session"]
    asked = gate.forwards
    measuring.measure(later)
    assert later.found == [found] and gate.forwards == asked, "what is known is told at once"
    again = LocalSession(RobustClassifier(Sure(gate), card(12, "sure"), seeds(12)))
    told = Told()
    again.measure(told)
    assert told.wait() == found and gate.forwards == asked, "and is known to the next process"
    again.close()


def test_a_run_goes_before_a_measurement(measuring: LocalSession, gate: Gate) -> None:
    told = Told()
    measuring.measure(told)
    gate.wait_until_asked()
    recorder = AtenTracer()
    run = measuring.submit(request(2, seed=0), recorder)
    gate.let(1)
    gate.wait_until_asked()
    recorder.wait(lambda seen: any(isinstance(event, RunStarted) for event in seen.events))
    assert not told.found
    gate.open = True
    gate.let(1000)
    assert recorder.ended(run).state == "done" and told.wait() is not None


def test_a_model_that_cannot_be_measured_so_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robust_widgets.session.local.IDLE", 0.01)
    model = smooth_model()
    nn.init.zeros_(model.network.head.weight)
    session = LocalSession(model)
    told = Told()
    session.measure(told)
    assert told.wait() is None
    recorder = AtenTracer()
    assert recorder.ended(session.submit(request(1, seed=0), recorder)).state == "done"
    session.close()


def test_a_session_that_is_closed_stops_measuring(measuring: LocalSession, gate: Gate) -> None:
    told = Told()
    measuring.measure(told)
    gate.wait_until_asked()
    measuring.close()
    gate.let(1)
    measuring._worker.join(PATIENCE)
    assert not measuring._worker.is_alive() and not told.found
