"""Class pictures: their file, painting them, the command, and the session that paints them between runs."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

import robust_widgets as rw
from robust_widgets._bundled import model_names, weights_path
from robust_widgets.errors import WeightsError
from robust_widgets.models.bundled import BundledModel
from robust_widgets.models.class_pictures import (
    SIDE,
    class_pictures_content,
    class_pictures_path,
    known_class_pictures,
    read_class_pictures,
)
from robust_widgets.models.model_file import save_model
from robust_widgets.pictures import Pixels
from robust_widgets.session.local import LocalSession
from robust_widgets.tasks.running import class_pictures as painting
from robust_widgets.tasks.running.class_pictures import cached_class_picture, paint_classes
from tests.cli.shell import call
from tests.helpers import smooth_model, tiny_model
from tests.session.test_contract import PATIENCE


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(painting, "STEPS", 4)
    monkeypatch.setenv("ROBUST_WIDGETS_CACHE", str(tmp_path / "cache"))


def pictures(count: int) -> list[Pixels]:
    return [np.full((SIDE, SIDE, 3), (7 * index) % 250, np.uint8) for index in range(count)]


@pytest.mark.parametrize("count", [2, 16, 17, 1000])
def test_what_is_written_is_read(tmp_path: Path, count: int) -> None:
    path = class_pictures_path(tmp_path / "my.model.safetensors")
    assert path.name == "my.model.classes.jpg"
    path.write_bytes(class_pictures_content(pictures(count), "f00d"))
    read = read_class_pictures(path, "f00d")
    assert len(read) == count
    assert all(np.abs(a.astype(int) - b).mean() < 4 for a, b in zip(read[::50], pictures(count)[::50], strict=True)), (
        "except for the JPEG"
    )
    with pytest.raises(WeightsError, match="other weights"):
        read_class_pictures(path, "beef")
    assert known_class_pictures(tmp_path / "my.model.safetensors", count + 1) == ()
    assert known_class_pictures(None, count) == ()


@pytest.mark.parametrize("content", [b"", b"junk", class_pictures_content(pictures(3), "f00d")[:300]])
def test_a_damaged_file_is_a_sentence_and_a_studio_opens_without_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.classes.jpg"
    with pytest.raises(WeightsError, match="no class pictures"):
        read_class_pictures(path)
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="class-pictures"):
        read_class_pictures(path)
    assert known_class_pictures(tmp_path / "a.safetensors", 3) == ()


def test_the_bundled_models_bring_their_own() -> None:
    for name in model_names():
        shown = BundledModel(name).info.class_pictures
        classes = rw.load_model(name, device="cpu")
        assert len(shown) == len(classes.classes), f"run: robust-widgets class-pictures {name}"
        read_class_pictures(class_pictures_path(weights_path(name)), classes.fingerprint)


def test_painting_raises_the_probability_and_stops_when_told() -> None:
    model = smooth_model()
    painted = paint_classes(model, [0, 2], tries=2)
    assert painted is not None and [picture.shape for picture in painted] == 2 * [(SIDE, SIDE, 3)]
    assert (painted[0] != painted[1]).any()
    again = paint_classes(model, [2], tries=2)
    assert again is not None and np.abs(again[0].astype(int) - painted[1]).max() <= 1, "whatever the batch"
    asked: list[bool] = []
    assert paint_classes(model, [0], should_continue=lambda: asked.append(True) or len(asked) < 3) is None
    assert len(asked) == 3


def test_a_picture_is_painted_once_and_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    model = smooth_model()
    first = cached_class_picture(model, 1)
    assert first is not None and first.startswith(b"\xff\xd8")
    monkeypatch.setattr(painting, "paint_classes", lambda *_args, **_options: pytest.fail("painted again"))
    assert cached_class_picture(model, 1) == first


def test_the_command_writes_them_next_to_the_model(tmp_path: Path) -> None:
    save_model(tiny_model(), tmp_path / "model.safetensors")
    result = call("class-pictures", tmp_path / "model.safetensors", "--tries", 1, "--device", "cpu")
    assert "model.classes.jpg" in result.stdout
    model = rw.load_model(tmp_path / "model.safetensors", device="cpu")
    assert len(read_class_pictures(tmp_path / "model.classes.jpg", model.fingerprint)) == len(model.classes)
    info = LocalSession(model).model
    assert len(info.class_pictures) == len(model.classes), "a studio shows them"


def test_a_session_paints_each_class_asked_for_once() -> None:
    model = smooth_model()
    session = LocalSession(model)
    painted: list[int] = []
    done = threading.Event()

    def listen(index: int, jpeg: bytes) -> None:
        assert jpeg.startswith(b"\xff\xd8")
        painted.append(index)
        if len(painted) == 3:
            done.set()

    assert session.model.class_pictures == ()
    session.paint_classes([0, 1], listen)
    session.paint_classes([2, 1], listen)
    assert done.wait(PATIENCE)
    session.close()
    session.join()
    assert sorted(painted) == [0, 1, 2]
