"""Which files of a folder are pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import robust_widgets as rw
from robust_widgets.errors import InputError, PictureError, SaveError
from robust_widgets.pictures.files import PICTURE_ENDINGS, is_picture_name, is_shown, kinds_of, pictures_in
from robust_widgets.pictures.folder import PictureFolder
from robust_widgets.training.data.folders import atomic_folder
from tests.helpers import raises_sentence, smooth_model

HIDDEN = ("._lion.png", ".DS_Store", ".hidden.png", "Thumbs.db", "desktop.ini", "__MACOSX", ".ipynb_checkpoints")


def test_every_ending_is_one_that_pillow_knows() -> None:
    assert Image.registered_extensions().keys() >= PICTURE_ENDINGS - {".avif"}


def test_hidden_companions_are_passed_over(tmp_path: Path) -> None:
    for name in HIDDEN:
        assert not is_shown(name) and not is_picture_name(name)
        (tmp_path / name).touch()
    (tmp_path / "x.png").mkdir()
    (tmp_path / "b.PNG").touch()
    (tmp_path / "a.jfif").touch()
    (tmp_path / "notes.txt").touch()
    pictures, others = pictures_in(tmp_path)
    assert [file.name for file in pictures] == ["a.jfif", "b.PNG"] and [file.name for file in others] == ["notes.txt"]


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    with raises_sentence(PictureError, "no pictures"):
        pictures_in(tmp_path)
    (tmp_path / "a.heic").touch()
    with raises_sentence(PictureError, "no pictures", "1 .heic"):
        pictures_in(tmp_path)
    with raises_sentence(PictureError, "gone"):
        pictures_in(tmp_path / "gone")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a.HEIC", "b.heic"], "2 .heic"),
        (["a.heic", "b.svg", "c.svg"], "2 .svg and 1 .heic"),
        (["a", "b.1", "b.2", "b.3", "c.1"], "2 .1, 1 without an extension, 1 .2 and 1 others"),
    ],
)
def test_kinds_in_words(names: list[str], words: str) -> None:
    assert kinds_of(names) == words


def test_a_folder_with_only_hidden_files_is_empty(tmp_path: Path) -> None:
    for name in ("results", "sorted"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".DS_Store").write_text("kept")
    PictureFolder(tmp_path / "results", {"task": "generate"})
    with atomic_folder(tmp_path / "sorted") as folder:
        (folder / "cat").mkdir()
    assert (tmp_path / "sorted" / ".DS_Store").read_text() == "kept" and (tmp_path / "sorted" / "cat").is_dir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").touch()
    with raises_sentence(SaveError, "holds other files"):
        PictureFolder(tmp_path / "other", {})


@pytest.mark.parametrize("path", [None, 3, b"", "", "a\0b.png", b"a\0b.png"])
def test_what_is_no_name_of_a_file_is_refused_wherever_it_is_given(path: Any) -> None:
    run = rw.generate("dog", n=1, steps=1, model=smooth_model(12))
    for call in (run.save, rw.load_trace, rw.write_page):
        with raises_sentence(InputError, "give"):
            call(path)
