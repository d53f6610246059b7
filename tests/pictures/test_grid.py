"""Pictures side by side."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from robust_widgets.errors import ParameterError, PictureError
from robust_widgets.pictures.grid import GAP, LINE, gallery
from tests.helpers import raises_sentence

RED = np.full((8, 8, 3), (255, 0, 0), np.uint8)


def at(sheet: Image.Image, x: int, y: int) -> tuple[int, ...]:
    return sheet.getpixel((x, y))  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize(
    "picture",
    [
        RED,
        RED / 255,
        Image.fromarray(RED),
        torch.from_numpy(RED.transpose(2, 0, 1).copy()),
        torch.from_numpy(RED.transpose(2, 0, 1) / 255).requires_grad_(),
    ],
    ids=["uint8", "float", "PIL", "tensor", "float tensor"],
)
def test_every_kind_of_picture_is_shown_alike(picture: Any) -> None:
    sheet = gallery([picture], size=20)
    assert sheet.size == (20 + 2 * GAP, 20 + 2 * GAP)
    assert at(sheet, GAP + 10, GAP + 10) == (255, 0, 0) and at(sheet, 1, 1) == (255, 255, 255)


@pytest.mark.parametrize("heat", [np.eye(2, dtype=bool), torch.eye(2), np.eye(2, dtype=np.uint8) * 255])
def test_one_number_a_pixel_is_grey(heat: Any) -> None:
    sheet = gallery([heat], size=40)
    assert at(sheet, GAP + 2, GAP + 2) == (255, 255, 255) and at(sheet, GAP + 37, GAP + 2) == (0, 0, 0)


def test_pictures_stand_in_rows_with_their_words_under_them() -> None:
    blue = RED[..., ::-1]
    sheet = gallery([RED, blue, blue], ["one", "two", "three\nlines"], columns=2, size=60)
    assert at(sheet, GAP + 30, GAP + 30) == (255, 0, 0) and at(sheet, 2 * GAP + 90, GAP + 30) == (0, 0, 255)
    assert at(sheet, GAP + 30, 2 * GAP + 2 * LINE + 90) == (0, 0, 255)
    words = np.asarray(sheet.crop((GAP, GAP + 61, 2 * GAP + 120, GAP + 60 + LINE)))
    assert words.min() < 120


def test_a_long_caption_makes_room_and_other_shapes_keep_theirs() -> None:
    wide = np.zeros((10, 30, 3), np.uint8)
    assert gallery([wide], size=20).size[0] == 60 + 2 * GAP
    assert gallery([RED], ["a caption that is much wider than its picture"], size=20).size[0] > 200
    assert gallery([RED], [10**5000], size=20).size[0] < 400 < gallery([RED], ["9" * 5000], size=20).size[0] < 2400
    assert gallery([np.zeros((100, 100, 3), np.uint8)], size=20).size[1] == 20 + 2 * GAP


def test_what_cannot_be_shown_is_said() -> None:
    with raises_sentence(ParameterError, "no pictures"):
        gallery([])
    with raises_sentence(ParameterError, "1 captions for 2"):
        gallery([RED, RED], ["one"])
    with raises_sentence(ParameterError, "columns is 0"):
        gallery([RED], columns=0)
    with raises_sentence(PictureError, "shape (4, 4, 2)"):
        gallery([np.zeros((4, 4, 2))])
    with raises_sentence(PictureError, "int64"):
        gallery([np.zeros((4, 4, 3), np.int64)])


def test_one_picture_is_a_gallery_of_one(tmp_path: Path) -> None:
    wanted = np.asarray(gallery([RED], ["red"], size=20))
    Image.fromarray(RED).save(tmp_path / "red.png")
    kinds: list[Any] = [RED, Image.fromarray(RED), torch.from_numpy(RED.transpose(2, 0, 1).copy())]
    for one in [*kinds, tmp_path / "red.png", str(tmp_path / "red.png"), (picture for picture in [RED])]:
        np.testing.assert_array_equal(gallery(one, "red", size=20), wanted)
    np.testing.assert_array_equal(gallery([tmp_path / "red.png"], (c for c in ["red"]), size=np.int64(20)), wanted)  # type: ignore[arg-type]
    batch = torch.from_numpy(np.stack([RED, RED]).transpose(0, 3, 1, 2).copy())
    np.testing.assert_array_equal(gallery(batch, size=20), gallery([RED, RED], size=20))
    assert gallery(np.eye(8), size=20).size == gallery(RED, size=20).size


@pytest.mark.parametrize(
    ("arguments", "options", "kind", "word"),
    [
        (([RED, RED], "ab"), {}, ParameterError, "1 captions for 2"),
        (([RED, RED], 17), {}, ParameterError, "1 captions for 2"),
        ((RED,), {"columns": "2"}, ParameterError, "columns is '2'"),
        ((RED,), {"size": 20.5}, ParameterError, "size is 20.5"),
        ((7,), {}, PictureError, "int"),
        (([RED, None],), {}, PictureError, "NoneType"),
        (([RED, io.BytesIO()],), {}, PictureError, "BytesIO"),
        (("gone.png",), {}, PictureError, "gone.png"),
    ],
)
def test_what_is_no_gallery(arguments: Any, options: Any, kind: type[Any], word: str) -> None:
    with raises_sentence(kind, word):
        gallery(*arguments, **options)
