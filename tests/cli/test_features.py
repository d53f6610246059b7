"""`robust-widgets features`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import robust_widgets as rw
from robust_widgets.models.feature_catalogue import read_catalogue
from robust_widgets.models.model_file import save_model
from robust_widgets.training import feature_catalogue
from tests.cli.shell import call, refusal, write_data
from tests.helpers import noise_patterns, tiny_model

NAMES = ("cat", "dog", "goldfish")
QUICK = ("--steps", 1, "--device", "cpu")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The file of a random model, with its classes in the order of the folders."""
    classifier = tiny_model()
    classifier.card = dataclasses.replace(classifier.card, classes=NAMES)
    save_model(classifier, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data" / "val", dataclasses.replace(noise_patterns(4), classes=NAMES)).parent


def test_the_catalogue_is_next_to_the_model_and_is_listed(model: Path, data: Path, tmp_path: Path) -> None:
    result = call("features", model, data, "--sheet", tmp_path / "sheet.png", *QUICK)
    path = tmp_path / "model.features.json"
    assert [line.removeprefix("wrote ") for line in result.stdout.splitlines()] == [str(path), f"{tmp_path}/sheet.png"]
    entries = rw.model_features(model)
    assert sorted(entry.unit for entry in entries) == list(range(len(entries)))
    assert '"data": "12 pictures of data"' in path.read_text()

    header, *lines = call("features", model).stdout.splitlines()
    assert header.split() == ["feature", "unit", "classes"]
    for entry, line in zip(entries, lines, strict=True):
        name, rest = line[: len(entry.name)], line[len(entry.name) :].split(maxsplit=1)
        assert (name, rest) == (entry.name, [str(entry.unit), ", ".join(entry.classes)])

    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    size = entries[0].thumbnail.shape[0]
    difference = np.abs(sheet[:size, size : 2 * size].astype(int) - entries[1].thumbnail)
    assert sheet.shape[1] == 16 * size and difference.mean() < 12  # the catalogue keeps its thumbnails as JPEG
    assert np.abs(sheet[:size, 2 * size : 3 * size].astype(int) - entries[1].thumbnail).mean() > difference.mean()


def test_a_layer_has_a_catalogue_of_its_own(model: Path, data: Path, tmp_path: Path) -> None:
    call("features", model, data, "--layer", "stage1", *QUICK)
    assert [path.name for path in tmp_path.glob("*.json")] == ["model.stage1.features.json"]
    channels = {layer.name: layer.channels for layer in rw.load_model(model).layers()}["stage1"]
    entries = rw.model_features(model, "stage1")
    assert sorted(entry.unit for entry in entries) == list(range(channels))
    assert len(call("features", model, "--layer", "stage1").stdout.splitlines()) == channels + 1
    assert "'stage4'" in refusal("features", model, data, "--layer", "stage7", *QUICK)


def test_another_file_can_be_chosen(model: Path, data: Path, tmp_path: Path) -> None:
    call("features", model, data, "--out", tmp_path / "other.features.json", *QUICK)
    assert not (tmp_path / "model.features.json").exists()
    assert len(read_catalogue(tmp_path / "other.features.json", rw.load_model(model).fingerprint)) > 3


def test_the_bundled_model_has_a_catalogue_of_all_its_units() -> None:
    lines = call("features", "default").stdout.splitlines()
    entries = rw.model_features()
    assert len(lines) == 1 + len(entries) == 1 + len({entry.name for entry in entries})
    assert sorted(entry.unit for entry in entries) == list(range(len(entries)))
    assert {name for entry in entries for name in entry.classes} <= set(rw.load_model().classes)
    pictures = np.stack([entry.thumbnail for entry in entries]).astype(float)
    assert (pictures.std((1, 2, 3)) > 10).all(), "a thumbnail is flat"
    distances = np.abs(pictures[:, None, ::8, ::8] - pictures[None, :, ::8, ::8]).mean((2, 3, 4))
    assert distances[~np.eye(len(entries), dtype=bool)].min() > 5, "two thumbnails look the same"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["default", "data"], "--out"),
        (["default", "--out", "a.features.json"], "DATA"),
        (["defolt"], "'default'"),
        (["model.safetensors"], "robust-widgets features MODEL DATA"),
        (["model.safetensors", "missing"], "'missing'"),
        (["model.safetensors", "data", "--out", "a.json"], "'.features.json'"),
        (["model.safetensors", "data", "--sheet", "a.jpg"], "'.png'"),
        (["model.safetensors", "data", "--device", "abacus"], "'abacus'"),
    ],
)
def test_invalid_arguments_are_refused_in_one_sentence(
    arguments: list[str], words: str, model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(feature_catalogue, "make_catalogue", lambda *_, **__: pytest.fail("the catalogue was computed"))
    assert words in refusal("features", *arguments)
