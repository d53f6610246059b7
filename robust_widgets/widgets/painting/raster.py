"""The painted pixels: layers, strokes, fills, masks, and their history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ImageColor

from robust_widgets.pictures import Pixels
from robust_widgets.pictures.limits import MAX_COVERED, MAX_STROKE_POINTS
from robust_widgets.widgets.painting.drawing import Drawn, DrawnArea, DrawnLine, Emptied
from robust_widgets.widgets.painting.layers import (
    Box,
    Change,
    History,
    LayerName,
    Mirror,
    PaintLayer,
    Patch,
    Undrawn,
    union,
    within,
)
from robust_widgets.widgets.painting.strokes import (
    Color,
    Coverage,
    Point,
    Stroke,
    Tool,
    area_coverage,
    cover,
    mirrored,
    painted,
    painted_behind,
)

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


DEFAULT_SIDE = 256
PAPER = 255
FILL_TOLERANCE = 48


@dataclass
class Raster:
    """Three square layers of pixels.

    Only one stroke is painted at a time: any other change commits it, so the history stays in order. A stroke that is
    extended after it was committed continues from its last point as a separate change.

    Attributes:
        side: size in raster pixels.
        image: uint8 (side, side, 3), opaque.
        sketch: uint8 (side, side, 4), straight alpha.
        mask: uint8 (side, side), 0 to keep, 255 to paint.
        history: what can be undone and redone.
        hidden: the layers that are not seen in :meth:`composite`.
    """

    side: int = DEFAULT_SIDE
    image: Pixels = field(init=False, repr=False)
    sketch: Pixels = field(init=False, repr=False)
    mask: Pixels = field(init=False, repr=False)
    history: History = field(init=False, repr=False, default_factory=History)
    hidden: frozenset[LayerName] = field(init=False, repr=False, default=frozenset())
    _painting: Stroke | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.image = np.full((self.side, self.side, 3), PAPER, dtype=np.uint8)
        self.sketch = np.zeros((self.side, self.side, 4), dtype=np.uint8)
        self.mask = np.zeros((self.side, self.side), dtype=np.uint8)

    @property
    def can_undo(self) -> bool:
        return self.history.can_undo

    @property
    def can_redo(self) -> bool:
        return self.history.can_redo

    @property
    def is_blank(self) -> bool:
        """Whether nothing was painted and no picture was loaded; the mask does not count."""
        return not self.sketch[..., 3].any() and bool((self.image == PAPER).all())

    @property
    def shows_nothing(self) -> bool:
        """Whether nothing is seen: the canvas is blank, or what is on it is hidden; the mask does not count."""
        return ("sketch" in self.hidden or not self.sketch[..., 3].any()) and (
            "image" in self.hidden or bool((self.image == PAPER).all())
        )

    @property
    def has_mask(self) -> bool:
        """Whether any pixel is masked in :meth:`mask_pixels`."""
        return bool((self.mask > 127).any())

    @property
    def whole(self) -> Box:
        """The rectangle of the whole raster: left, top, right, bottom."""
        return (0, 0, self.side, self.side)

    def composite(self, box: Box | None = None) -> Pixels:
        """The sketch over the image, without what is hidden; uint8 (h, w, 3), by default of the whole raster."""
        area = within(box or self.whole)
        image = np.full_like(self.image[area], PAPER) if "image" in self.hidden else self.image[area]
        if "sketch" in self.hidden:
            return image.copy()
        sketch = self.sketch[area]
        alpha = sketch[..., 3:].astype(np.float32) / 255
        mixed = image * (1 - alpha) + sketch[..., :3] * alpha
        return np.round(mixed).astype(np.uint8)

    def mask_pixels(self) -> Pixels:
        """The mask with a hard edge: uint8 (side, side), 0 or 255."""
        return np.where(self.mask > 127, np.uint8(255), np.uint8(0))

    def color_at(self, x: float, y: float) -> Color | None:
        """The visible colour at a point; None outside."""
        pixel = self._pixel(x, y)
        if pixel is None:
            return None
        column, row = pixel
        red, green, blue = (int(value) for value in self.composite((column, row, column + 1, row + 1))[0, 0])
        return red, green, blue

    def begin(
        self,
        tool: Tool,
        color: str,
        size: float,
        softness: float,
        opacity: float = 1.0,
        layer: PaintLayer = "sketch",
        mirror: Mirror = "none",
    ) -> Stroke:
        """Start a stroke; ``color`` as in CSS."""
        self._commit()
        coverage = np.zeros((self.side, self.side), dtype=np.float32)
        base = self._layers[layer].copy()
        self._painting = Stroke(tool, _rgb(color), size, softness, opacity, layer, base, coverage, mirror=mirror)
        return self._painting

    def extend(self, stroke: Stroke, points: Sequence[Point]) -> Box | None:
        """Continue through ``points`` (x, y, pressure 0 to 1); returns the changed rectangle.

        Points are left out at the end if painting all of them would take seconds, as no hand makes it.
        """
        target = self._layers[stroke.layer]
        if points and stroke is not self._painting:
            self._commit()
            stroke.base, stroke.touched = target.copy(), None
            stroke.coverage[...] = 0
            del stroke.points[:-1]  # it goes on from there
            self._painting = stroke
        changed: Box | None = None
        left = MAX_COVERED
        for point in points:
            box = cover(stroke, stroke.last or point, point)
            changed, stroke.last = union(changed, box), point
            stroke.points.append(point)
            if len(stroke.points) > MAX_STROKE_POINTS:
                del stroke.points[1:-1:2]
            left -= 0 if box is None else (box[2] - box[0]) * (box[3] - box[1])
            if left < 0:
                break
        if changed is None:
            return None
        area = within(changed)
        target[area] = painted(stroke.tool, stroke.color, stroke.base[area], stroke.coverage[area] * stroke.opacity)
        stroke.touched = union(stroke.touched, changed)
        return changed

    def finish(self, stroke: Stroke) -> bool:
        """End a stroke and add it to the history; False if it never touched the raster, or was committed before."""
        return stroke is self._painting and self._commit()

    def paint_area(
        self,
        corners: Sequence[tuple[float, float]],
        color: str,
        opacity: float = 1.0,
        layer: PaintLayer = "sketch",
        mirror: Mirror = "none",
    ) -> Box | None:
        """Fill a polygon and its images; returns the changed rectangle, None if it is outside."""
        if len(corners) < 3:
            return None
        images = mirrored(corners, mirror, self.side)
        coverages = [area_coverage([(x, y) for x, y in image], self.side) for image in images]
        places = tuple((float(x), float(y)) for x, y in corners)
        drawn = DrawnArea(_rgb(color), opacity, mirror, places)
        return self._paint(np.maximum.reduce(coverages), color, opacity, layer, drawn)

    def fill(self, x: float, y: float, color: str, opacity: float = 1.0, layer: PaintLayer = "sketch") -> Box | None:
        """Fill the area of similar colour around a point; returns the changed rectangle, None if outside.

        On the sketch, the colour also goes under the soft edges of the surrounding paint, to leave no pale rim. On the
        mask, the area ends where the colour or the mask changes.
        """
        pixel = self._pixel(x, y)
        if pixel is None:
            return None
        column, row = pixel
        seen = self.composite().astype(np.int16)
        like = np.abs(seen - seen[row, column]).sum(axis=2) <= FILL_TOLERANCE
        if layer == "mask":
            like &= (self.mask > 127) == (self.mask[row, column] > 127)
        area = flood_fill(like, column, row)
        under = feather(area, self.sketch[..., 3]) if layer == "sketch" else None
        return self._paint(area.astype(np.float32), color, opacity, layer, Undrawn("fill"), under)

    def clear(self) -> None:
        """Remove all paint from the sketch layer; can be undone."""
        self._apply({"sketch": np.zeros_like(self.sketch)}, drawn=(Emptied(),))

    def begin_with(self, sketch: Pixels) -> None:
        """Make a drawing, uint8 (side, side, 4), the whole painting, on white paper, as one change."""
        drawn = (Emptied(), Undrawn("pixels"))
        self._apply({"image": np.full_like(self.image, PAPER), "sketch": sketch}, drawn=drawn)

    def set_image(self, picture: Pixels) -> None:
        """Set the picture under the sketch, uint8 (side, side, 3); can be undone."""
        self._apply({"image": picture})

    def flatten(self, picture: Pixels | None = None) -> None:
        """Make a picture, by default the composite, the image under an empty sketch, as one change."""
        self._commit()
        picture = self.composite() if picture is None else picture
        self._apply({"image": picture, "sketch": np.zeros_like(self.sketch)}, drawn=(Emptied(),))

    def set_mask(self, mask: Pixels) -> None:
        """Set the mask, uint8 (side, side); can be undone."""
        self._apply({"mask": mask})

    def clear_mask(self) -> None:
        """Clear the mask; can be undone."""
        self._apply({"mask": np.zeros_like(self.mask)})

    def invert_mask(self) -> None:
        """Invert the mask; can be undone."""
        self._commit()
        self._apply({"mask": 255 - self.mask})

    def undo(self) -> Change | None:
        """Undo the last change; None if there is none."""
        self._commit()
        return self.history.undo(self._layers)

    def redo(self) -> Change | None:
        """Redo the last change that was undone; None if there is none."""
        self._commit()
        return self.history.redo(self._layers)

    def drawn(self) -> list[Drawn]:
        """What is on the sketch, as lines and areas, oldest first."""
        self._commit()
        return self.history.drawn

    @property
    def _layers(self) -> dict[LayerName, Pixels]:
        return {"image": self.image, "sketch": self.sketch, "mask": self.mask}

    def _pixel(self, x: float, y: float) -> tuple[int, int] | None:
        column, row = int(np.floor(x)), int(np.floor(y))
        return (column, row) if 0 <= column < self.side and 0 <= row < self.side else None

    def _commit(self) -> bool:
        """Add the current stroke to the history; False if there is none, or it touched nothing."""
        stroke, self._painting = self._painting, None
        if stroke is None or stroke.touched is None:
            return False
        area = within(stroke.touched)
        after = self._layers[stroke.layer][area]
        patch = Patch.between(stroke.layer, stroke.touched, stroke.base[area], after)
        line = DrawnLine(
            stroke.tool,
            stroke.color,
            stroke.size,
            stroke.softness,
            stroke.opacity,
            stroke.mirror,
            tuple(stroke.points),
        )
        self.history.record(Change((patch,), (line,) if stroke.layer == "sketch" else ()))
        return True

    def _paint(
        self,
        coverage: Coverage,
        color: str,
        opacity: float,
        layer: PaintLayer,
        drawn: Drawn,
        under: Area | None = None,
    ) -> Box | None:
        """Paint each pixel by its coverage, and the pixels of ``under`` beneath the existing paint."""
        self._commit()
        touched = coverage > 0 if under is None else (coverage > 0) | under
        rows, columns = np.flatnonzero(touched.any(axis=1)), np.flatnonzero(touched.any(axis=0))
        if not len(rows):
            return None
        box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        area = within(box)
        after = self._layers[layer].copy()
        after[area] = painted("brush", _rgb(color), after[area], coverage[area] * opacity)
        if under is not None:
            after[under] = painted_behind(_rgb(color), after[under], np.full(under.sum(), opacity, np.float32))
        self._apply({layer: after}, box, (drawn,) if layer == "sketch" else ())
        return box

    def _apply(self, after: Mapping[LayerName, Pixels], box: Box | None = None, drawn: tuple[Drawn, ...] = ()) -> None:
        """Replace a rectangle of some layers, by default all of them, as one change."""
        self._commit()
        box = box or self.whole
        area = within(box)
        patches: list[Patch] = []
        for name, pixels in after.items():
            target = self._layers[name][area]
            patches.append(Patch.between(name, box, target, pixels[area]))
            target[...] = pixels[area]
        self.history.record(Change(tuple(patches), drawn))


def _rgb(color: str) -> Color:
    red, green, blue = ImageColor.getrgb(color)[:3]
    return red, green, blue
