"""Bfloat16 on a CPU: for the steps of runs only, where it is faster, and nearly the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch

import robust_widgets as rw
from robust_widgets.compiler import autotune
from robust_widgets.compiler import engine as engines
from robust_widgets.compiler.autotune import BATCH_SIZES
from robust_widgets.compiler.backends import bfloat16
from robust_widgets.compiler.engine import BACKENDS, BFLOAT16, EAGER, ONEDNN, ONNXRUNTIME
from robust_widgets.models.classifier import RobustClassifier
from tests.compiler.networks import forward_backward, pictures_for

native = pytest.mark.skipif(not bfloat16.is_available(), reason="this processor does not multiply in bfloat16")


def fresh(**options: Any) -> RobustClassifier:
    return rw.load_model("tiny", device="cpu", **options).copy_to(torch.device("cpu"))


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> RobustClassifier:
    monkeypatch.delenv(engines.SWITCH, raising=False)
    model = fresh(fast=True)
    assert model.engine is not None
    model.engine.selected = dict.fromkeys(BATCH_SIZES, BFLOAT16)
    return model


@native
@pytest.mark.parametrize("count", [1, 3])
def test_gradients_are_nearly_the_same_and_in_bfloat16(model: RobustClassifier, count: int) -> None:
    pictures = pictures_for(model, count)
    expected, expected_gradient = forward_backward(fresh(fast=False), pictures)
    outputs, gradient = forward_backward(model, pictures)
    assert outputs.dtype == gradient.dtype == torch.float32
    error = float((gradient - expected_gradient).norm() / expected_gradient.norm())
    assert 1e-4 < error < 0.2  # it has eight bits; float32 would be closer
    assert (outputs.softmax(1) - expected.softmax(1)).abs().max() < 0.02


@native
def test_a_run_ends_at_the_same_class_with_the_same_confidence(model: RobustClassifier) -> None:
    exact, lower = (rw.generate("lion", n=2, steps=20, seed=1, model=one) for one in (fresh(fast=False), model))
    assert exact[-1].probability == pytest.approx(lower[-1].probability, abs=0.02)
    for run in (exact, lower):
        assert run[-1].probabilities is not None
        assert run[-1].probabilities.argmax(1).tolist() == [run.classes.index("lion")] * 2


@native
def test_decisions_are_made_in_float32(model: RobustClassifier) -> None:
    pictures = pictures_for(model, 2)
    with torch.no_grad():
        torch.testing.assert_close(model(pictures), fresh(fast=False)(pictures), rtol=1e-4, atol=1e-4)


class TestSelection:
    @pytest.fixture(autouse=True)
    def _(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(engines.SWITCH, raising=False)
        monkeypatch.setattr(autotune, "read_times", lambda *_: None)
        monkeypatch.setattr(autotune, "write_times", lambda *_: None)

    def select(
        self, monkeypatch: pytest.MonkeyPatch, available: bool, precision: str | None = None
    ) -> tuple[list[str], str]:
        """What is measured, and the backend of a step where bfloat16 is the fastest and oneDNN the next."""
        measured: list[str] = []

        def measure(calls: Mapping[str, Callable[[], object]]) -> dict[str, float]:
            measured.extend(calls)
            return {name: {BFLOAT16: 1.0, ONEDNN: 2.0, ONNXRUNTIME: 3.0}.get(name, 10.0) for name in calls}

        stand_in = replace(BACKENDS[ONEDNN], lower_precision=True, is_available=lambda: available)
        monkeypatch.setattr(engines, "BACKENDS", {**BACKENDS, BFLOAT16: stand_in})
        monkeypatch.setattr(autotune, "measure", measure)
        model = fresh(precision=precision)
        forward_backward(model, pictures_for(model, 1))
        assert model.engine is not None
        return measured, [backend for backend, *_ in model.engine._modules][-1]  # pyright: ignore[reportPrivateUsage]

    def test_the_fastest_is_selected(self, monkeypatch: pytest.MonkeyPatch) -> None:
        measured, selected = self.select(monkeypatch, True)
        assert {EAGER, BFLOAT16} <= set(measured) and selected == BFLOAT16

    def test_it_is_not_measured_on_other_processors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        measured, selected = self.select(monkeypatch, False)
        assert BFLOAT16 not in measured and selected == ONEDNN

    def test_full_precision_can_be_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.select(monkeypatch, True, "float32")[1] == ONEDNN
