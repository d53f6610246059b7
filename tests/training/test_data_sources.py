"""Folders, tars and torch Datasets for training and validation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from robust_widgets.errors import DataError, ParameterError
from robust_widgets.pictures.grid import gallery
from robust_widgets.pictures.tensors import to_batch
from robust_widgets.training.data import PictureSet, load_validation, open_data
from tests.helpers import noise_patterns, raises_sentence
from tests.training.class_folders import SIDE, fill, fill_parts, packed


def opened(source: Any, **options: Any) -> tuple[PictureSet, PictureSet]:
    return open_data(source, SIDE, progress=False, **options)


def same(one: PictureSet, other: PictureSet) -> bool:
    pixels = torch.equal(one.pictures, other.pictures)
    return pixels and torch.equal(one.labels, other.labels) and one.classes == other.classes


def test_val_may_be_a_separate_source_of_any_kind(tmp_path: Path) -> None:
    both = fill_parts(tmp_path / "both", train=12, val=3)
    train, val = opened(str(both))
    assert (len(train), len(val)) == (24, 6)
    for elsewhere in (both, both / "val", packed(both, tmp_path / "both.tar"), val):
        alone, measured = opened(both / "train", val=elsewhere)
        assert same(alone, train) and same(measured, val)
    assert same(opened(both, val=both / "train")[0], train), "train and val were asked for, and val is another's"


def test_a_picture_set_is_used_unchanged() -> None:
    data = noise_patterns(20)
    train, val = opened(data, seed=3)
    assert torch.bincount(val.labels).tolist() == [2, 2, 2] and len(train) == 54
    assert not same(opened(data, seed=4)[1], val)
    assert opened(data, val=val) == (data, val)
    with raises_sentence(DataError, "16 pixels", "32"):
        open_data(data, 32)


def test_different_validation_classes_are_named() -> None:
    data = noise_patterns(10)
    other = PictureSet(data.pictures, data.labels, ("1 red", "2 green", "zebra"))
    with raises_sentence(DataError, "3 blue", "zebra"):
        opened(data, val=other)


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("Train", "Test"),
        ("training_set", "test_set"),
        ("training", "validation"),
        ("train", "valid"),
        ("pets-train", "pets-val"),
        ("train2017", "val2017"),
        ("TrainingSet", "dev"),
        ("tr", "te"),
        ("TR", "va"),
    ],
)
def test_parts_of_other_names_are_understood(train: str, val: str, tmp_path: Path) -> None:
    wanted = opened(fill_parts(tmp_path / "plain"))
    data = fill_parts(tmp_path / "data")
    (data / "train").rename(data / train)
    (data / "val").rename(data / val)
    for source in (data, packed(data, tmp_path / "data.tar")):
        assert all(map(same, opened(source), wanted))
        assert same(load_validation(source, SIDE, ("cat", "dog")), wanted[1])


def test_short_names_are_parts_only_where_there_is_nothing_else_and_it_is_said(tmp_path: Path) -> None:
    parts = fill_parts(tmp_path / "parts")
    (parts / "train").rename(parts / "tr")
    (parts / "val").rename(parts / "te")
    heard: list[str] = []
    assert opened(parts, log=heard.append)[0].classes == ("cat", "dog")
    said = "The folders te, tr are taken for parts of a data set; if they are classes, rename them."
    assert heard == [said]
    languages = tmp_path / "languages"
    for name in ("tr", "te"):
        fill(languages / name)
    with raises_sentence(DataError, "/tr'" if os.sep == "/" else "tr'", "0 class folders", said):
        opened(languages)
    fill(languages / "de")
    assert opened(languages)[0].classes == ("de", "te", "tr")


def test_test_pictures_are_for_validation_only_where_there_are_no_others(tmp_path: Path) -> None:
    data = fill_parts(tmp_path / "data")
    fill(data / "test" / "zebra")
    heard: list[str] = []
    assert opened(data, log=heard.append)[1].classes == ("cat", "dog")
    assert heard == ["Training on 'train' and validating on 'val'; left out: test."]


def test_a_part_may_be_packed_twice(tmp_path: Path) -> None:
    plain = fill_parts(tmp_path / "plain")
    data = tmp_path / "data" / "pets"
    data.mkdir(parents=True)
    for part, name in (("train", "training_set"), ("val", "test_set")):
        (data / name).mkdir()
        (plain / part).rename(data / name / name)
    for source in (tmp_path / "data", packed(tmp_path / "data", tmp_path / "data.tar")):
        train, val = opened(source)
        assert train.classes == ("cat", "dog") and (len(train), len(val)) == (20, 4)


def test_parts_are_not_mistaken_for_classes(tmp_path: Path) -> None:
    both = fill_parts(tmp_path / "data")
    (both / "train").rename(both / "validation")
    for source in (both, packed(both, tmp_path / "data.tar")):
        with raises_sentence(DataError, "val, validation", "train and val"):
            opened(source)


def test_what_is_no_picture_by_its_name_is_left_out_and_it_is_said(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    fill(tmp_path / "b")
    for index in range(3):
        (tmp_path / "b" / f"{index}.heic").write_bytes(b"not read")
    (tmp_path / "b" / "notes.txt").touch()
    (tmp_path / "b" / ".DS_Store").touch()
    (tmp_path / "b" / "Thumbs.db").touch()
    (tmp_path / "a" / "000.png").rename(tmp_path / "loose.png")
    (tmp_path / "a" / "010.png").write_bytes((tmp_path / "a" / "001.png").read_bytes())
    for source in (tmp_path, packed(tmp_path, tmp_path.parent / "data.tar")):
        heard: list[str] = []
        train, val = opened(source, log=heard.append)
        assert len(train) + len(val) == 20
        (line,) = heard
        assert "3 .heic, 1 .png and 1 .txt" in line
    for file in (tmp_path / "b").glob("*.png"):
        file.rename(file.with_suffix(".heic"))
    with raises_sentence(DataError, "'b'", "0 readable pictures", "13 .heic"):
        opened(tmp_path)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    both = fill_parts(tmp_path / "data", classes=("boat", "train"))
    for source in (both, packed(both, tmp_path / "data.tar")):
        train, val = opened(source)
        assert train.classes == val.classes == ("boat", "train") and (len(train), len(val)) == (20, 4)
    assert opened(both / "train")[0].classes == ("boat", "train")


def test_skipped_pictures_are_reported_once(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    fill(tmp_path / "b")
    for index in range(7):
        (tmp_path / "b" / f"torn{index}.png").write_bytes(b"")
    said: list[str] = []
    opened(tmp_path, log=said.append)
    (line,) = said
    assert line.startswith("Skipped 7 files") and "torn4.png" in line and "torn5.png" not in line


@pytest.mark.parametrize("source", [7, None, {"cat": 1}, iter([])])
def test_other_objects_are_refused(source: Any) -> None:
    with raises_sentence(DataError, type(source).__name__, "torch Dataset"):
        opened(source)


def test_validation_pictures_from_a_tar(tmp_path: Path) -> None:
    both = fill_parts(tmp_path / "both", val=3)
    of_folder = load_validation(both, SIDE, ("cat", "dog"))
    of_tar = load_validation(packed(both, tmp_path / "both.tar.xz"), SIDE, ("cat", "dog"))
    assert len(of_tar) == 6 and same(of_tar, of_folder)
    assert len(load_validation(both / "val", SIDE, ("cat", "dog"))) == 6


@pytest.mark.parametrize("size", ["16", 16.0, 0, True])
def test_an_impossible_size(size: Any, tmp_path: Path) -> None:
    with raises_sentence(ParameterError, repr(size), "whole number"):
        open_data(fill_parts(tmp_path / "data"), size, progress=False)


def test_what_open_data_gives_is_taken_elsewhere() -> None:
    both = opened(noise_patterns(20))
    assert opened(both) == both, "as by train"
    train, _ = both
    assert torch.equal(to_batch(train, SIDE), train.floats())
    assert gallery(train, columns=3, size=20).size == gallery(train.pictures, columns=3, size=20).size
