"""Restricted Tiny ImageNet, made from a stand-in for the official archive."""

from __future__ import annotations

import errno
import zipfile
from pathlib import Path
from typing import Any

import pytest

from robust_widgets.errors import DataError, SaveError
from robust_widgets.training.data import RESTRICTED_TINY_IMAGENET, make_restricted_tiny_imagenet, tiny_imagenet
from tests.helpers import raises_sentence
from tests.training.tiny_archive import OTHER, ROOT, TABLE, members, tree, write

ALL = ("n00000001", "n00000002", "n00000003", OTHER)
WHOLE = {
    **{f"train/cat/n0000000{k}_{n}.JPEG": f"n0000000{k} {n}".encode() for k in (1, 2) for n in range(3)},
    **{f"train/shore/n00000003_{n}.JPEG": f"n00000003 {n}".encode() for n in range(3)},
    **{f"val/cat/n00000001_val_{n}.JPEG": f"val n00000001 {n}".encode() for n in (0, 1)},
    **{f"val/cat/n00000002_val_{n}.JPEG": f"val n00000002 {n}".encode() for n in (2, 3)},
    **{f"val/shore/n00000003_val_{n}.JPEG": f"val n00000003 {n}".encode() for n in (4, 5)},
}


def make(archive: Path, out: Path, **options: Any) -> dict[str, int]:
    return make_restricted_tiny_imagenet(archive, out, **{"table": TABLE, "progress": False, **options})


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write(tmp_path / "tiny-imagenet-200.zip", members(ALL))


def test_the_table_has_69_ids_in_27_classes() -> None:
    wnids = [wnid for of_class in RESTRICTED_TINY_IMAGENET.values() for wnid in of_class]
    assert len(RESTRICTED_TINY_IMAGENET) == 27 and len(wnids) == len(set(wnids)) == 69
    assert all(len(wnid) == 9 and wnid[0] == "n" and wnid[1:].isdigit() for wnid in wnids)


def test_the_table_has_the_classes_of_the_bundled_model() -> None:
    from robust_widgets.models.registry import load_model, model_names

    for name in model_names():
        classes = load_model(name, device="cpu").classes
        if len(classes) == 27:
            assert tuple(sorted(RESTRICTED_TINY_IMAGENET)) == classes


@pytest.mark.parametrize("exists", [False, True])
def test_files_are_sorted_into_folders_unchanged(archive: Path, exists: bool, tmp_path: Path) -> None:
    out = tmp_path / "new" / "data"
    if exists:
        out.mkdir(parents=True)
    assert make(archive, out) == {"train": 9, "val": 6}
    assert tree(out) == WHOLE
    assert list(out.parent.iterdir()) == [out]


def test_damaged_members_are_skipped_and_listed(archive: Path, tmp_path: Path) -> None:
    content = archive.read_bytes()
    damaged = content.replace(b"n00000002 1", b"n0000x002 1").replace(b"val n00000001 0", b"val n0000x001 0")
    archive.write_bytes(damaged)
    said: list[str] = []
    assert make(archive, tmp_path / "out", log=said.append) == {"train": 8, "val": 5}
    lost = {"train/cat/n00000002_1.JPEG", "val/cat/n00000001_val_0.JPEG"}
    assert tree(tmp_path / "out") == {name: WHOLE[name] for name in WHOLE if name not in lost}
    (line,) = said
    assert "Skipped 2 files" in line and "n00000002_1.JPEG" in line and "val_0.JPEG" in line


def test_only_expected_names_of_sane_size_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = members(ALL) | {
        f"{ROOT}/train/n00000001/images/../../../../../evil.JPEG": b"evil",
        f"{ROOT}/train/n00000001/images/n00000002_7.JPEG": b"another's",
        f"{ROOT}/train/n00000001/images/n00000001_8.png": b"another kind",
        f"{ROOT}/train/n00000001/images/n00000001_9.JPEG": bytes(2 << 20),
    }
    rows = files[f"{ROOT}/val/val_annotations.txt"] + b"\n../../../evil.JPEG\tn00000001\nval_77.JPEG\nnonsense\n\xff"
    files[f"{ROOT}/val/val_annotations.txt"] = rows
    said: list[str] = []
    out = tmp_path / "deep" / "out"
    make(write(tmp_path / "tiny.zip", files), out, log=said.append)
    assert tree(out) == WHOLE
    assert "Skipped 1 files" in said[0] and "n00000001_9.JPEG" in said[0]
    assert not list(tmp_path.rglob("evil*"))
    monkeypatch.setattr(tiny_imagenet, "MAX_LIST_BYTES", 10)
    with raises_sentence(DataError, "val_annotations.txt"):
        make(tmp_path / "tiny.zip", tmp_path / "other")


def refused(archive: Path, *words: str) -> None:
    out = archive.parent / "out"
    with raises_sentence(DataError, archive, "tiny-imagenet-200.zip", *words):
        make(archive, out)
    assert not out.exists() and not list(archive.parent.glob(".*.partial")), "nothing is left"


def test_another_archive_is_refused(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    refused(tmp_path / "gone.zip", "No such file")
    refused(tmp_path, "cannot be read")
    for content in (b"", b"words", whole[: len(whole) // 2]):
        (tmp_path / "cut.zip").write_bytes(content)
        refused(tmp_path / "cut.zip", "not a complete zip file")
    refused(write(tmp_path / "holiday.zip", {"photos/1.JPEG": b""}), "another zip file", f"'{ROOT}'")


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    files = members(ALL)
    lists = f"{ROOT}/val/val_annotations.txt"
    refused(write(tmp_path / "a.zip", {n: c for n, c in files.items() if n != lists}), "val_annotations.txt")
    refused(write(tmp_path / "b.zip", members(ALL[:2])), "train: shore (n00000003), val: shore (n00000003)")
    no_val = {n: c for n, c in files.items() if "val/images" not in n}
    refused(write(tmp_path / "c.zip", no_val), "val: cat (n00000001)", "val: shore (n00000003)")


def test_an_existing_folder_is_unchanged(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    for taken in (tmp_path / "out", tmp_path / "out" / "mine.txt"):
        with raises_sentence(SaveError, taken, "already exists"):
            make(archive, taken)
    with raises_sentence(SaveError, "could not be made"):
        make(archive, tmp_path / "out" / "mine.txt" / "below")
    assert tree(tmp_path / "out") == {"mine.txt": b"mine"}


@pytest.mark.parametrize("kind", ["full disk", "Ctrl-C"])
def test_a_folder_is_created_atomically(
    kind: str, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes, count = Path.write_bytes, 0

    def failing(path: Path, content: bytes) -> int:
        nonlocal count
        count += 1
        if count == 5 and kind == "full disk":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        if count == 5:
            raise KeyboardInterrupt
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", failing)
    out = tmp_path / "out"
    if kind == "full disk":
        with raises_sentence(SaveError, out, "No space left on device"):
            make(archive, out)
    else:
        with pytest.raises(KeyboardInterrupt):
            make(archive, out)
    assert list(tmp_path.iterdir()) == [archive]
    assert zipfile.is_zipfile(archive)
