"""Pictures as uint8 arrays: put side by side, taken apart, enlarged. No torch here."""

from __future__ import annotations

import numpy as np
from PIL import Image

from robust_widgets.trace import Pixels


def tile(pictures: Pixels, columns: int | None = None) -> Pixels:
    """Pictures side by side in a grid that is as square as can be; uint8 (n, h, w, 3) -> (rows * h, columns * w, 3)."""
    count, height, width, channels = pictures.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    grid = np.full((rows * height, columns * width, channels), 255, dtype=np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * height, index % columns * width
        grid[top : top + height, left : left + width] = picture
    return grid


def untiled(grid: Pixels, count: int) -> Pixels:
    """The pictures of a square grid that :func:`tile` made; uint8 (rows * h, columns * w, 3) -> (n, h, w, 3)."""
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    height, width = grid.shape[0] // rows, grid.shape[1] // columns
    return grid.reshape(rows, height, columns, width, 3).swapaxes(1, 2).reshape(-1, height, width, 3)[:count].copy()


def enlarged(pixels: Pixels, side: int) -> Image.Image:
    """A picture smoothly scaled up so that its height is at least ``side``; larger ones are left alone."""
    picture = Image.fromarray(pixels)
    factor = side / picture.height
    if factor <= 1:
        return picture
    return picture.resize((round(picture.width * factor), side), Image.Resampling.BICUBIC)
