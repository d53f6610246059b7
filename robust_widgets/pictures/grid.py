"""Grids of pictures: tile, untile, enlarge, and a gallery with captions."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from robust_widgets._deprecated import renamed_keywords
from robust_widgets.errors import LONGEST_SHOWN, ParameterError, PictureError, short_repr, short_text, whole_number
from robust_widgets.pictures import Picture, Pixels
from robust_widgets.pictures.io import to_array

if TYPE_CHECKING:
    from torch import Tensor


def layout(count: int) -> tuple[int, int]:
    """Rows and columns of the squarest grid of ``count`` pictures."""
    columns = math.ceil(math.sqrt(count))
    return -(-count // columns), columns


def tile(pictures: Pixels, columns: int | None = None) -> Pixels:
    """Tile pictures into the squarest grid; uint8 (n, h, w, 3) -> (rows * h, columns * w, 3)."""
    count, height, width, channels = pictures.shape
    columns = columns or layout(count)[1]
    rows = -(-count // columns)
    grid = np.full((rows * height, columns * width, channels), 255, dtype=np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * height, index % columns * width
        grid[top : top + height, left : left + width] = picture
    return grid


def untile(grid: Pixels, count: int) -> Pixels:
    """Cut a grid of :func:`tile` into its pictures; uint8 (rows * h, columns * w, 3) -> (n, h, w, 3)."""
    rows, columns = layout(count)
    height, width = grid.shape[0] // rows, grid.shape[1] // columns
    return grid.reshape(rows, height, columns, width, 3).swapaxes(1, 2).reshape(-1, height, width, 3)[:count].copy()


def enlarged(pixels: Pixels, size: int) -> Image.Image:
    """A picture, enlarged by bicubic interpolation to a height of at least ``size``; larger ones stay as they are."""
    picture = Image.fromarray(pixels)
    factor = size / picture.height
    if factor <= 1:
        return picture
    return picture.resize((round(picture.width * factor), size), Image.Resampling.BICUBIC)


INK, PAPER = "#222222", "#ffffff"
GAP, LINE, FONT_SIZE = 6, 18, 13


@renamed_keywords(side="size")
def gallery(
    pictures: Picture | Iterable[Picture],
    captions: object | Iterable[object] = (),
    *,
    columns: int | None = None,
    size: int = 144,
) -> Image.Image:
    """Arrange pictures in rows, with captions below them.

    Args:
        pictures: PIL images; arrays (height, width, 3) or (height, width), uint8, bool, or floats from 0 to 1; torch
            tensors (3, height, width) or (height, width) of the same kinds; or picture files. One, or several.
        captions: a few words for each picture; none by default. A line break starts a second line.
        columns: pictures per row; all of them by default.
        size: height of each picture in pixels; smaller ones are enlarged, larger ones reduced.

    Raises:
        ParameterError: there are no pictures, or not one caption for each, or ``columns`` or ``size`` is below 1.
        PictureError: no picture, or an array of another shape or type.
    """
    several = _several(pictures)
    words = [captions] if isinstance(captions, str) or not isinstance(captions, Iterable) else list(captions)
    if not several:
        raise ParameterError("There are no pictures for the gallery; give at least one.")
    if len(words) not in (0, len(several)):
        raise ParameterError(f"There are {len(words)} captions for {len(several)} pictures; give one for each.")
    height, per_row = whole_number(size), len(several) if columns is None else whole_number(columns)
    if height is None or height < 1 or per_row is None or per_row < 1:
        raise ParameterError(
            f"columns is {short_repr(columns)} and size is {short_repr(size)}; give whole numbers of at least 1."
        )
    texts = [short_text(word, LONGEST_SHOWN) for word in words]
    return _sheet([_tile(picture, height) for picture in several], texts, per_row, height)


def _several(pictures: Any) -> list[Any]:
    """Pictures as a list; one becomes a list of one."""
    pictures = getattr(pictures, "pixels", pictures)  # of a run, a frame or a saved picture
    is_array = hasattr(pictures, "shape") and hasattr(pictures, "ndim")
    if is_array:
        channel = 2 if isinstance(pictures, np.ndarray) else 0
        is_one = pictures.ndim <= 2 or (pictures.ndim == 3 and pictures.shape[channel] == 3)
        return [pictures] if is_one else list(pictures)
    if isinstance(pictures, (str, bytes, os.PathLike)) or not isinstance(pictures, Iterable):
        return [pictures]
    return list(cast("Iterable[Any]", pictures))


def _sheet(tiles: list[Image.Image], texts: list[str], columns: int, size: int) -> Image.Image:
    """Tiles of one height in rows, with their captions."""
    texts = texts or [""] * len(tiles)
    columns = min(columns, len(tiles))
    font = ImageFont.load_default(FONT_SIZE)
    widths = [
        max([tile.width, *(round(font.getlength(line)) for line in text.split("\n"))])
        for tile, text in zip(tiles, texts, strict=True)
    ]
    width, lines = max(widths) + GAP, max(text.count("\n") + 1 if text else 0 for text in texts)
    height = size + lines * LINE + GAP
    sheet = Image.new("RGB", (columns * width + GAP, -(-len(tiles) // columns) * height + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, (tile, text) in enumerate(zip(tiles, texts, strict=True)):
        left, top = GAP + index % columns * width, GAP + index // columns * height
        sheet.paste(tile, (left, top))
        draw.multiline_text((left, top + size + 2), text, INK, font, spacing=2)
    return sheet


def _tile(picture: Any, size: int) -> Image.Image:
    is_array = isinstance(picture, np.ndarray) or (hasattr(picture, "detach") and hasattr(picture, "dtype"))
    is_image = isinstance(picture, Image.Image)
    image = picture if is_image else Image.fromarray(_pixels(picture if is_array else to_array(picture)[0]))
    tile = enlarged(np.asarray(image.convert("RGB")), size)
    return tile.resize((max(1, round(tile.width * size / tile.height)), size), Image.Resampling.LANCZOS)


def _pixels(picture: npt.NDArray[Any] | Tensor) -> npt.NDArray[np.uint8]:
    """An array or a tensor as uint8 (height, width, 3) or (height, width)."""
    values: npt.NDArray[Any]
    if isinstance(picture, np.ndarray):
        values = picture
    else:
        values = picture.detach().cpu().numpy()
        values = values.transpose(1, 2, 0) if values.ndim == 3 else values
    if values.dtype == np.bool_ or np.issubdtype(values.dtype, np.floating):
        values = np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
    fits = values.ndim == 2 or (values.ndim == 3 and values.shape[2] == 3)
    if values.dtype != np.uint8 or not fits or 0 in values.shape:
        raise PictureError(
            f"A picture of the gallery is {values.dtype} of shape {values.shape}; give (height, width, 3) or "
            "(height, width), uint8, bool, or floats from 0 to 1."
        )
    return values
