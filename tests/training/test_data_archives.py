"""Tars of class folders: read in memory, and never trusted."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from robust_widgets.errors import DataError
from robust_widgets.pictures import limits
from robust_widgets.training.data import PictureSet, archives, load_folder, open_data
from tests.helpers import raises_sentence
from tests.training.class_folders import SIDE, fill, fill_parts, packed


def opened(archive: Path, **options: object) -> tuple[PictureSet, PictureSet]:
    return open_data(archive, SIDE, progress=False, **options)  # type: ignore[arg-type]


def add(tar: tarfile.TarFile, name: str, content: bytes, **fields: object) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for field, value in fields.items():
        setattr(member, field, value)
    tar.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"])
@pytest.mark.parametrize("top", [".", "pets", "some/where/pets"])
def test_an_archive_reads_as_its_folder(ending: str, top: str, tmp_path: Path) -> None:
    both = fill_parts(tmp_path / "both")
    before = sorted(tmp_path.rglob("*"))
    archive = packed(both, tmp_path / f"both{ending}", top)
    for read, folder, fewest in zip(opened(archive), ("train", "val"), (10, 1), strict=True):
        expected = load_folder(both / folder, SIDE, progress=False, fewest=fewest)
        assert torch.equal(read.pictures, expected.pictures) and torch.equal(read.labels, expected.labels)
        assert read.classes == expected.classes and read.skipped == ()
    assert sorted(tmp_path.rglob("*")) == sorted([*before, archive]), "nothing is unpacked"


def test_class_folders_of_an_archive_are_split(tmp_path: Path) -> None:
    fill(tmp_path / "data" / "a", 20)
    fill(tmp_path / "data" / "b" / "deep" / "er", 30)
    train, val = opened(packed(tmp_path / "data", tmp_path / "data.tar", "data"))
    assert train.classes == ("a", "b") and torch.bincount(val.labels).tolist() == [2, 3] and len(train) == 45


def test_broken_and_hidden_members(tmp_path: Path) -> None:
    fill(tmp_path / "data" / "a")
    fill(tmp_path / "data" / "b")
    (tmp_path / "data" / "b" / "torn.png").write_bytes(b"no picture")
    (tmp_path / "data" / "b" / "._000.png").write_bytes(b"attributes")
    (tmp_path / "data" / "read.me").write_text("no class")
    said: list[str] = []
    opened(packed(tmp_path / "data", tmp_path / "data.tar", "data"), log=said.append)
    (line,) = said
    assert line.startswith("Skipped 1 files") and "torn.png" in line


def test_links_devices_and_paths_outside_the_archive_are_ignored(tmp_path: Path) -> None:
    fill(tmp_path / "data" / "a")
    fill(tmp_path / "data" / "b")
    secret = (tmp_path / "data" / "a" / "000.png").read_bytes()
    (tmp_path / "secret.png").write_bytes(secret)
    archive = tmp_path / "data.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(tmp_path / "data", ".")
        add(tar, "b/link.png", b"", type=tarfile.SYMTYPE, linkname=str(tmp_path / "secret.png"))
        add(tar, "b/hard.png", b"", type=tarfile.LNKTYPE, linkname="a/000.png")
        add(tar, "b/pipe.png", b"", type=tarfile.FIFOTYPE)
        add(tar, "../c/out.png", secret)
    train, val = opened(archive)
    assert train.classes == ("a", "b") and len(train) + len(val) == 20


def test_the_last_of_duplicate_members_wins(tmp_path: Path) -> None:
    fill(tmp_path / "data" / "a")
    fill(tmp_path / "data" / "b", seed=1)
    archive = packed(tmp_path / "data", tmp_path / "data.tar")
    (new, *_) = fill(tmp_path / "new", 1, seed=2)
    with tarfile.open(archive, "a") as tar:
        tar.add(tmp_path / "new" / "000.png", "./a/000.png")
    train, val = opened(archive, val=archive)
    assert len(train) == len(val) == 20
    np.testing.assert_array_equal(train.pictures[0].permute(1, 2, 0), new)


def test_absurd_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "data" / "a")
    fill(tmp_path / "data" / "b")
    archive = tmp_path / "data.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "data", ".")
        add(tar, "./b/huge.png", bytes(70 << 20))
    said: list[str] = []
    assert len(opened(archive, log=said.append)[0]) == 18 and "huge.png" in said[0]
    with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.add(tmp_path / "data", ".")
        add(tar, "./b/x.png", b"", pax_headers={"comment": "x" * (40 << 20)})
    with raises_sentence(DataError, archive, "absurdly long"):
        opened(archive)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 15)
    with raises_sentence(DataError, "data.tar", "more than 15 files"):
        opened(packed(tmp_path / "data", tmp_path / "data.tar"))


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tar.bz2", ".tar.xz"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.9])
def test_a_truncated_archive_is_refused(ending: str, share: float, tmp_path: Path) -> None:
    archive = packed(fill_parts(tmp_path / "both"), tmp_path / f"both{ending}")
    whole = archive.read_bytes().rstrip(b"\0")  # a plain tar is filled up with zeros, which are nothing
    archive.write_bytes(whole[: int(len(whole) * share)])
    with raises_sentence(DataError, archive, "truncated"):
        opened(archive)


def test_an_archive_cut_between_two_files_or_with_a_damaged_header_is_refused(tmp_path: Path) -> None:
    archive = packed(fill_parts(tmp_path / "both"), tmp_path / "both.tar")
    whole = archive.read_bytes()
    with tarfile.open(archive) as tar:
        middle = tar.getmembers()[20].offset
    archive.write_bytes(whole[:middle])
    with raises_sentence(DataError, archive, "ends too early"):
        opened(archive)
    archive.write_bytes(whole[:middle] + os.urandom(512) + whole[middle + 512 :])
    with raises_sentence(DataError, archive, "ends too early"):
        opened(archive)
    archive.write_bytes(whole[:middle] + bytes(1024) + whole[middle:])
    with raises_sentence(DataError, archive, "ends too early"):
        opened(archive)


@pytest.mark.parametrize("content", [b"", b"just words", b"PK\x03\x04" + bytes(2000), b"\x89PNG\r\n\x1a\n" * 200])
def test_a_file_of_another_format(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "data.zip").write_bytes(content)
    with raises_sentence(DataError, tmp_path / "data.zip", "another format"):
        opened(tmp_path / "data.zip")


def test_too_few_classes_or_pictures_in_an_archive(tmp_path: Path) -> None:
    fill(tmp_path / "data" / "cat")
    with raises_sentence(DataError, "one.tar", "1 class folders"):
        opened(packed(tmp_path / "data", tmp_path / "one.tar"))
    fill(tmp_path / "data" / "dog", 9)
    with raises_sentence(DataError, "few.tar", "'dog'", "9 readable"):
        opened(packed(tmp_path / "data", tmp_path / "few.tar", "top"))
    (tmp_path / "empty").mkdir()
    with raises_sentence(DataError, "empty.tar", "0 class folders"):
        opened(packed(tmp_path / "empty", tmp_path / "empty.tar"))
    (tmp_path / "data" / "elk").mkdir()
    with raises_sentence(DataError, "'dog' (9)", "'elk' (0)"):
        opened(packed(tmp_path / "data", tmp_path / "hollow.tar"))


def test_an_archive_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed(fill_parts(tmp_path / "both"), tmp_path / "both.tar")

    def refusing(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refusing)
    with raises_sentence(DataError, archive, "Permission denied"):
        opened(archive)


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tar.bz2", ".tar.xz"])
@pytest.mark.parametrize("name", ["./b/x.png", "./b/read.me"])
def test_a_file_that_claims_to_be_endless(ending: str, name: str, tmp_path: Path) -> None:
    fill(tmp_path / "data" / "a")
    archive = packed(tmp_path / "data", tmp_path / f"data{ending}")
    mode = "w:" + ending.removeprefix(".tar").removeprefix(".")
    with tarfile.open(archive, mode, format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
        tar.add(tmp_path / "data", ".")
        add(tar, name, bytes(600), pax_headers={"size": str(10**18)})
    with raises_sentence(DataError, archive, "claims to end after 1,000,000,000,000"):
        opened(archive)


def test_an_archive_that_unpacks_to_far_more_than_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ARCHIVE_BYTES", 1 << 20)
    archive = tmp_path / "bomb.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for index in range(9):
            add(tar, f"./a/{index}.txt", bytes(1 << 20))
    with raises_sentence(DataError, archive, "bytes"):
        opened(archive)
