"""Pictures and masks that are brought to the canvas: decoded, cropped, scaled, and placed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from robust_widgets.errors import PictureError
from robust_widgets.pictures import Picture, Pixels
from robust_widgets.pictures.io import size_of, to_layers, to_square_pixels
from robust_widgets.pictures.limits import MAX_MESSAGE_PIXELS
from robust_widgets.pictures.masks import inside, mask_levels
from robust_widgets.widgets.painting.events import Rectangle


def decode(name: str, data: bytes, side: int) -> Pixels:
    """Decode a picture file, crop and scale it to uint8 (side, side, 3), on a white background.

    Raises:
        PictureError: it cannot be read, or is larger than what a page sends.
    """
    _check_size(name, data)
    try:
        return to_square_pixels(data, side)
    except PictureError:
        raise PictureError(_refusal(name, "cannot be read")) from None


def decode_placed(name: str, data: bytes, place: Rectangle, below: Pixels) -> Pixels:
    """Decode a picture file, and scale it into a rectangle of a picture.

    Args:
        name: what it is called, for errors.
        data: the file.
        place: its left, top, width and height in pixels of ``below``, rounded where they are inside.
        below: uint8 (side, side, 3); seen beside the picture, and through it.

    Raises:
        PictureError: as :func:`decode`.
    """
    _check_size(name, data)
    try:
        layers = to_layers(data, reduce=True)[0]
    except PictureError:
        raise PictureError(_refusal(name, "cannot be read")) from None
    side = len(below)
    tall, wide = layers.shape[:2]
    columns, across = _visible(place[0], place[2], side, wide)
    rows, down = _visible(place[1], place[3], side, tall)
    if columns.start >= columns.stop or rows.start >= rows.stop:
        return below
    color, alpha = layers[..., :3], np.ones_like(layers[..., :1])
    if layers.shape[2] == 4:
        alpha = layers[..., 3:]
    elif layers.shape[2] == 1:
        color = np.repeat(layers, 3, axis=2)
    size = (columns.stop - columns.start, rows.stop - rows.start)
    # Weighted by alpha, so that the colour of what cannot be seen does not bleed in.
    weighted = np.concatenate([color * alpha, alpha], axis=2)
    scaled = np.stack([_scaled(weighted[..., i], size, (across[0], down[0], across[1], down[1])) for i in range(4)], 2)
    seen = below.copy()
    under = below[rows, columns].astype(np.float32) / 255
    mixed = scaled[..., :3] + under * (1 - scaled[..., 3:].clip(0, 1))
    seen[rows, columns] = (mixed * 255 + 0.5).clip(0, 255).astype(np.uint8)
    return seen


def _visible(start: float, length: float, side: int, pixels: int) -> tuple[slice, tuple[float, float]]:
    """The part of the canvas, along one axis, that a picture covers, and the part of the picture that is there."""
    # Halves are rounded up, as in JavaScript.
    first, last = max(0, int(np.floor(start + 0.5))), min(side, int(np.floor(start + length + 0.5)))
    ends = [min(float(pixels), max(0.0, (end - start) / length * pixels)) for end in (first, last)]
    return slice(first, last), (ends[0], ends[1])


def _scaled(
    channel: npt.NDArray[np.float32], size: tuple[int, int], box: tuple[float, float, float, float]
) -> npt.NDArray[np.float32]:
    picture = Image.fromarray(np.ascontiguousarray(channel))
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC, box=box))


def _check_size(name: str, data: bytes) -> None:
    try:
        height, width = size_of(data)
    except PictureError:
        raise PictureError(_refusal(name, "cannot be read")) from None
    if height * width > MAX_MESSAGE_PIXELS:
        raise PictureError(_refusal(name, f"has {width:,} x {height:,} pixels"))


def _refusal(name: str, problem: str) -> str:
    return (
        f"{name or 'The picture'} {problem}; use a PNG, JPEG or WebP file of at most "
        f"{MAX_MESSAGE_PIXELS / 1e6:.0f} megapixels."
    )


def square(picture: Pixels, side: int) -> Pixels:
    """Centre-crop and scale a picture; uint8 (h, w, 3) -> (side, side, 3)."""
    return np.asarray(ImageOps.fit(Image.fromarray(picture), (side, side), Image.Resampling.BICUBIC))


def square_mask(mask: Picture | Sequence[Picture], side: int) -> Pixels:
    """A mask for the canvas: its middle square, uint8 (side, side), 255 where to paint.

    At the canvas's own size its soft edges stay; scaled, its edges are hard, and thin strokes are kept.

    Raises:
        PictureError: it is not a mask.
    """
    levels = mask_levels(mask)[0][:1]
    height, width = levels.shape[1:]
    own = min(height, width)
    top, left = (height - own) // 2, (width - own) // 2
    middle = levels[0, top : top + own, left : left + own]
    if own == side:
        return (middle * 255 + 0.5).astype(np.uint8)
    scaling = Image.Resampling.NEAREST if own < side else Image.Resampling.BOX
    fitted = np.asarray(Image.fromarray(np.ascontiguousarray(middle)).resize((side, side), scaling))
    return np.where(inside(levels, fitted[None, None])[0, 0], np.uint8(255), np.uint8(0))
