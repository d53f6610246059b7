"""The painting itself: two layers of pixels and an undo history. This is the truth; the canvas only mirrors it.

The image layer is opaque paper or a picture; the sketch layer lies over it and is what brush, eraser and fill work on.
Coordinates are raster pixels, x to the right and y down, and may lie outside the raster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor, ImageDraw

from robust_widgets.trace import Pixels

LayerName = Literal["image", "sketch"]
Box: TypeAlias = tuple[int, int, int, int]
Point: TypeAlias = tuple[float, float, float]
Tool = Literal["brush", "eraser"]

DEFAULT_SIDE = 256
PAPER = 255
FILL_TOLERANCE = 48


@dataclass(frozen=True)
class Change:
    """One undoable change: a rectangle of a layer before and after."""

    layer: LayerName
    box: Box
    before: Pixels
    after: Pixels


@dataclass
class Stroke:
    """A stroke being painted.

    Attributes:
        tool: ``"brush"`` or ``"eraser"``.
        color: red, green, blue.
        size: diameter in raster pixels at full pressure.
        softness: 0 a hard rim, 1 a fall-off from the centre.
        base: the sketch layer before the stroke.
        coverage: how much of the stroke lies on each pixel, 0 to 1; overlaps of one stroke do not add up.
        touched: the rectangle painted so far, or None.
        last: the last point painted.
    """

    tool: Tool
    color: tuple[int, int, int]
    size: float
    softness: float
    base: Pixels
    coverage: npt.NDArray[np.float32]
    touched: Box | None = None
    last: Point | None = None


@dataclass
class Raster:
    """Two square layers of pixels.

    One stroke is painted at a time: any other change settles it, so that the history is in order. If a settled stroke
    is extended after all, it goes on from its last point as a change of its own.

    Attributes:
        side: raster pixels per side.
        image: uint8 (side, side, 3), opaque.
        sketch: uint8 (side, side, 4), straight alpha.
    """

    side: int = DEFAULT_SIDE
    image: Pixels = field(init=False, repr=False)
    sketch: Pixels = field(init=False, repr=False)
    _undo: list[Change] = field(init=False, repr=False, default_factory=list["Change"])
    _redo: list[Change] = field(init=False, repr=False, default_factory=list["Change"])
    _painting: Stroke | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.image = np.full((self.side, self.side, 3), PAPER, dtype=np.uint8)
        self.sketch = np.zeros((self.side, self.side, 4), dtype=np.uint8)

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        return bool(self._redo)

    @property
    def is_blank(self) -> bool:
        """Whether nothing has been painted and no picture brought in."""
        return not self.sketch[..., 3].any() and bool((self.image == PAPER).all())

    def composite(self) -> Pixels:
        """What a person sees: the sketch over the image, uint8 (side, side, 3)."""
        alpha = self.sketch[..., 3:].astype(np.float32) / 255
        mixed = self.image * (1 - alpha) + self.sketch[..., :3] * alpha
        return np.round(mixed).astype(np.uint8)

    def color_at(self, x: float, y: float) -> tuple[int, int, int] | None:
        """The visible colour at a point, or None outside."""
        column, row = int(np.floor(x)), int(np.floor(y))
        if not (0 <= column < self.side and 0 <= row < self.side):
            return None
        red, green, blue = (int(value) for value in self.composite()[row, column])
        return red, green, blue

    def begin(self, tool: Tool, color: str, size: float, softness: float) -> Stroke:
        """Start a stroke; ``color`` as in CSS."""
        rgb = ImageColor.getrgb(color)[:3]
        self._settle()
        coverage = np.zeros((self.side, self.side), dtype=np.float32)
        self._painting = Stroke(tool, rgb, size, softness, self.sketch.copy(), coverage)
        return self._painting

    def extend(self, stroke: Stroke, points: Sequence[Point]) -> Box | None:
        """Paint on through ``points`` (x, y, pressure 0 to 1); returns the rectangle that changed."""
        if points and stroke is not self._painting:
            self._settle()
            stroke.base, stroke.touched = self.sketch.copy(), None
            stroke.coverage[...] = 0
            self._painting = stroke
        changed: Box | None = None
        for point in points:
            box = self._cover(stroke, stroke.last or point, point)
            stroke.last = point
            changed = union(changed, box)
        if changed is None:
            return None
        left, top, right, bottom = changed
        area = (slice(top, bottom), slice(left, right))
        self.sketch[area] = _painted(stroke, stroke.base[area], stroke.coverage[area])
        stroke.touched = union(stroke.touched, changed)
        return changed

    def finish(self, stroke: Stroke) -> bool:
        """End a stroke and make it undoable; False if it never touched the raster, or was settled before."""
        return stroke is self._painting and self._settle()

    def fill(self, x: float, y: float, color: str) -> Box | None:
        """Fill the area of like colour around a point; returns the rectangle that changed, None if outside."""
        column, row = int(np.floor(x)), int(np.floor(y))
        if not (0 <= column < self.side and 0 <= row < self.side):
            return None
        seen = self.composite()
        marker = np.zeros_like(seen)
        distance = np.abs(seen.astype(np.int16) - seen[row, column].astype(np.int16)).sum(axis=2)
        marker[distance <= FILL_TOLERANCE] = 1
        mask_picture = Image.fromarray(marker[..., 0]).copy()
        ImageDraw.floodfill(mask_picture, (column, row), 2)
        area = np.asarray(mask_picture) == 2
        rows, columns = np.flatnonzero(area.any(axis=1)), np.flatnonzero(area.any(axis=0))
        box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        after = self.sketch.copy()
        after[area] = (*ImageColor.getrgb(color)[:3], 255)
        self._apply("sketch", box, after)
        return box

    def clear(self) -> None:
        """Remove all paint from the sketch layer; can be undone."""
        self._apply("sketch", self.whole, np.zeros_like(self.sketch))

    def set_image(self, picture: Pixels) -> None:
        """Lay another picture, uint8 (side, side, 3), under the sketch; can be undone."""
        self._apply("image", self.whole, picture)

    def undo(self) -> Box | None:
        """Take back the last change; returns its rectangle, None if there is none."""
        self._settle()
        return self._step(self._undo, self._redo, forward=False)

    def redo(self) -> Box | None:
        """Make the last change that was taken back again; returns its rectangle, None if there is none."""
        self._settle()
        return self._step(self._redo, self._undo, forward=True)

    @property
    def whole(self) -> Box:
        """The rectangle of the whole raster: left, top, right, bottom."""
        return (0, 0, self.side, self.side)

    def _layer(self, name: LayerName) -> Pixels:
        return self.image if name == "image" else self.sketch

    def _settle(self) -> bool:
        """Make the stroke being painted undoable as far as it is; False if there is none, or it touched nothing."""
        stroke, self._painting = self._painting, None
        if stroke is None or stroke.touched is None:
            return False
        left, top, right, bottom = stroke.touched
        before = stroke.base[top:bottom, left:right].copy()
        self._record(Change("sketch", stroke.touched, before, self.sketch[top:bottom, left:right].copy()))
        return True

    def _apply(self, name: LayerName, box: Box, after: Pixels) -> None:
        self._settle()
        left, top, right, bottom = box
        target = self._layer(name)[top:bottom, left:right]
        new = after[top:bottom, left:right].copy()
        self._record(Change(name, box, target.copy(), new))
        target[...] = new

    def _record(self, change: Change) -> None:
        self._undo.append(change)
        self._redo.clear()

    def _step(self, source: list[Change], target: list[Change], forward: bool) -> Box | None:
        if not source:
            return None
        change = source.pop()
        target.append(change)
        left, top, right, bottom = change.box
        self._layer(change.layer)[top:bottom, left:right] = change.after if forward else change.before
        return change.box

    def _cover(self, stroke: Stroke, first: Point, second: Point) -> Box | None:
        """Lay the stroke's shape along one segment; its rim fades over ``1 + softness * radius`` pixels."""
        radius = stroke.size / 2 * max(first[2], second[2])
        reach = radius + 1
        left = max(0, int(np.floor(min(first[0], second[0]) - reach)))
        top = max(0, int(np.floor(min(first[1], second[1]) - reach)))
        right = min(self.side, int(np.ceil(max(first[0], second[0]) + reach)) + 1)
        bottom = min(self.side, int(np.ceil(max(first[1], second[1]) + reach)) + 1)
        if left >= right or top >= bottom:
            return None
        along, across = second[0] - first[0], second[1] - first[1]
        length_squared = along * along + across * across
        columns = np.arange(left, right, dtype=np.float32) + 0.5 - first[0]
        rows = (np.arange(top, bottom, dtype=np.float32) + 0.5 - first[1])[:, None]
        if length_squared > 0:
            position = np.clip((columns * along + rows * across) / length_squared, 0, 1)
        else:
            position = np.zeros((1, 1), dtype=np.float32)
        distance = np.hypot(columns - position * along, rows - position * across)
        radii = stroke.size / 2 * (first[2] + (second[2] - first[2]) * position)
        shape = np.clip((radii + 0.5 - distance) / (1 + stroke.softness * radii), 0, 1)
        area = stroke.coverage[top:bottom, left:right]
        np.maximum(area, shape, out=area)
        return (left, top, right, bottom)


def union(first: Box | None, second: Box | None) -> Box | None:
    """The smallest rectangle around both."""
    if first is None or second is None:
        return first or second
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        max(first[3], second[3]),
    )


def _painted(stroke: Stroke, base: Pixels, coverage: npt.NDArray[np.float32]) -> Pixels:
    """The layer with the stroke over it ("source over" for the brush, "destination out" for the eraser)."""
    cover = coverage[..., None]
    alpha = base[..., 3:].astype(np.float32) / 255
    if stroke.tool == "eraser":
        left_over = alpha * (1 - cover)
        return np.concatenate([base[..., :3], np.round(left_over * 255).astype(np.uint8)], axis=2)
    total = cover + alpha * (1 - cover)
    color = np.array(stroke.color, dtype=np.float32)
    mixed = (color * cover + base[..., :3] * alpha * (1 - cover)) / np.maximum(total, 1e-6)
    return np.round(np.concatenate([mixed, total * 255], axis=2)).astype(np.uint8)
