"""Where steps should count less: the flat ground of a sketch, and the edge of a hole."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from robust_widgets.units import from_levels

TOLERANCE = from_levels(10)  # of each channel, so that the noise of a JPEG is still flat
SOFTENED = 0.06  # of the width: how far from the painted shapes the ground is fully calm
SMALLEST = 0.02  # of the picture: with less painted, there is nothing but ground
EDGE, EDGE_WIDTH = 0.15, 0.035  # weight at a hole's edge, and share of the width over which it rises


def ground_weights(pictures: Tensor, calm: float) -> Tensor:
    """How much steps count at each pixel: ``calm`` on the flat ground, rising to 1 at what is painted on it.

    The ground is what has the median colour of the picture's border and is connected to the border. A picture without
    such a ground, or with nothing on it, has the weight 1 everywhere.

    Args:
        pictures: float (n, 3, h, w) in [0, 1], without noise.
        calm: from 0 to 1.

    Returns:
        float (n, 1, h, w), on the pictures' device.
    """
    painted = torch.stack([torch.from_numpy(~_ground(picture)) for picture in pictures.detach().cpu().float().numpy()])
    painted = painted[:, None].to(pictures)
    is_blank = painted.mean((2, 3), keepdim=True) < SMALLEST
    radius = round(SOFTENED * pictures.shape[-1] / 2)
    near = torch.maximum(painted, (2 * _blur(_blur(painted, radius), radius)).clamp(max=1))
    return torch.where(is_blank, torch.ones_like(near), calm + (1 - calm) * near)


def edge_weights(region: Tensor) -> Tensor:
    """How much steps count at each pixel of a hole: little at its edge, so that it leaves no seam, and 1 inside.

    Args:
        region: bool (n, 1, h, w), true in the hole.

    Returns:
        float32 (n, 1, h, w).
    """
    radius = round(EDGE_WIDTH * region.shape[-1])
    inside = _blur(_blur(region.float(), radius), radius)
    return EDGE + (1 - EDGE) * (2 * inside - 1).clamp(0, 1)


def _ground(picture: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where one picture, float (3, h, w), is ground: bool (h, w)."""
    border = np.concatenate([picture[:, 0], picture[:, -1], picture[:, :, 0], picture[:, :, -1]], axis=1)
    flat: npt.NDArray[np.bool_] = np.abs(picture - np.median(border, axis=1)[:, None, None]).max(axis=0) < TOLERANCE
    reached = flat.copy()
    reached[1:-1, 1:-1] = False
    before = -1
    while np.count_nonzero(reached) != before:  # each pass spreads along whole rows and columns
        before = np.count_nonzero(reached)
        for ground, may in (
            (reached, flat),
            (reached[::-1], flat[::-1]),
            (reached.T, flat.T),
            _mirrored(reached, flat),
        ):
            for row in range(1, len(ground)):
                ground[row] |= ground[row - 1] & may[row]
    return reached


def _mirrored(reached: npt.NDArray[np.bool_], flat: npt.NDArray[np.bool_]) -> tuple[Any, Any]:
    return reached.T[::-1], flat.T[::-1]


def _blur(x: Tensor, radius: int) -> Tensor:
    return avg_pool2d(pad(x, (radius,) * 4, mode="replicate"), 2 * radius + 1, stride=1)
