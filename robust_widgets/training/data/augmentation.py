"""Augmentation: drawn for a whole batch, then applied to any of its rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

MIN_AREA = 0.6
MAX_ASPECT = 4 / 3
COLOUR_CHANGE = 0.2
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Changes:
    """The random changes to each picture of a batch.

    Attributes:
        shifts: int64 (n, 2), rows and columns, from 0 to twice the margin; equal to the margin for no shift.
        flips: bool (n,), whether to flip horizontally.
        windows: float32 (n, 4), the crop that is enlarged to the full size: height and width from 0 to 1, then the row
            and column of its centre from -1 to 1; or None.
        colours: float32 (n, 3), factors of brightness, contrast and saturation; or None.
    """

    shifts: Tensor
    flips: Tensor
    windows: Tensor | None = None
    colours: Tensor | None = None

    def __getitem__(self, rows: slice) -> Changes:
        """The changes to some rows."""
        windows, colours = (None if values is None else values[rows] for values in (self.windows, self.colours))
        return Changes(self.shifts[rows], self.flips[rows], windows, colours)


def augment(
    pictures: Tensor, generator: torch.Generator, margin: int, *, wide: bool = False, rows: slice | None = None
) -> Tensor:
    """Shift each picture by up to ``margin`` pixels (with mirrored edges) and flip it horizontally, at random.

    Args:
        pictures: float (n, 3, size, size) in [0, 1], the whole batch.
        generator: source of the random changes to the whole batch, whichever rows are computed.
        margin: largest shift in pixels, smaller than the size.
        wide: also enlarge a random crop (0.6 to 1 of the area, aspect ratio 3/4 to 4/3) and change brightness,
            contrast and saturation by up to 20 %.
        rows: compute only these rows, exactly as in the whole batch.

    Returns:
        float (n or the number of rows, 3, size, size) in [0, 1].
    """
    changes = draw_changes(len(pictures), generator, margin, wide=wide)
    if rows is not None:
        pictures, changes = pictures[rows], changes[rows]
    return apply_changes(pictures, changes, margin)


def draw_changes(count: int, generator: torch.Generator, margin: int, *, wide: bool = False) -> Changes:
    """Draw random changes for a batch of ``count`` pictures; see :func:`augment`."""
    shifts = torch.randint(0, 2 * margin + 1, (count, 2), generator=generator)
    flips = torch.rand(count, generator=generator, dtype=torch.float32) < 0.5
    if not wide:
        return Changes(shifts, flips)
    area, aspect, top, left = torch.rand(4, count, generator=generator, dtype=torch.float32)
    area = MIN_AREA + (1 - MIN_AREA) * area
    aspect = torch.exp((2 * aspect - 1) * math.log(MAX_ASPECT))
    height, width = (area / aspect).sqrt().clamp(max=1), (area * aspect).sqrt().clamp(max=1)
    windows = torch.stack([height, width, (2 * top - 1) * (1 - height), (2 * left - 1) * (1 - width)], dim=1)
    colours = 1 + COLOUR_CHANGE * (2 * torch.rand(count, 3, generator=generator, dtype=torch.float32) - 1)
    return Changes(shifts, flips, windows, colours)


def apply_changes(pictures: Tensor, changes: Changes, margin: int) -> Tensor:
    """Apply changes drawn by :func:`draw_changes` with the same ``margin``; pictures float (n, 3, size, size).

    Each picture's result is independent of the others, bit for bit.
    """
    size = pictures.shape[-1]
    if not len(pictures):
        return pictures
    padded = torch.nn.functional.pad(pictures, (margin,) * 4, mode="reflect")
    offsets = changes.shifts.tolist()
    shifted = torch.stack([padded[i, :, dy : dy + size, dx : dx + size] for i, (dy, dx) in enumerate(offsets)])
    changed = torch.where(changes.flips.view(-1, 1, 1, 1).to(pictures.device), shifted.flip(3), shifted)
    if changes.windows is not None:
        changed = _crop(changed, changes.windows.to(changed))
    if changes.colours is not None:
        changed = _change_colours(changed, changes.colours.to(changed))
    return changed


def _crop(pictures: Tensor, windows: Tensor) -> Tensor:
    """Enlarge crops with bicubic interpolation, which keeps them sharp."""
    size = pictures.shape[-1]
    height, width, row, column = windows.view(-1, 4, 1, 1).unbind(1)
    steps = (2 * torch.arange(size, device=pictures.device, dtype=pictures.dtype) + 1) / size - 1
    rows = (row + height * steps.view(1, -1, 1)).expand(-1, size, size)
    columns = (column + width * steps.view(1, 1, -1)).expand(-1, size, size)
    grid = torch.stack([columns, rows], dim=3)
    enlarged = torch.nn.functional.grid_sample(
        pictures, grid, mode="bicubic", padding_mode="border", align_corners=False
    )
    return enlarged.clamp(0, 1)


def _change_colours(pictures: Tensor, colours: Tensor) -> Tensor:
    """Contrast pivots on middle grey: a mean over the picture would round differently in another batch."""
    brightness, contrast, saturation = colours.view(-1, 3, 1, 1, 1).unbind(1)
    bright = (pictures * brightness - 0.5) * contrast + 0.5
    red, green, blue = (weight * bright[:, channel : channel + 1] for channel, weight in enumerate(LUMA))
    grey = red + green + blue
    return (grey + saturation * (bright - grey)).clamp(0, 1)
