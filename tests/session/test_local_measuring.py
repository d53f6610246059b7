"""The local session measures the robustness of its model once, while no run is active."""

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
from tests.session.test_contract import PATIENCE, EventRecorder, Gate, request


@pytest.fixture
def gate() -> Gate:
    return Gate()


class ConfidentNet(nn.Module):
    """Classifies by brightness, so a few grey levels make it confident; waits at a gate."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        self.gate(x)
        bright = 100 * (x.mean((1, 2, 3)) - 0.5)
        return torch.stack([bright, -bright, bright - 50], 1)


@pytest.fixture
def measuring(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSession]:
    """A session that measures at once, with a model that can become confident of what it paints."""
    monkeypatch.setenv("ROBUST_WIDGETS_CACHE", str(tmp_path))
    monkeypatch.setattr("robust_widgets.session.local.IDLE", 0.01)
    session = LocalSession(RobustClassifier(ConfidentNet(gate), card(12, "sure"), seeds(12)))
    yield session
    gate.open = True
    gate.permit(1000)
    session.close()


class RobustnessRecorder:
    """A listener for the measured robustness."""

    def __init__(self) -> None:
        self.results: list[Robustness | None] = []
        self.threads: list[str] = []
        self._happened = threading.Event()

    def __call__(self, robustness: Robustness | None) -> None:
        self.results.append(robustness)
        self.threads.append(threading.current_thread().name)
        self._happened.set()

    def wait(self) -> Robustness | None:
        assert self._happened.wait(PATIENCE)
        return self.results[-1]


def test_the_model_is_measured_once_while_nothing_runs(measuring: LocalSession, gate: Gate) -> None:
    gate.open = True
    measured, later = RobustnessRecorder(), RobustnessRecorder()
    measuring.measure(measured)
    robustness = measured.wait()
    assert robustness is not None and robustness.own and measured.threads == ["robust-widgets session"]
    forwards = gate.forwards
    measuring.measure(later)
    assert later.results == [robustness] and gate.forwards == forwards, "a known result is reported at once"
    again = LocalSession(RobustClassifier(ConfidentNet(gate), card(12, "sure"), seeds(12)))
    measured = RobustnessRecorder()
    again.measure(measured)
    assert measured.wait() == robustness and gate.forwards == forwards, "and is cached for the next process"
    again.close()


def test_a_run_interrupts_a_measurement(measuring: LocalSession, gate: Gate) -> None:
    measured = RobustnessRecorder()
    measuring.measure(measured)
    gate.wait_for_pass()
    recorder = EventRecorder()
    run = measuring.submit(request(2, seed=0), recorder)
    gate.permit(1)
    gate.wait_for_pass()
    recorder.wait(lambda seen: any(isinstance(event, RunStarted) for event in seen.events))
    assert not measured.results
    gate.open = True
    gate.permit(1000)
    assert recorder.ended(run).state == "done" and measured.wait() is not None


def test_a_model_that_cannot_be_measured_reports_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robust_widgets.session.local.IDLE", 0.01)
    model = smooth_model()
    nn.init.zeros_(model.network.head.weight)
    session = LocalSession(model)
    measured = RobustnessRecorder()
    session.measure(measured)
    assert measured.wait() is None
    recorder = EventRecorder()
    assert recorder.ended(session.submit(request(1, seed=0), recorder)).state == "done"
    session.close()


def test_a_closed_session_stops_measuring(measuring: LocalSession, gate: Gate) -> None:
    measured = RobustnessRecorder()
    measuring.measure(measured)
    gate.wait_for_pass()
    measuring.close()
    gate.permit(1)
    measuring._thread.join(PATIENCE)
    assert not measuring._thread.is_alive() and not measured.results
