"""Masks of every kind come in right, in register with their picture."""

from __future__ import annotations

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
        (MASK.astype(np.int32), "int32"),
        (np.where(MASK, np.nan, 0.0), "NaN"),
        (MASK * 255.0, "0 to 255"),
        (np.ones((2, 2), bool), "2 x 2"),
        ("mask.png", "mask.png"),
        (b"not a picture", "picture's data"),
        (None, "NoneType"),
    ],
    ids=range(12),
)
def test_what_is_no_mask(mask: Any, named: str) -> None:
    with raises_sentence(PictureError, named):
        to_mask(mask, 16)
