"""Feature catalogues are written, read, and refused if they don't fit the model."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import robust_widgets as rw
from robust_widgets.errors import UnknownNameError, WeightsError
from robust_widgets.interface.session import Feature
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.feature_catalogue import COLUMNS, catalogue_path, read_catalogue, write_catalogue
from robust_widgets.models.features import feature_unit, has_features, model_features
from robust_widgets.models.model_file import load_model_file, save_model
from tests.helpers import raises_sentence, tiny_model


def entries(count: int = 5, size: int = 24) -> list[Feature]:
    """Features with smooth thumbnails, which JPEG preserves."""
    ramp = np.linspace(0, 200, size)
    features: list[Feature] = []
    for i in range(count):
        colour = np.array([40 + 9 * i % 200, 200 - 7 * i % 180, 90])
        picture = (ramp[:, None, None] * 0.5 + colour * 0.5).clip(0, 255) * np.ones((size, size, 1))
        features.append(Feature(f"cat {i + 1}", (7 * i) % 100, ("cat", "dog")[: 1 + i % 2], picture.astype(np.uint8)))
    return features


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    save_model(tiny_model(), tmp_path / "my.model.safetensors")
    return tmp_path / "my.model.safetensors"


@pytest.fixture
def model(weights: Path) -> RobustClassifier:
    """A model from a file, with a catalogue of five features."""
    loaded = load_model_file(weights)
    write_catalogue(catalogue_path(weights), loaded.fingerprint, entries())
    return loaded


@pytest.mark.parametrize("count", [1, COLUMNS, COLUMNS + 1, 40])
def test_what_is_written_is_read(tmp_path: Path, count: int) -> None:
    written = entries(count)
    write_catalogue(tmp_path / "a.features.json", "f00d", written)
    catalogue = read_catalogue(tmp_path / "a.features.json", "f00d")
    assert [(e.name, e.unit, e.classes) for e in catalogue] == [(e.name, e.unit, e.classes) for e in written]
    for own, read in zip(written, catalogue, strict=True):
        assert read.thumbnail.shape == own.thumbnail.shape and read.thumbnail.dtype == np.uint8
        assert np.abs(read.thumbnail.astype(int) - own.thumbnail).mean() < 4, "except for the JPEG"


def test_it_is_next_to_the_weights(weights: Path, model: RobustClassifier) -> None:
    assert catalogue_path(weights) == weights.parent / "my.model.features.json"
    assert has_features(model) and model.source == weights
    assert [entry.name for entry in model_features(model)] == [f"cat {i}" for i in range(1, 6)]
    assert rw.model_features is model_features
    assert (
        [e.unit for e in model_features(str(weights))]
        == [e.unit for e in model_features(weights)]
        == [0, 7, 14, 21, 28]
    )
    assert model_features(model)[0].unit == model_features(model.copy_to(model.device))[0].unit, (
        "a copy of the model has it, too"
    )


def test_a_feature_by_name_or_unit(model: RobustClassifier) -> None:
    assert feature_unit(model, "cat 3") == 14 and feature_unit(model, " CAT 3") == 14
    assert feature_unit(model, 99) == 99 and feature_unit(model, "99") == 99
    assert feature_unit(model, np.int64(3)) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "near"), [("cta 3", "'cat 3'"), ("dog 1", "'cat 1'"), ("", "cat"), ("-1", "cat")])
def test_an_unknown_name_names_the_nearest(model: RobustClassifier, name: str, near: str) -> None:
    with raises_sentence(UnknownNameError, repr(name), near):
        feature_unit(model, name)


@pytest.mark.parametrize("feature", [None, 1.5, True, [1], b"cat 1"])
def test_what_is_not_a_feature(model: RobustClassifier, feature: object) -> None:
    with raises_sentence(UnknownNameError, repr(feature)):
        feature_unit(model, feature)  # type: ignore[arg-type]


def test_a_model_that_was_not_loaded_from_a_file() -> None:
    model = tiny_model()
    assert not has_features(model)
    with raises_sentence(WeightsError, model.card.name, "robust-widgets features"):
        model_features(model)


def test_a_model_without_a_catalogue(weights: Path) -> None:
    loaded = load_model_file(weights)
    assert not has_features(loaded)
    with raises_sentence(WeightsError, "my.model.features.json", "robust-widgets features"):
        model_features(loaded)


def test_a_catalogue_of_other_weights(weights: Path, model: RobustClassifier) -> None:
    save_model(tiny_model(seed=1), weights)
    other = load_model_file(weights)
    assert other.fingerprint != model.fingerprint and has_features(other)
    with raises_sentence(WeightsError, "other weights"):
        model_features(other)


def changed(path: Path, **values: object) -> bytes:
    return json.dumps({**json.loads(path.read_text()), **values}).encode()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: b"",
        lambda path: path.read_bytes()[:400],
        lambda path: b"\xff\xfe not json",
        lambda path: b"[1, 2]",
        lambda path: b"{}",
        lambda path: changed(path, format="robust-widgets features 9"),
        lambda path: changed(path, sheet="AAAA"),
        lambda path: changed(path, sheet=json.loads(path.read_text())["sheet"][:600]),
        lambda path: changed(path, features=json.loads(path.read_text())["features"] * 9),
        lambda path: changed(path, features=[{"name": "cat 1"}]),
        lambda path: changed(path, side=0),
        lambda path: changed(path, side="wide"),
    ],
)
def test_a_damaged_file(model: RobustClassifier, damage: object) -> None:
    assert model.source is not None
    path = catalogue_path(model.source)
    path.write_bytes(damage(path))  # type: ignore[operator]
    with raises_sentence(WeightsError, path.name, "damaged"):
        model_features(model)


def test_a_rewritten_catalogue_is_read_again(model: RobustClassifier) -> None:
    assert model.source is not None and len(model_features(model)) == 5
    path = catalogue_path(model.source)
    before = path.stat().st_mtime_ns
    write_catalogue(path, model.fingerprint, entries(2))
    os.utime(path, ns=(before + 10**9, before + 10**9))
    assert len(model_features(model)) == 2
