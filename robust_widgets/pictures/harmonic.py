"""Smooth fills of holes in pictures."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

TOLERANCE = 1e-3  # of a residual; a level of 255 is 4e-3
MAX_ITERATIONS = 2000


def harmonic_fill(picture: Tensor, mask: Tensor) -> Tensor:
    """Replace the inside of a mask by the solution of Laplace's equation with the colours around it.

    At the borders of the picture the slope is zero. A pixel of the solution is the mean of its neighbours, so no value
    is outside those at the hole's edge. Solved by conjugate gradients from the mean colour.

    Args:
        picture: float (n, c, h, w).
        mask: bool (n or 1, 1, h, w); not all of a picture.
    """
    inside = mask.expand(len(picture), 1, *picture.shape[2:]).to(picture)
    outside = 1 - inside
    mean = (picture * outside).sum((2, 3), keepdim=True) / outside.sum((2, 3), keepdim=True).clamp_min(1)
    filled = torch.where(mask, mean, picture)
    residual = inside * laplacian(filled)
    direction, power = residual, _dot(residual, residual)
    for _ in range(MAX_ITERATIONS):
        if float(residual.abs().max()) <= TOLERANCE:
            break
        image = -inside * laplacian(direction)
        length = power / _dot(direction, image).clamp_min(1e-30)
        filled = filled + length * direction
        residual = residual - length * image
        previous, power = power, _dot(residual, residual)
        direction = residual + power / previous.clamp_min(1e-30) * direction
    return torch.where(mask, filled.clamp(0, 1), picture)


def laplacian(x: Tensor) -> Tensor:
    """The sum of the differences from each pixel to its four neighbours, those beyond the borders left out."""
    padded = pad(x, (1, 1, 1, 1), "replicate")
    sides = padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:] + padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1]
    return sides - 4 * x


def _dot(x: Tensor, y: Tensor) -> Tensor:
    """The inner products of channels: (n, c, 1, 1)."""
    return (x * y).sum((2, 3), keepdim=True)
