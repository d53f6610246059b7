"""Areas that hang together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from robust_widgets.pictures import Pixels

Area = npt.NDArray[np.bool_]
WIDEST_RIM = 64


def connected(like: Area, column: int, row: int) -> Area:
    """The part of ``like`` (h, w) that can be reached from a point of it, going up, down, left and right.

    Works on the runs of each row: runs of neighbouring rows that overlap are joined, and all joined runs get the
    smallest number among them.
    """
    height, width = like.shape
    # A column of False at the end keeps the runs of one row apart from those of the next.
    flat = np.zeros((height, width + 1), dtype=np.int8)
    flat[:, :width] = like
    steps = np.diff(flat.ravel(), prepend=0)
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    first = np.searchsorted(ends, starts + width + 1, side="right")
    last = np.searchsorted(starts, ends + width + 1, side="left")
    count = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(starts)), count)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    numbers = _joined(len(starts), upper, lower)
    seed = np.searchsorted(starts, row * (width + 1) + column, side="right") - 1
    mine = numbers == numbers[seed]
    reached = np.zeros(height * (width + 1) + 1, dtype=np.int8)
    reached[starts[mine]] = 1
    reached[ends[mine]] = -1
    return np.cumsum(reached[:-1]).reshape(height, width + 1)[:, :width] > 0


def soft_rim(area: Area, alpha: Pixels) -> Area:
    """The soft edges of the paint beside an area: from it inwards as long as the paint grows thicker."""
    sides = _beside(alpha)
    slope = (alpha > 0) & (alpha < np.maximum.reduce(sides))
    starts = _beside(area)
    reached = area.copy()
    for _ in range(WIDEST_RIM):
        before = reached.copy()
        for step, start, thickness in zip(_beside(before), starts, sides, strict=True):
            reached |= step & slope & (start | (alpha > thickness))
        if np.array_equal(reached, before):
            break
    return reached & ~area


def _beside(layer: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
    """What lies above, below, left and right of each pixel; zeros beyond the edge."""
    padded = np.pad(layer, 1)
    return padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]


def _joined(count: int, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The smallest number that each of ``count`` things is joined to by the pairs given, in a few rounds."""
    numbers = np.arange(count)
    while True:
        low = np.minimum(numbers[first], numbers[second])
        before = numbers.copy()
        for side in (first, second):
            np.minimum.at(numbers, before[side], low)
            np.minimum.at(numbers, side, low)
        while not np.array_equal(shorter := numbers[numbers], numbers):
            numbers = shorter
        if np.array_equal(numbers, before):
            return numbers
