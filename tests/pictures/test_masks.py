"""Masks of every kind come in right, in register with their picture."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from robust_widgets.errors import PictureError
from robust_widgets.pictures.tensors import shape_of, to_batch, to_mask
from tests.helpers import raises_sentence

MASK = np.random.default_rng(0).random((16, 16)) < 0.4
KINDS: dict[str, Any] = {
    "bool": MASK,
    "uint8": MASK.astype(np.uint8) * 255,
    "uint16": MASK.astype(np.uint16) * 65535,
    "float": MASK.astype(np.float64),
    "half": MASK.astype(np.float16),
    "RGB": np.repeat((MASK * np.uint8(255))[..., None], 3, 2),
    "one channel": MASK[..., None],
    "PIL": Image.fromarray(MASK.astype(np.uint8) * 255),
    "PIL bit": Image.fromarray(MASK),
    "tensor": torch.from_numpy(MASK),
    "tensor (1, h, w)": torch.from_numpy(MASK)[None],
    "tensor (1, 1, h, w)": torch.from_numpy(MASK)[None, None],
    "float tensor": torch.from_numpy(MASK).float(),
    "uint8 of 0 and 1": MASK.astype(np.uint8),
    "tensor of 0 and 1": torch.from_numpy(MASK).to(torch.uint8),
    "edge of grey": np.where(MASK, 128, 127).astype(np.uint8),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_of_any_kind(kind: str) -> None:
    found = to_mask(KINDS[kind], 16)
    assert found.dtype == torch.bool and found.shape == (1, 1, 16, 16)
    np.testing.assert_array_equal(found[0, 0], MASK)
    assert shape_of(KINDS[kind]) == (16, 16)


WHOLE: dict[str, Any] = {
    "int8": MASK.astype(np.int8),
    "int64": MASK.astype(np.int64),
    "levels": MASK * np.int32(255),
    "uint32": MASK.astype(np.uint32) * 200,
    "tensor": torch.from_numpy(MASK).long(),
    "batch": torch.from_numpy(MASK)[None].int(),
    "list": MASK.tolist(),
    "list of 0 and 1": MASK.astype(int).tolist(),
    "tuples of levels": tuple(map(tuple, (MASK * 255).tolist())),
    "list of floats": MASK.astype(float).tolist(),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_mask_of_whole_numbers_or_lists(kind: str) -> None:
    np.testing.assert_array_equal(to_mask(WHOLE[kind], 16)[0, 0], MASK)


@pytest.mark.parametrize("shape", [(24, 16), (16, 40), (64, 64), (8, 8), (100, 37)])
@pytest.mark.parametrize("side", [16, 20])
def test_a_mask_is_cropped_and_scaled_as_a_picture_is(shape: tuple[int, int], side: int) -> None:
    height, width = shape
    mask = np.zeros(shape, bool)
    mask[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = True
    picture = np.where(mask, 255, 0).astype(np.uint8)
    np.testing.assert_array_equal(to_mask(mask, side)[0, 0], to_batch(picture, side)[0, 0] >= 0.5)
    assert shape_of(mask) == shape


def test_masks_of_a_batch() -> None:
    pair = torch.from_numpy(np.stack([MASK, ~MASK])[:, None])
    assert torch.equal(to_mask(pair, 16), pair)


@pytest.mark.parametrize(
    ("mask", "named"),
    [
        (np.zeros((16, 16), bool), "empty"),
        (np.ones((16, 16), bool), "whole picture"),
        (torch.from_numpy(np.stack([MASK, MASK & False])[:, None]), "empty"),
        (torch.from_numpy(np.stack([MASK, MASK | True])[:, None]), "whole picture"),
        (np.pad(np.ones((16, 4), bool), ((0, 0), (0, 36))), "empty"),
        (MASK.astype(np.int32) * 256, "int32"),
        (MASK.astype(np.int32) - 1, "int32"),
        ([[0, 1, 1, 0], [0, 1]], "2 to 4"),
        ([[0, 300, 0, 0]] * 4, "int64"),
        (np.where(MASK, np.nan, 0.0), "NaN"),
        (MASK * 255.0, "0 to 255"),
        (np.ones((2, 2), bool), "2 x 2"),
        ("mask.png", "mask.png"),
        (b"not a picture", "picture's data"),
        (None, "NoneType"),
    ],
    ids=range(15),
)
def test_what_is_no_mask(mask: Any, named: str) -> None:
    with raises_sentence(PictureError, named):
        to_mask(mask, 16)


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def labels(*colours: tuple[int, int, int]) -> Image.Image:
    """The mask as a picture with a palette: the first colour outside, the second inside."""
    picture = Image.fromarray(MASK.astype(np.uint8))
    picture.putpalette([level for colour in colours for level in colour])
    return picture


def coloured(inside: tuple[int, ...], outside: tuple[int, ...]) -> np.ndarray:
    return np.where(MASK[..., None], np.array(inside), np.array(outside)).astype(np.uint8)


HALF = np.zeros((16, 16), bool)
HALF[:, 8:] = True
DRAWN: dict[str, Any] = {
    "0 and 1 in a PNG": encoded(Image.fromarray(MASK.astype(np.uint8))),
    "0 and 1 in 16 bits": encoded(Image.fromarray(MASK.astype(np.uint16))),
    "two labels in grey": encoded(Image.fromarray(MASK.astype(np.uint8) * 15)),
    "palette, black and dark red": encoded(labels((0, 0, 0), (128, 0, 0))),
    "palette, black and a darker green": labels((0, 0, 0), (0, 64, 0)),
    "palette, black and white": encoded(labels((0, 0, 0), (255, 255, 255))),
    "red on black": coloured((255, 0, 0), (0, 0, 0)),
    "red on black, of JPEG": encoded(
        Image.fromarray(coloured((255, 0, 0), (0, 0, 0))), "JPEG", quality=98, subsampling=0
    ),
    "white on blue": coloured((255, 255, 255), (0, 0, 255)),
    "black strokes on transparency": encoded(Image.fromarray(coloured((0, 0, 0, 255), (0, 0, 0, 0)))),
    "white strokes on transparency": coloured((255, 255, 255, 255), (0, 0, 0, 0)),
    "red strokes on white transparency": coloured((255, 0, 0, 255), (255, 255, 255, 0)),
    "white on opaque black": coloured((255, 255, 255, 255), (0, 0, 0, 255)),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_a_mask_drawn_in_any_program(kind: str) -> None:
    np.testing.assert_array_equal(to_mask(DRAWN[kind], 16)[0, 0], MASK)


def test_every_colour_of_a_drawing_of_labels_is_marked() -> None:
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:4], pixels[4:8], pixels[8:10] = (64, 0, 0), (128, 128, 0), (224, 224, 192)
    inside = to_mask(pixels, 16)[0, 0]
    assert inside[:10].all() and not inside[10:].any()


@pytest.mark.parametrize("kind", [list, tuple, np.stack, lambda pair: torch.from_numpy(np.stack(pair))])
def test_several_masks(kind: Any) -> None:
    found = to_mask(kind([MASK, HALF, ~HALF]), 16)
    np.testing.assert_array_equal(found[:, 0], [MASK, HALF, ~HALF])
    np.testing.assert_array_equal(to_mask(kind([MASK, HALF]), 16)[:, 0], [MASK, HALF])


def test_masks_of_a_list_may_have_any_size_and_kind() -> None:
    large = Image.fromarray(HALF.astype(np.uint8) * 255).resize((64, 64), Image.Resampling.NEAREST)
    found = to_mask([large, encoded(large), torch.from_numpy(HALF)], 16)
    assert all(torch.equal(one[0], torch.from_numpy(HALF)) for one in found)
    with raises_sentence(PictureError, "list of masks is empty"):
        to_mask([], 16)


@pytest.mark.parametrize("width", [1, 8])
def test_thin_strokes_stay(width: int) -> None:
    strokes = np.zeros((2000, 2000), bool)
    strokes[:, 1000 : 1000 + width] = True
    alone = to_mask(strokes, 64)[0, 0]
    assert alone[:, 32].all() and alone.sum() == 64
    strokes[:500, :500] = True
    both = to_mask(strokes, 64)[0, 0]
    assert both[:16, :16].all() and both[:, 32].sum() == (64 if width == 8 else 0)
    assert both.sum() == 256 + both[:, 32].sum(), "what is large keeps its edge"


def test_a_soft_edge_is_cut_in_its_middle() -> None:
    ramp = np.tile(np.linspace(0, 1, 640, dtype=np.float32), (640, 1))
    np.testing.assert_array_equal(to_mask(ramp, 64)[0, 0], np.tile(np.arange(64) >= 32, (64, 1)))


@pytest.mark.parametrize(("low", "high", "words"), [(0, 4, "empty in the middle"), (4, 40, "whole middle")])
def test_a_mask_that_says_something_only_outside_the_middle_square(low: int, high: int, words: str) -> None:
    wide = np.zeros((16, 40), bool)
    wide[:, low:high] = True
    with raises_sentence(PictureError, words, "middle square"):
        to_mask(wide, 16)
