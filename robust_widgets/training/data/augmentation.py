"""Random changes of training pictures: drawn for a whole batch, then made for as many of its rows as are wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

SMALLEST_AREA = 0.6
WIDEST = 4 / 3
COLOUR_CHANGE = 0.2
GREY = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Changes:
    """What is done to each picture of a batch.

    Attributes:
        shifts: int64 (n, 2), rows and columns, from 0 to twice the margin; the margin itself is no shift.
        flips: bool (n,), True where left and right are exchanged.
        windows: float32 (n, 4), the part that is enlarged to the whole: height and width from 0 to 1, then the row
            and column of its centre from -1 to 1; or None.
        colours: float32 (n, 3), factors of brightness, contrast and saturation; or None.
    """

    shifts: Tensor
    flips: Tensor
    windows: Tensor | None = None
    colours: Tensor | None = None

    def __getitem__(self, rows: slice) -> Changes:
        """The changes of some rows."""
        windows, colours = (None if values is None else values[rows] for values in (self.windows, self.colours))
        return Changes(self.shifts[rows], self.flips[rows], windows, colours)


def augment(
    pictures: Tensor, generator: torch.Generator, margin: int, *, wide: bool = False, rows: slice | None = None
) -> Tensor:
    """Each picture shifted by up to ``margin`` pixels (edges mirrored) and flipped left-right at random.

    Args:
        pictures: float (n, 3, side, side) in [0, 1], the whole batch.
        generator: decides the changes of the whole batch, whichever rows are made.
        margin: largest shift in pixels, smaller than the side.
        wide: also enlarge a random window (0.6 to 1 of the area, aspect 3/4 to 4/3) and change brightness, contrast
            and saturation by up to a fifth.
        rows: make only these rows; they are the same as in the whole batch.

    Returns:
        float (n or the number of rows, 3, side, side) in [0, 1].
    """
    changes = draw_changes(len(pictures), generator, margin, wide=wide)
    if rows is not None:
        pictures, changes = pictures[rows], changes[rows]
    return apply_changes(pictures, changes, margin)


def draw_changes(count: int, generator: torch.Generator, margin: int, *, wide: bool = False) -> Changes:
    """Draw the changes of a batch of ``count`` pictures; see :func:`augment`."""
    shifts = torch.randint(0, 2 * margin + 1, (count, 2), generator=generator)
    flips = torch.rand(count, generator=generator) < 0.5
    if not wide:
        return Changes(shifts, flips)
    area, aspect, top, left = torch.rand(4, count, generator=generator)
    area = SMALLEST_AREA + (1 - SMALLEST_AREA) * area
    aspect = torch.exp((2 * aspect - 1) * math.log(WIDEST))
    height, width = (area / aspect).sqrt().clamp(max=1), (area * aspect).sqrt().clamp(max=1)
    windows = torch.stack([height, width, (2 * top - 1) * (1 - height), (2 * left - 1) * (1 - width)], dim=1)
    colours = 1 + COLOUR_CHANGE * (2 * torch.rand(count, 3, generator=generator) - 1)
    return Changes(shifts, flips, windows, colours)


def apply_changes(pictures: Tensor, changes: Changes, margin: int) -> Tensor:
    """Make changes that :func:`draw_changes` drew with the same ``margin``; pictures float (n, 3, side, side).

    No picture's result depends on the others, to the last bit.
    """
    side = pictures.shape[-1]
    if not len(pictures):
        return pictures
    padded = torch.nn.functional.pad(pictures, (margin,) * 4, mode="reflect")
    places = changes.shifts.tolist()
    shifted = torch.stack([padded[i, :, dy : dy + side, dx : dx + side] for i, (dy, dx) in enumerate(places)])
    made = torch.where(changes.flips.view(-1, 1, 1, 1).to(pictures.device), shifted.flip(3), shifted)
    if changes.windows is not None:
        made = _enlarged(made, changes.windows.to(made))
    if changes.colours is not None:
        made = _recoloured(made, changes.colours.to(made))
    return made


def _enlarged(pictures: Tensor, windows: Tensor) -> Tensor:
    """Bicubic, which keeps the pictures sharp."""
    side = pictures.shape[-1]
    height, width, row, column = windows.view(-1, 4, 1, 1).unbind(1)
    steps = (2 * torch.arange(side, device=pictures.device, dtype=pictures.dtype) + 1) / side - 1
    rows = (row + height * steps.view(1, -1, 1)).expand(-1, side, side)
    columns = (column + width * steps.view(1, 1, -1)).expand(-1, side, side)
    grid = torch.stack([columns, rows], dim=3)
    enlarged = torch.nn.functional.grid_sample(
        pictures, grid, mode="bicubic", padding_mode="border", align_corners=False
    )
    return enlarged.clamp(0, 1)


def _recoloured(pictures: Tensor, colours: Tensor) -> Tensor:
    """Contrast turns about middle grey: a mean over the picture would round differently in another batch."""
    brightness, contrast, saturation = colours.view(-1, 3, 1, 1, 1).unbind(1)
    bright = (pictures * brightness - 0.5) * contrast + 0.5
    red, green, blue = (weight * bright[:, channel : channel + 1] for channel, weight in enumerate(GREY))
    grey = red + green + blue
    return (grey + saturation * (bright - grey)).clamp(0, 1)
