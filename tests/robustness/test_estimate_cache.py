"""A model is measured once on a machine; anything that makes it another model is measured anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from robust_widgets._files import CACHE_VARIABLE
from robust_widgets.interface.robustness import Robustness
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.robustness import estimate as kept
from robust_widgets.robustness.estimate import robustness_estimate
from tests.helpers import tiny_model

FOUND = Robustness(2.5, 16, 4, True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def measurements(monkeypatch: pytest.MonkeyPatch) -> list[RobustClassifier]:
    """The models that were measured; a measurement is broken off where it is told to."""
    done: list[RobustClassifier] = []

    def measured(model: RobustClassifier, *, go_on: Callable[[], bool]) -> Robustness | None:
        done.append(model)
        return FOUND if go_on() else None

    monkeypatch.setattr(kept, "measured", measured)
    return done


def test_a_model_is_measured_once(measurements: list[RobustClassifier]) -> None:
    assert robustness_estimate(tiny_model()) == robustness_estimate(tiny_model()) == FOUND
    assert len(measurements) == 1


def test_other_weights_or_another_normalisation_are_another_model(measurements: list[RobustClassifier]) -> None:
    robustness_estimate(tiny_model())
    robustness_estimate(tiny_model(seed=1))
    other = tiny_model()
    other.card = dataclasses.replace(other.card, std=(1.0, 1.0, 1.0))
    robustness_estimate(other)
    assert len(measurements) == 3


def test_a_measurement_broken_off_is_not_kept(measurements: list[RobustClassifier]) -> None:
    assert robustness_estimate(tiny_model(), go_on=lambda: False) is None
    assert robustness_estimate(tiny_model()) == FOUND
    assert len(measurements) == 2


def test_what_cannot_be_read_or_written_is_measured_again(folder: Path, measurements: list[RobustClassifier]) -> None:
    robustness_estimate(tiny_model())
    (file,) = (folder / "robustness").iterdir()
    for content in ("", "{}", "[]", "null", '{"radius": 1, "more": 2}'):
        file.write_text(content)
        measurements.clear()
        assert robustness_estimate(tiny_model()) == FOUND
        assert len(measurements) == 1
    file.unlink()
    file.mkdir()
    assert robustness_estimate(tiny_model()) == FOUND


def test_what_it_is_called() -> None:
    assert FOUND.words == "robust, L2 35.0 at 224" and "2.5 at its own 16" in FOUND.details
    weak = Robustness(1.0, 224, 9, False)
    assert weak.words == "standard, L2 1.0 at 224" and "its own" not in weak.details and "given" in weak.details
