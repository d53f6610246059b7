"""Fixed filters that work on rows and columns alike, as two products with a matrix.

The matrix holds the treatment of the edges, so no padding is made and thrown away at each step, and the transpose that
a gradient takes is the same product again. At batch 1 that is several times faster than padding and a convolution of
each channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Filter:
    """A filter in one direction.

    Attributes:
        taps: its weights; the middle one, or the left one of two, lies on the pixel itself.
        edges: ``"reflect"`` mirrors the pixels about the outermost, ``"replicate"`` repeats the outermost.
        stride: 1, or 2 to halve the side.
        beyond: values that are made beyond either edge.
    """

    taps: tuple[float, ...]
    edges: str
    stride: int = 1
    beyond: int = 0


# A mesh of single pixels goes on in a mirror, and goes out at the border, too.
SMOOTHING = Filter((-1 / 16, 4 / 16, 10 / 16, 4 / 16, -1 / 16), "reflect")
HALVING = Filter((1 / 8, 3 / 8, 3 / 8, 1 / 8), "replicate", stride=2)


def separable(x: Tensor, kind: Filter) -> Tensor:
    """The filter along both sides of pictures (n, c, h, w)."""
    rows, columns = (filter_matrix(kind, side, x.dtype, x.device) for side in x.shape[2:])
    return along_both(x, rows, columns)


def along_both(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """``rows @ x @ columns.T`` for pictures (n, c, h, w) and matrices (h out, h) and (w out, w)."""
    return _along_columns(_along_columns(x, columns).transpose(2, 3), rows).transpose(2, 3)


def _along_columns(x: Tensor, matrix: Tensor) -> Tensor:
    """One product of two matrices: torch's own of four-dimensional tensors copies the matrix for each channel."""
    return torch.mm(x.reshape(-1, x.shape[3]), matrix.T).view(*x.shape[:3], -1)


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # else no later gradient could go through it
def filter_matrix(kind: Filter, side: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """(sides out, side): the filter of one row of pixels, with what lies beyond the edges."""
    inside = -(-side // kind.stride)
    middle = (len(kind.taps) - 1) // 2
    matrix = np.zeros((inside + 2 * kind.beyond, side))
    for row in range(len(matrix)):
        for tap, weight in enumerate(kind.taps):
            position = (row - kind.beyond) * kind.stride - middle + tap
            matrix[row, _within(position, side, kind.edges)] += weight
    return torch.from_numpy(matrix).to(device, dtype)


def _within(position: int, side: int, edges: str) -> int:
    """Where the value of a pixel is found, which may lie beyond an edge."""
    if edges == "replicate":
        return min(max(position, 0), side - 1)
    return side - 1 - abs(side - 1 - abs(position))
