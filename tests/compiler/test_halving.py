"""Bfloat16 on a CPU: only on the way of a picture, only where it is faster, and nearly the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import robust_widgets as rw
from robust_widgets.compiler import autotune as choice
from robust_widgets.compiler import engine as engines
from robust_widgets.compiler.backends import onednn
from robust_widgets.compiler.engine import HALF, ONEDNN, ONNX, OWN
from robust_widgets.compiler.rewrites import halving
from robust_widgets.models.classifier import RobustClassifier
from tests.compiler.networks import both, pictures_for

pytestmark = pytest.mark.skipif(not onednn.available(), reason="this torch has no oneDNN")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> RobustClassifier:
    monkeypatch.delenv(engines.SWITCH, raising=False)
    model = fresh(fast=True)
    assert model.engine is not None
    model.engine.fixed = HALF
    return model


def fresh(**given: Any) -> RobustClassifier:
    return rw.load_model("tiny", device="cpu", **given).copy_to(torch.device("cpu"))


def plain() -> RobustClassifier:
    return fresh(fast=False)


@pytest.mark.parametrize("count", [1, 3])
def test_the_way_of_a_picture_is_nearly_the_same_and_in_bfloat16(model: RobustClassifier, count: int) -> None:
    pictures = pictures_for(model, count)
    expected, slope = both(plain(), pictures)
    found, found_slope = both(model, pictures)
    assert found.dtype == found_slope.dtype == torch.float32
    away = float((found_slope - slope).norm() / slope.norm())
    assert 1e-4 < away < 0.2  # bfloat16 has eight bits: it would be nearer in float32
    assert (found.softmax(1) - expected.softmax(1)).abs().max() < 0.02


def test_a_run_ends_at_the_same_class_as_surely(model: RobustClassifier) -> None:
    runs = [rw.generate("lion", steps=20, seed=1, model=one) for one in (plain(), model)]
    assert [run[-1].probabilities.argmax() for run in runs if run[-1].probabilities is not None] == [
        model.class_index("lion")
    ] * 2
    assert runs[0][-1].probability == pytest.approx(runs[1][-1].probability, abs=0.02)


def test_decisions_are_made_in_full_precision(model: RobustClassifier) -> None:
    pictures = pictures_for(model, 2)
    with torch.no_grad():
        torch.testing.assert_close(model(pictures), plain()(pictures), rtol=1e-4, atol=1e-4)


class TestChoice:
    @pytest.fixture(autouse=True)
    def _(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(engines.SWITCH, raising=False)
        monkeypatch.setattr(choice, "kept_times", lambda *_: None)
        monkeypatch.setattr(choice, "keep_times", lambda *_: None)

    def ways(self, monkeypatch: pytest.MonkeyPatch, worth: bool, precision: str | None) -> tuple[list[str], str]:
        """What is measured, and what is taken where the first of these is the fastest: bfloat16, oneDNN, others."""
        tried: list[str] = []

        def measure(ways: dict[str, Callable[[], Tensor]]) -> dict[str, float]:
            tried.extend(ways)
            return {way: {HALF: 1.0, ONEDNN: 2.0, ONNX: 3.0}.get(way, 10.0) for way in ways}

        monkeypatch.setattr(halving, "worth_trying", lambda: worth)
        monkeypatch.setattr(choice, "measure", measure)
        model = fresh(precision=precision)
        both(model, pictures_for(model, 1))
        assert model.engine is not None
        used = [way for way, *_ in model.engine._passes]  # pyright: ignore[reportPrivateUsage]
        return tried, used[-1]

    def test_it_is_measured_where_the_processor_has_it_and_taken_where_it_is_faster(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tried, taken = self.ways(monkeypatch, True, None)
        assert HALF in tried and OWN in tried and taken == HALF

    def test_elsewhere_it_is_not_even_measured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tried, taken = self.ways(monkeypatch, False, None)
        assert HALF not in tried and taken == ONEDNN

    def test_measuring_a_model_first_does_not_keep_it_from_its_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(halving, "worth_trying", lambda: True)
        monkeypatch.setattr(choice, "measure", lambda ways: {way: 1.0 if way == HALF else 10.0 for way in ways})
        model = fresh()
        pictures = pictures_for(model, 1)
        with model.in_full_precision():
            full = both(model, pictures)[1]
        torch.testing.assert_close(full, both(plain(), pictures)[1], rtol=1e-3, atol=1e-5)
        assert not torch.allclose(both(model, pictures)[1], full, rtol=1e-3, atol=1e-5)

    def test_a_person_may_ask_for_full_precision(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.ways(monkeypatch, True, "float32")[1] == ONEDNN
