"""How much of each pixel a stroke or an area covers, and the paint that results.

Coordinates are raster pixels, x to the right and y down, and may lie outside the raster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from robust_widgets.pictures import Pixels
from robust_widgets.widgets.painting.layers import Box, Mirror, PaintLayer, union

# x, y, and the fractions of the brush's width and, by default all, of its opacity.
Point: TypeAlias = tuple[float, float, float] | tuple[float, float, float, float]
Tool = Literal["brush", "eraser"]
Pressure: TypeAlias = Literal["size", "opacity", "both", "none"]
Color: TypeAlias = tuple[int, int, int]
Coverage: TypeAlias = npt.NDArray[np.float32]

SUBROWS = 4


@dataclass
class Stroke:
    """A stroke being painted.

    Attributes:
        tool: ``"brush"`` or ``"eraser"``.
        color: red, green, blue; ignored on the mask.
        size: diameter in raster pixels at full pressure.
        softness: 0 is a hard edge; at 1 it fades from the centre.
        opacity: maximum opacity of the stroke, 0 to 1.
        layer: the layer painted on.
        base: the layer before the stroke.
        coverage: of each pixel, 0 to 1; overlaps within a stroke do not add up.
        touched: the rectangle painted so far; None if empty.
        last: the last point painted.
        points: all points painted.
        mirror: where it is repeated.
        pressure: what the pressure of a pen sets.
    """

    tool: Tool
    color: Color
    size: float
    softness: float
    opacity: float
    layer: PaintLayer
    base: Pixels
    coverage: Coverage
    touched: Box | None = None
    last: Point | None = None
    points: list[Point] = field(default_factory=list[Point])
    mirror: Mirror = "none"
    pressure: Pressure = "size"


def mirrored(points: Sequence[tuple[float, ...]], mirror: Mirror, side: int) -> list[list[tuple[float, ...]]]:
    """Points (x, y, ...), and their images across the middle lines of the raster."""
    images = [list(points)]
    if mirror in ("x", "both"):
        images += [[(side - x, *rest) for x, *rest in points] for points in images]
    if mirror in ("y", "both"):
        images += [[(x, side - y, *rest) for x, y, *rest in points] for points in images]
    return images


def cover(stroke: Stroke, first: Point, second: Point) -> Box | None:
    """Add one segment to the coverage, and its images; returns the changed rectangle, None if it is outside."""
    changed: Box | None = None
    for start, end in mirrored((first, second), stroke.mirror, len(stroke.coverage)):
        changed = union(changed, _cover(stroke, start, end))
    return changed


def _cover(stroke: Stroke, first: tuple[float, ...], second: tuple[float, ...]) -> Box | None:
    """Add one segment to the coverage, with an edge that fades over ``1 + softness * radius`` pixels."""
    side = len(stroke.coverage)
    radius = stroke.size / 2 * max(first[2], second[2])
    reach = radius + 1
    left = max(0, int(np.floor(min(first[0], second[0]) - reach)))
    top = max(0, int(np.floor(min(first[1], second[1]) - reach)))
    right = min(side, int(np.ceil(max(first[0], second[0]) + reach)) + 1)
    bottom = min(side, int(np.ceil(max(first[1], second[1]) + reach)) + 1)
    if left >= right or top >= bottom:
        return None
    along, across = second[0] - first[0], second[1] - first[1]
    length_squared = along * along + across * across
    columns = np.arange(left, right, dtype=np.float32) + 0.5 - first[0]
    rows = (np.arange(top, bottom, dtype=np.float32) + 0.5 - first[1])[:, None]
    if length_squared > 1e-12:  # below, 32-bit floats divide by zero
        position = np.clip((columns * along + rows * across) / length_squared, 0, 1)
    else:
        position = np.zeros((1, 1), dtype=np.float32)
    distance = np.hypot(columns - position * along, rows - position * across)
    radii = stroke.size / 2 * (first[2] + (second[2] - first[2]) * position)
    shape = np.clip((radii + 0.5 - distance) / (1 + stroke.softness * radii), 0, 1)
    if len(first) > 3 and len(second) > 3:
        shape *= first[3] + (second[3] - first[3]) * position
    area = stroke.coverage[top:bottom, left:right]
    np.maximum(area, shape, out=area)
    return (left, top, right, bottom)


def area_coverage(corners: Sequence[tuple[float, float]], side: int) -> Coverage:
    """How much of each pixel is inside a polygon, 0 to 1, by the even-odd rule.

    Exact along each of ``SUBROWS`` scan lines per row.
    """
    x, y = np.array(corners, dtype=np.float64).T
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    lines = (np.arange(side * SUBROWS) + 0.5) / SUBROWS
    crosses = (y[:, None] <= lines) != (next_y[:, None] <= lines)
    edge, line = np.nonzero(crosses)
    at = x[edge] + (lines[line] - y[edge]) / (next_y[edge] - y[edge]) * (next_x[edge] - x[edge])
    order = np.lexsort((at, line))
    at, row = np.clip(at[order], 0, side), line[order] // SUBROWS
    # Each line has an even number of crossings, which alternately enter and leave the polygon.
    sign = np.where(np.arange(len(at)) % 2 == 0, 1.0, -1.0) / SUBROWS
    column = at.astype(np.intp)
    part = column + 1 - at
    steps = np.zeros((side, side + 2))
    np.add.at(steps, (row, column), sign * part)
    np.add.at(steps, (row, column + 1), sign * (1 - part))
    return np.clip(np.cumsum(steps, axis=1)[:, :side], 0, 1).astype(np.float32)


def painted_behind(color: Color, base: Pixels, coverage: Coverage) -> Pixels:
    """The sketch, uint8 (..., 4), with paint beneath the existing paint; coverage (...), 0 to 1."""
    alpha = base[..., 3:].astype(np.float32) / 255
    under = coverage[..., None] * (1 - alpha)
    total = alpha + under
    mixed = (base[..., :3] * alpha + np.array(color, dtype=np.float32) * under) / np.maximum(total, 1e-6)
    return np.round(np.concatenate([mixed, total * 255], axis=-1)).astype(np.uint8)


def painted(tool: Tool, color: Color, base: Pixels, coverage: Coverage) -> Pixels:
    """A layer with paint added, or removed by the eraser.

    Args:
        base: the sketch, uint8 (h, w, 4), or the mask, uint8 (h, w).
        coverage: (h, w), 0 to 1.
    """
    if base.ndim == 2:
        amount = base.astype(np.float32)
        amount += ((0 if tool == "eraser" else 255) - amount) * coverage
        return np.round(amount).astype(np.uint8)
    amount = coverage[..., None]
    alpha = base[..., 3:].astype(np.float32) / 255
    if tool == "eraser":
        left_over = alpha * (1 - amount)
        return np.concatenate([base[..., :3], np.round(left_over * 255).astype(np.uint8)], axis=2)
    total = amount + alpha * (1 - amount)
    mixed = (np.array(color, dtype=np.float32) * amount + base[..., :3] * alpha * (1 - amount)) / np.maximum(
        total, 1e-6
    )
    return np.round(np.concatenate([mixed, total * 255], axis=2)).astype(np.uint8)
