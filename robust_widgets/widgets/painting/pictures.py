"""Pictures that are brought in, made ready for the canvas."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from robust_widgets.errors import PictureError
from robust_widgets.pictures import Pixels


def decode(name: str, data: bytes) -> Pixels:
    """A picture file's pixels, uint8 (h, w, 3), with white paper under what is transparent.

    Raises:
        PictureError: it cannot be read.
    """
    try:
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            return np.asarray(_flattened(picture))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise PictureError(f"{name or 'The picture'} cannot be read; use a PNG, JPEG or WebP picture.") from None


def square(picture: Pixels, side: int) -> Pixels:
    """A picture's middle square, scaled to ``side``; uint8 (h, w, 3) -> (side, side, 3)."""
    return np.asarray(ImageOps.fit(Image.fromarray(picture), (side, side), Image.Resampling.BICUBIC))


def square_mask(mask: object, side: int) -> Pixels:
    """A mask as the canvas has it, uint8 (side, side): True or more than 0 is where to paint; scaled without blending.

    Raises:
        PictureError: it has not two dimensions, or no pixels.
    """
    given = np.asarray(mask)
    if given.ndim != 2 or not given.size:
        raise PictureError(f"The mask has the shape {given.shape}; give an array (height, width), True where to paint.")
    pixels = given.astype(np.uint8) if given.dtype == np.uint8 else np.where(given > 0, 255, 0).astype(np.uint8)
    if pixels.shape == (side, side):
        return pixels
    return np.asarray(ImageOps.fit(Image.fromarray(pixels), (side, side), Image.Resampling.NEAREST))


def _flattened(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB":
        return picture
    layered = picture.convert("RGBA")
    paper = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(paper, layered).convert("RGB")
