"""Units of distances between pictures.

Epsilons and step sizes are given in the paper's unit, L2 in pixels of a picture of 224 x 224, so that one number means
the same for every input size. Linf distances are given in levels of 255.
"""

from __future__ import annotations

REFERENCE_SIZE = 224
LEVELS = 255


def raw_pixels(value: float, size: int) -> float:
    """An L2 distance in pixels at 224, in the raw pixels of a picture of this size: ``value * size / 224``."""
    return value * size / REFERENCE_SIZE


def pixels_at_224(value: float, size: int) -> float:
    """An L2 distance in raw pixels of a picture of this size, in pixels at 224: the inverse of `raw_pixels`."""
    return value * REFERENCE_SIZE / size


def from_levels(value: float) -> float:
    """An Linf distance in levels of 255, in the range [0, 1] of a picture's values."""
    return value / LEVELS


def to_levels(value: float) -> float:
    """An Linf distance in the range [0, 1] of a picture's values, in levels of 255."""
    return value * LEVELS
