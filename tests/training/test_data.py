"""Folders of pictures as tensors."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, features

from robust_widgets.errors import DataError
from robust_widgets.training.data import PictureSet, load_folder, load_validation, open_data, split
from tests.helpers import noise_patterns, raises_sentence
from tests.training.class_folders import SIDE, fill


def test_a_folder_of_class_folders(tmp_path: Path) -> None:
    cats, dogs = fill(tmp_path / "cat", 10, seed=1), fill(tmp_path / "dog", 12, seed=2)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "readme.txt").write_text("not a class")
    (tmp_path / "cat" / "notes.txt").write_text("not a picture, and not called one")
    loaded = load_folder(tmp_path, SIDE, progress=False)
    assert loaded.classes == ("cat", "dog") and len(loaded) == 22 and loaded.size == SIDE and loaded.skipped == ()
    assert loaded.pictures.dtype == torch.uint8 and loaded.labels.dtype == torch.int64
    np.testing.assert_array_equal(loaded.pictures.permute(0, 2, 3, 1), cats + dogs)
    assert loaded.labels.tolist() == [0] * 10 + [1] * 12


def test_pictures_are_scaled_by_their_shorter_side_and_cropped(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    fill(tmp_path / "b", 9)
    wide = np.zeros((32, 96, 3), np.uint8)
    wide[:, 32:64] = 200
    (tmp_path / "b" / "deep" / "er").mkdir(parents=True)
    Image.fromarray(wide).save(tmp_path / "b" / "deep" / "er" / "wide.JPG", quality=98)
    loaded = load_folder(tmp_path, SIDE, progress=False)
    middle = loaded.pictures[-1].float()
    assert middle.shape == (3, SIDE, SIDE) and abs(middle[:, :, 2:-2] - 200).max() < 12


def test_every_kind_of_picture_file_is_read_correctly(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    pixels, *_ = fill(tmp_path / "b", 9)
    grey = Image.fromarray(pixels[..., 0])
    deep = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    clear = Image.fromarray(np.dstack([pixels, np.zeros((SIDE, SIDE), np.uint8)]))
    turned = Image.Exif()
    turned[0x0112] = 3
    grey.save(tmp_path / "b" / "y1.png")
    deep.save(tmp_path / "b" / "y2.png")
    clear.save(tmp_path / "b" / "y3.png")
    Image.fromarray(pixels).save(tmp_path / "b" / "y4.png", exif=turned)
    loaded = load_folder(tmp_path, SIDE, progress=False)
    assert loaded.skipped == ()
    seen = loaded.pictures[-4:].permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(seen[0], np.dstack([pixels[..., 0]] * 3))
    np.testing.assert_array_equal(seen[1], seen[0], "16 bits are brought to 8, not clipped")
    assert (seen[2] == 255).all(), "what is transparent is white"
    np.testing.assert_array_equal(seen[3], pixels[::-1, ::-1], "turned as the camera says")


@pytest.mark.parametrize("ending", ["gif", "jfif", "bmp", "avif", "webp", "JPE", "pgm", "tiff"])
def test_every_kind_of_file_that_pillow_reads_is_read(ending: str, tmp_path: Path) -> None:
    if ending == "avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    fill(tmp_path / "a")
    fill(tmp_path / "b", 9)
    grey = Image.new("L", (SIDE, SIDE), 100)
    kinds = {"jfif": "JPEG", "JPE": "JPEG", "pgm": "PPM"}
    grey.save(tmp_path / "b" / f"picture.{ending}", kinds.get(ending, ending.upper()))
    loaded = load_folder(tmp_path, SIDE, progress=False)
    assert loaded.skipped == loaded.left_out == ()
    assert abs(loaded.pictures[-1].float() - 100).max() <= 2


def test_an_accent_is_the_same_however_it_is_encoded(tmp_path: Path) -> None:
    composed, decomposed = "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}"
    fill(tmp_path / "train" / decomposed)
    fill(tmp_path / "val" / composed, 2)
    for part in ("train", "val"):
        fill(tmp_path / part / "cafz")
    train, val = open_data(tmp_path, SIDE)
    assert train.classes == val.classes == ("cafz", composed)
    assert len(load_validation(tmp_path, SIDE, ("cafz", decomposed))) == len(val)
    fill(tmp_path / "train" / composed)
    if len(list((tmp_path / "train").iterdir())) == 3:  # macOS has one folder of both names
        with raises_sentence(DataError, composed):
            open_data(tmp_path, SIDE)


def test_broken_pictures_are_skipped_and_listed(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    kept = fill(tmp_path / "b")
    whole = (tmp_path / "b" / "000.png").read_bytes()
    broken = {"cut.png": whole[: len(whole) // 2], "empty.jpg": b"", "text.webp": b"no picture"}
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    broken["flipped.png"] = bytes(flipped)
    for name, content in broken.items():
        (tmp_path / "b" / name).write_bytes(content)
    (tmp_path / "b" / "folder.png").mkdir()
    loaded = load_folder(tmp_path, SIDE, progress=False)
    assert {path.name for path in loaded.skipped} == set(broken), "a folder is no picture, whatever its name"
    np.testing.assert_array_equal(loaded.pictures[10:].permute(0, 2, 3, 1), kept)
    said: list[str] = []
    open_data(tmp_path, SIDE, log=said.append)
    assert said and "Skipped 4 files" in said[0] and "cut.png" in said[0]


def test_a_class_with_too_few_pictures_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "cat")
    fill(tmp_path / "dog", 9)
    (tmp_path / "dog" / "torn.png").write_bytes(b"")
    with raises_sentence(DataError, "'dog'", "9 readable", "at least 10"):
        load_folder(tmp_path, SIDE, progress=False)
    assert len(load_folder(tmp_path, SIDE, progress=False, fewest=9)) == 19


def test_classes_without_any_picture(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with raises_sentence(DataError, tmp_path, "No picture"):
        load_folder(tmp_path, SIDE, progress=False)
    fill(tmp_path / "c")
    with raises_sentence(DataError, "'a' (0)", "'b' (0)", "at least 10"):
        load_folder(tmp_path, SIDE, progress=False)


def test_one_class_or_none_is_not_enough(tmp_path: Path) -> None:
    with raises_sentence(DataError, tmp_path, "0 class folders"):
        load_folder(tmp_path, SIDE, progress=False)
    fill(tmp_path / "cat")
    with raises_sentence(DataError, tmp_path, "1 class folders"):
        load_folder(tmp_path, SIDE, progress=False)


def test_a_missing_folder_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "gone", tmp_path / "file"):
        with raises_sentence(DataError, folder, "cannot be read"):
            open_data(folder, SIDE)


@pytest.mark.parametrize("closed", ["data", "data/cat", "data/dog/deep"])
def test_a_folder_without_permission(closed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "data" / "cat")
    fill(tmp_path / "data" / "dog" / "deep")
    scandir = os.scandir

    def refusing(path: Any) -> Iterator[os.DirEntry[str]]:
        if Path(path) == tmp_path / closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with raises_sentence(DataError, tmp_path / closed, "Permission denied"):
        open_data(tmp_path / "data", SIDE)


def test_hidden_files_and_macos_metadata_are_ignored(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    fill(tmp_path / "b")
    (tmp_path / "b" / "._000.png").write_bytes(b"attributes")
    (tmp_path / "b" / ".thumbnails").mkdir()
    (tmp_path / "b" / ".thumbnails" / "000.png").write_bytes(b"")
    (tmp_path / "__MACOSX").mkdir()
    loaded = load_folder(tmp_path, SIDE, progress=False)
    assert loaded.classes == ("a", "b") and len(loaded) == 20 and loaded.skipped == ()


def test_train_and_val_folders(tmp_path: Path) -> None:
    for part, count in (("train", 10), ("val", 2)):
        for name in ("a", "b"):
            fill(tmp_path / part / name, count)
    train, val = open_data(tmp_path, SIDE)
    assert (len(train), len(val)) == (20, 4), "a validation class may be small"
    assert len(load_validation(tmp_path, SIDE, ("a", "b"))) == 4
    fill(tmp_path / "val" / "zebra", 2)
    with raises_sentence(DataError, "zebra"):
        open_data(tmp_path, SIDE)
    with raises_sentence(DataError, "zebra"):
        load_validation(tmp_path, SIDE, ("a", "b"))


def test_without_val_a_tenth_of_each_class_is_held_out(tmp_path: Path) -> None:
    fill(tmp_path / "a", 20, seed=1)
    fill(tmp_path / "b", 40, seed=2)
    train, val = open_data(tmp_path, SIDE)
    assert torch.bincount(val.labels).tolist() == [2, 4] and torch.bincount(train.labels).tolist() == [18, 36]
    assert train.classes == val.classes == ("a", "b")
    assert len(load_validation(tmp_path, SIDE, ("a", "b"))) == 60


def numbers(data: PictureSet) -> set[bytes]:
    return {picture.numpy().tobytes() for picture in data.pictures}


def test_a_split_is_disjoint_complete_and_seeded() -> None:
    data = noise_patterns(20)
    train, val = split(data, 0.25, seed=3)
    assert torch.bincount(val.labels).tolist() == [5, 5, 5]
    assert numbers(train).isdisjoint(numbers(val)) and numbers(train) | numbers(val) == numbers(data)
    again, other = split(data, 0.25, seed=3), split(data, 0.25, seed=4)
    assert torch.equal(again[1].pictures, val.pictures) and not torch.equal(other[1].pictures, val.pictures)
    own = {picture.numpy().tobytes(): int(label) for picture, label in zip(data.pictures, data.labels, strict=True)}
    assert all(own[p.numpy().tobytes()] == int(label) for p, label in zip(val.pictures, val.labels, strict=True))
    assert torch.bincount(split(data, 0.001, 0)[1].labels).tolist() == [1, 1, 1], "at least one of each class"


def test_a_decompression_bomb_is_skipped(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    fill(tmp_path / "b")
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "BMP")
    header = bytearray(file.getvalue())
    header[18:26] = (60_000).to_bytes(4, "little") * 2
    (tmp_path / "b" / "bomb.bmp").write_bytes(header)
    assert [path.name for path in load_folder(tmp_path, SIDE, progress=False).skipped] == ["bomb.bmp"]
