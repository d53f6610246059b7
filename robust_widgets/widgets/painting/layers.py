"""The layers of a painting, rectangles on them, and the undo history."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from robust_widgets.pictures import Pixels
from robust_widgets.pictures.limits import MAX_DRAWN, MAX_HISTORY

if TYPE_CHECKING:
    from robust_widgets.widgets.painting.drawing import Drawn

POINT_BYTES = 150  # a tuple of floats

LayerName: TypeAlias = Literal["image", "sketch", "mask"]
PaintLayer: TypeAlias = Literal["sketch", "mask"]
# Where paint is repeated: across the vertical middle line (x), the horizontal one (y), or both.
Mirror: TypeAlias = Literal["none", "x", "y", "both"]
Box: TypeAlias = tuple[int, int, int, int]


def union(first: Box | None, second: Box | None) -> Box | None:
    """The smallest rectangle that contains both."""
    if first is None or second is None:
        return first or second
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        max(first[3], second[3]),
    )


def within(box: Box) -> tuple[slice, slice]:
    """A rectangle (left, top, right, bottom) as an index into a layer."""
    left, top, right, bottom = box
    return slice(top, bottom), slice(left, right)


@dataclass(frozen=True)
class Patch:
    """A changed rectangle of one layer, as the compressed XOR of before and after.

    Applied to the layer, it turns before into after and after into before.
    """

    layer: LayerName
    box: Box
    difference: bytes

    @classmethod
    def between(cls, layer: LayerName, box: Box, before: Pixels, after: Pixels) -> Patch:
        return cls(layer, box, zlib.compress((before ^ after).tobytes(), 1))

    def toggle(self, layer: Pixels) -> None:
        """Swap before and after on the layer."""
        target = layer[within(self.box)]
        target ^= np.frombuffer(zlib.decompress(self.difference), np.uint8).reshape(target.shape)


@dataclass(frozen=True)
class Undrawn:
    """Paint that has no outline: a fill, or what is known as pixels only."""

    what: Literal["fill", "pixels"]


def point_count(item: Drawn) -> int:
    """The number of points of what was painted."""
    return len(getattr(item, "points", ())) + len(getattr(item, "corners", ()))


@dataclass(frozen=True)
class Change:
    """What one undo reverts.

    Attributes:
        patches: what it changed.
        drawn: what it painted, as lines and areas.
    """

    patches: tuple[Patch, ...]
    drawn: tuple[Drawn, ...] = ()

    @property
    def box(self) -> Box:
        """The rectangle that contains all changes."""
        boxes = [patch.box for patch in self.patches]
        return reduce(lambda first, second: union(first, second) or first, boxes)

    @property
    def size(self) -> int:
        """Memory in bytes."""
        points = sum(point_count(item) for item in self.drawn)
        return sum(len(patch.difference) for patch in self.patches) + POINT_BYTES * points

    @property
    def layers(self) -> frozenset[LayerName]:
        return frozenset(patch.layer for patch in self.patches)


class History:
    """Changes that can be undone, and those that can be redone."""

    def __init__(self) -> None:
        self._earlier: list[Drawn] = []
        self._done: list[Change] = []
        self._undone: list[Change] = []

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    @property
    def drawn(self) -> list[Drawn]:
        """What was painted and not undone, oldest first; of very much, the newest."""
        return [*self._earlier, *(item for change in self._done for item in change.drawn)]

    def keep(self, drawn: Iterable[Drawn]) -> None:
        """Add what was painted before the first change that can be undone."""
        self._earlier.extend(drawn)
        points, count = 0, 0
        for item in reversed(self._earlier):
            points += 1 + point_count(item)
            if points > MAX_DRAWN:
                break
            count += 1
        if count < len(self._earlier):
            self._earlier = [Undrawn("pixels"), *self._earlier[len(self._earlier) - count :]]

    @property
    def size(self) -> int:
        """Memory in bytes."""
        return sum(change.size for change in self._done + self._undone)

    def record(self, change: Change) -> None:
        """Add a change that was just made. The oldest are forgotten when they take too much memory."""
        self._done.append(change)
        self._undone.clear()
        while self.size > MAX_HISTORY and len(self._done) > 1:
            count = 1 + len(self._done) // 10
            self.keep(item for change in self._done[:count] for item in change.drawn)
            del self._done[:count]

    def undo(self, layers: Mapping[LayerName, Pixels]) -> Change | None:
        """Undo the last change; None if there is none."""
        return self._move(self._done, self._undone, layers)

    def redo(self, layers: Mapping[LayerName, Pixels]) -> Change | None:
        """Redo the last change that was undone; None if there is none."""
        return self._move(self._undone, self._done, layers)

    def _move(self, source: list[Change], target: list[Change], layers: Mapping[LayerName, Pixels]) -> Change | None:
        if not source:
            return None
        change = source.pop()
        for patch in change.patches:
            patch.toggle(layers[patch.layer])
        target.append(change)
        return change
