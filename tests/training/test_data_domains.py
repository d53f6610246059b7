"""Splitting pictures into domains by file name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from robust_widgets.errors import DataError, SaveError
from robust_widgets.training.data import split_by_name
from tests.helpers import raises_sentence
from tests.training.tiny_archive import tree

FRUIT = {"orange": ["n1_"], "lemon": ["n2_", "n3_"]}


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def divide(data: Path, out: Path, domains: Any = FRUIT, **options: Any) -> dict[str, int]:
    return split_by_name(data, out, domains, progress=False, **options)


def test_train_and_val_stay_separate(tmp_path: Path) -> None:
    train = ("train/fruit/n1_0.JPEG", "train/fruit/n2_0.JPEG", "train/fruit/n3_0.png", "train/pizza/n4_0.JPEG")
    val = ("val/fruit/n1_val_0.JPEG", "val/fruit/n2_val_0.JPEG")
    data = write(tmp_path / "data", *train, *val, "train/fruit/n1_notes.txt", "test/n1_9.JPEG")
    assert divide(data, tmp_path / "out") == {"orange": 2, "lemon": 3}
    moved = {
        "train/orange/n1_0.JPEG": train[0],
        "train/lemon/n2_0.JPEG": train[1],
        "train/lemon/n3_0.png": train[2],
        "val/orange/n1_val_0.JPEG": val[0],
        "val/lemon/n2_val_0.JPEG": val[1],
    }
    assert tree(tmp_path / "out") == {name: content.encode() for name, content in moved.items()}


def test_pictures_at_any_depth_and_of_the_same_name_are_all_kept(tmp_path: Path) -> None:
    data = write(tmp_path / "data", "n1_0.JPEG", "a/n1_0.JPEG", "b/c/n1_0.JPEG", "b/n2_0.JPEG", "n3_0.JPEG")
    assert divide(data, tmp_path / "out") == {"orange": 3, "lemon": 2}
    out = tree(tmp_path / "out")
    assert set(out) == {
        *("orange/n1_0.JPEG", "orange/n1_0-2.JPEG", "orange/n1_0-3.JPEG"),
        *("lemon/n2_0.JPEG", "lemon/n3_0.JPEG"),
    }
    assert len(set(out.values())) == 5


def test_a_file_that_cannot_be_read_is_skipped_and_listed(tmp_path: Path) -> None:
    data = write(tmp_path / "data", "n1_0.JPEG", "n2_0.JPEG", "n3_0.JPEG")
    (data / "n1_9.JPEG").symlink_to(data / "gone.JPEG")
    said: list[str] = []
    assert divide(data, tmp_path / "out", log=said.append) == {"orange": 1, "lemon": 2}
    assert "Skipped 1 files" in said[0] and "n1_9.JPEG" in said[0]


@pytest.mark.parametrize(
    ("domains", "words"),
    [
        ({}, ["at least two"]),
        ({"orange": ["n1_"]}, ["at least two"]),
        ({"orange": ["n1_"], "lemon": ["n9_"]}, ["'n9_'", "'lemon'"]),
        ({"orange": ["n1_"], "lemon": ["n2_", "n9_"]}, ["'n9_'", "'lemon'"]),
        ({"orange": ["n1_"], "lemon": ["n1_0"]}, ["'orange'", "'lemon'", "'n1_0'"]),
        ({"orange": ["n1_"], "lemon": ["n1_"]}, ["'orange'", "'lemon'", "overlap"]),
        ({"orange": ["n1_"], "lemon": []}, ["'lemon'"]),
        ({"orange": [""], "lemon": ["n1_"]}, ["'orange'"]),
        ({"../orange": ["n1_"], "lemon": ["n2_"]}, ["'../orange'"]),
        ({"": ["n1_"], "lemon": ["n2_"]}, ["''"]),
        ({"..": ["n1_"], "lemon": ["n2_"]}, ["'..'"]),
    ],
)
def test_ambiguous_domains_are_refused(domains: dict[str, list[str]], words: list[str], tmp_path: Path) -> None:
    data = write(tmp_path / "data", "n1_0.JPEG", "n2_0.JPEG", "n3_0.JPEG")
    with raises_sentence(DataError, *words):
        divide(data, tmp_path / "out", domains)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_domain_must_be_in_both_parts(tmp_path: Path) -> None:
    data = write(tmp_path / "data", "train/n1_0.JPEG", "train/n2_0.JPEG", "train/n3_0.JPEG", "val/n1_1.JPEG")
    with raises_sentence(DataError, "'lemon'", data / "val"):
        divide(data, tmp_path / "out")


def test_a_missing_folder_and_an_existing_result(tmp_path: Path) -> None:
    with raises_sentence(DataError, tmp_path / "gone", "cannot be read"):
        divide(tmp_path / "gone", tmp_path / "out")
    data = write(tmp_path / "data", "n1_0.JPEG", "n2_0.JPEG", "n3_0.JPEG")
    with raises_sentence(SaveError, data, "already exists"):
        divide(data, data)
    assert divide(data, data / "out") == {"orange": 1, "lemon": 2}


def test_domains_may_have_one_prefix_each_and_paths_may_be_text(tmp_path: Path) -> None:
    data = write(tmp_path / "data", "n1_0.JPEG", "n2_0.JPEG")
    copied = split_by_name(str(data), str(tmp_path / "out"), {"orange": "n1_", "lemon": "n2_"}, progress=False)
    assert copied == {"orange": 1, "lemon": 1}


@pytest.mark.parametrize("domains", [None, ["orange"], {"orange": 1, "lemon": 2}])
def test_what_are_no_domains(domains: Any, tmp_path: Path) -> None:
    with raises_sentence(DataError, "prefixes of each domain"):
        divide(tmp_path, tmp_path / "out", domains)
