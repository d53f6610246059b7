"""A model is measured once per machine; any change that makes it a different model is measured again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from robust_widgets._files import CACHE_VARIABLE
from robust_widgets.interface.robustness import Robustness
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.robustness import estimate as module
from robust_widgets.robustness.estimate import cached_estimate
from tests.helpers import tiny_model

ESTIMATE = Robustness(2.5, 16, 4, True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def measurements(monkeypatch: pytest.MonkeyPatch) -> list[RobustClassifier]:
    """The models that were measured, by an estimate that stops when told to."""
    measured: list[RobustClassifier] = []

    def fake_estimate(model: RobustClassifier, *, should_continue: Callable[[], bool]) -> Robustness | None:
        measured.append(model)
        return ESTIMATE if should_continue() else None

    monkeypatch.setattr(module, "estimate", fake_estimate)
    return measured


def test_a_model_is_measured_once(measurements: list[RobustClassifier]) -> None:
    assert cached_estimate(tiny_model()) == cached_estimate(tiny_model()) == ESTIMATE
    assert len(measurements) == 1


def test_other_weights_or_another_normalisation_make_another_model(measurements: list[RobustClassifier]) -> None:
    cached_estimate(tiny_model())
    cached_estimate(tiny_model(seed=1))
    other = tiny_model()
    other.card = dataclasses.replace(other.card, std=(1.0, 1.0, 1.0))
    cached_estimate(other)
    assert len(measurements) == 3


def test_an_interrupted_measurement_is_not_cached(measurements: list[RobustClassifier]) -> None:
    assert cached_estimate(tiny_model(), should_continue=lambda: False) is None
    assert cached_estimate(tiny_model()) == ESTIMATE
    assert len(measurements) == 2


def test_an_unreadable_cache_entry_is_measured_again(folder: Path, measurements: list[RobustClassifier]) -> None:
    cached_estimate(tiny_model())
    (file,) = (folder / "robustness").iterdir()
    for content in ("", "{}", "[]", "null", '{"radius": 1, "more": 2}'):
        file.write_text(content)
        measurements.clear()
        assert cached_estimate(tiny_model()) == ESTIMATE
        assert len(measurements) == 1
    file.unlink()
    file.mkdir()
    assert cached_estimate(tiny_model()) == ESTIMATE


def test_the_words_for_an_estimate() -> None:
    assert ESTIMATE.words == "robust, L2 35.0 at 224" and "2.5 at its own 16" in ESTIMATE.details
    weak = Robustness(1.0, 224, 9, False)
    assert weak.words == "standard, L2 1.0 at 224" and "its own" not in weak.details and "given" in weak.details
