"""A model is measured once on a machine; anything that makes it another model is measured anew."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from robust_widgets.measuring.kept import keep_robustness, kept_robustness
from robust_widgets.models.published.cache import VARIABLE
from robust_widgets.robustness import Robustness
from tests.helpers import tiny_model

FOUND = Robustness(2.5, 16, 4, True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_was_measured_is_found_again() -> None:
    assert kept_robustness(tiny_model()) is None
    keep_robustness(tiny_model(), FOUND)
    assert kept_robustness(tiny_model()) == FOUND


def test_other_weights_or_another_normalisation_are_another_model() -> None:
    keep_robustness(tiny_model(), FOUND)
    assert kept_robustness(tiny_model(seed=1)) is None
    other = tiny_model()
    other.card = dataclasses.replace(other.card, std=(1.0, 1.0, 1.0))
    assert kept_robustness(other) is None


def test_what_cannot_be_read_or_written_is_measured_again(folder: Path) -> None:
    keep_robustness(tiny_model(), FOUND)
    (file,) = (folder / "robustness").iterdir()
    for content in ("", "{}", "[]", '{"radius": 1, "more": 2}'):
        file.write_text(content)
        assert kept_robustness(tiny_model()) is None
    file.unlink()
    file.mkdir()
    keep_robustness(tiny_model(), FOUND)
    assert kept_robustness(tiny_model()) is None


def test_what_it_is_called() -> None:
    assert FOUND.words == "robust, L2 35.0 at 224" and "2.5 at its own 16" in FOUND.details
    weak = Robustness(1.0, 224, 9, False)
    assert weak.words == "standard, L2 1.0 at 224" and "its own" not in weak.details and "given" in weak.details
