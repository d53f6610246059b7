"""Flood fill: connected components, and the soft edges around them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from robust_widgets.pictures import Pixels

Area = npt.NDArray[np.bool_]
MAX_FEATHER = 64


def flood_fill(like: Area, column: int, row: int) -> Area:
    """The 4-connected component of ``like`` (h, w) that contains a point of it.

    Works on runs of pixels: overlapping runs of adjacent rows are merged by union-find.
    """
    height, width = like.shape
    # A final column of False separates the runs of one row from those of the next.
    flat = np.zeros((height, width + 1), dtype=np.int8)
    flat[:, :width] = like
    steps = np.diff(flat.ravel(), prepend=0)
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    first = np.searchsorted(ends, starts + width + 1, side="right")
    last = np.searchsorted(starts, ends + width + 1, side="left")
    count = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(starts)), count)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    labels = _merged_labels(len(starts), upper, lower)
    seed = np.searchsorted(starts, row * (width + 1) + column, side="right") - 1
    component = labels == labels[seed]
    reached = np.zeros(height * (width + 1) + 1, dtype=np.int8)
    reached[starts[component]] = 1
    reached[ends[component]] = -1
    return np.cumsum(reached[:-1]).reshape(height, width + 1)[:, :width] > 0


def feather(area: Area, alpha: Pixels) -> Area:
    """The soft edges of the paint next to an area: from the area inwards, as long as ``alpha`` increases."""
    neighbours = _neighbours(alpha)
    slope = (alpha > 0) & (alpha < np.maximum.reduce(neighbours))
    starts = _neighbours(area)
    reached = area.copy()
    for _ in range(MAX_FEATHER):
        before = reached.copy()
        for step, start, thickness in zip(_neighbours(before), starts, neighbours, strict=True):
            reached |= step & slope & (start | (alpha > thickness))
        if np.array_equal(reached, before):
            break
    return reached & ~area


def _neighbours(layer: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
    """The values above, below, left and right of each pixel; zeros beyond the edge."""
    padded = np.pad(layer, 1)
    return padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]


def _merged_labels(count: int, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The smallest label in the component of each of ``count`` nodes, given the edges ``first``-``second``."""
    labels = np.arange(count)
    while True:
        low = np.minimum(labels[first], labels[second])
        before = labels.copy()
        for side in (first, second):
            np.minimum.at(labels, before[side], low)
            np.minimum.at(labels, side, low)
        while not np.array_equal(shorter := labels[labels], labels):
            labels = shorter
        if np.array_equal(labels, before):
            return labels
