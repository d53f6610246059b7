"""What the pad tells: its messages, checked and turned into events.

Coordinates are raster units: 0 to the pad's side from the left and from the top; they may lie outside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast, get_args

from robust_widgets.widgets.painting.layers import PaintLayer
from robust_widgets.widgets.painting.strokes import Point, Tool

PadTool: TypeAlias = Literal["brush", "eraser", "line", "rectangle", "lasso", "fill", "eyedropper"]
Phase: TypeAlias = Literal["begin", "move", "end"]
Action: TypeAlias = Literal["undo", "redo", "run", "stop", "smaller", "larger", "layer", "invert"] | PadTool

ACTIONS: tuple[str, ...] = (
    *("undo", "redo", "run", "stop", "smaller", "larger", "layer", "invert"),
    *get_args(PadTool),
)
FARTHEST = 1e6
MOST_POINTS = 10_000
MOST_CORNERS = 2_000
WIDEST_BRUSH = 4096
LARGEST_PICTURE = 10 * 1024 * 1024
LONGEST_TEXT = 200


@dataclass(frozen=True)
class Brush:
    """What is painted with.

    Attributes:
        tool: whether it adds or takes away.
        color: the ink, "#rrggbb".
        size: diameter in raster units.
        softness, opacity: 0 to 1.
        layer: what is painted on.
    """

    tool: Tool
    color: str
    size: float
    softness: float
    opacity: float
    layer: PaintLayer


@dataclass(frozen=True)
class HelloEvent:
    """A browser shows the pad, for the first time or again: redraw the canvas."""


@dataclass(frozen=True)
class StrokeEvent:
    """A part of a stroke, or all of it.

    Attributes:
        id: the stroke's number; give it back to `Pad.painted` after the end.
        phase: "begin", "move" (any number of times) or "end"; a stroke that ends without having begun is whole.
        points: the new points as (x, y, pressure in 0..1); may be empty at the end.
        brush: what the browser showed it with; None is what the pad is set to.
    """

    id: int
    phase: Phase
    points: tuple[Point, ...]
    brush: Brush | None = None


@dataclass(frozen=True)
class AreaEvent:
    """A rectangle or a lasso: the corners of an area to paint; ``id`` and ``brush`` as in a stroke."""

    id: int
    corners: tuple[tuple[float, float], ...]
    brush: Brush | None = None


@dataclass(frozen=True)
class FillEvent:
    """A click with the fill tool."""

    point: tuple[float, float]
    brush: Brush | None = None


@dataclass(frozen=True)
class PickEvent:
    """A click with the eyedropper, or with Alt held."""

    point: tuple[float, float]


@dataclass(frozen=True)
class ActionEvent:
    """A keyboard shortcut."""

    name: Action


@dataclass(frozen=True)
class PictureEvent:
    """A picture that was chosen, dropped or pasted: a PNG or JPEG file of at most 1024 pixels a side."""

    name: str
    data: bytes


@dataclass(frozen=True)
class RefusedEvent:
    """Something was chosen, dropped or pasted that the browser cannot read as a picture."""

    name: str
    reason: str


PadEvent: TypeAlias = (
    HelloEvent | StrokeEvent | AreaEvent | FillEvent | PickEvent | ActionEvent | PictureEvent | RefusedEvent
)


def parse_event(content: object, buffers: Sequence[Any] = ()) -> PadEvent | None:
    """The event that a message of the browser stands for, or None if the message is malformed."""
    if not isinstance(content, Mapping):
        return None
    message = cast("Mapping[str, object]", content)
    match message.get("kind"):
        case "hello":
            return HelloEvent()
        case "stroke":
            return _stroke(message)
        case "area":
            return _area(message)
        case "fill":
            point = _numbers(message.get("point"), 2)
            return None if point is None else FillEvent((point[0], point[1]), _brush(message.get("brush")))
        case "pick":
            point = _numbers(message.get("point"), 2)
            return None if point is None else PickEvent((point[0], point[1]))
        case "action":
            name = message.get("name")
            return ActionEvent(cast("Action", name)) if name in ACTIONS else None
        case "picture":
            return _picture(message, buffers)
        case "refused":
            name, reason = message.get("name"), message.get("reason")
            if isinstance(name, str) and isinstance(reason, str):
                return RefusedEvent(name[:LONGEST_TEXT], reason[:LONGEST_TEXT])
            return None
        case _:
            return None


def is_color(text: object) -> bool:
    """Whether a text is a colour as the pad has them: "#rrggbb" in lower case."""
    return isinstance(text, str) and re.fullmatch(r"#[0-9a-f]{6}", text) is not None


def _stroke(message: Mapping[str, object]) -> StrokeEvent | None:
    id, phase = _id(message), message.get("phase")
    rows = _rows(message.get("points"), 3, MOST_POINTS)
    if id is None or phase not in get_args(Phase) or rows is None or (phase == "begin" and not rows):
        return None
    points = tuple((x, y, min(1.0, max(0.0, pressure))) for x, y, pressure in rows)
    return StrokeEvent(id, cast("Phase", phase), points, _brush(message.get("brush")))


def _area(message: Mapping[str, object]) -> AreaEvent | None:
    id, rows = _id(message), _rows(message.get("corners"), 2, MOST_CORNERS)
    if id is None or rows is None or len(rows) < 3:
        return None
    return AreaEvent(id, tuple((x, y) for x, y in rows), _brush(message.get("brush")))


def _brush(raw: object) -> Brush | None:
    """The brush that a message names, or None if it names none that can be used."""
    if not isinstance(raw, Mapping):
        return None
    given = cast("Mapping[str, object]", raw)
    tool, color, layer = given.get("tool"), given.get("color"), given.get("layer")
    numbers = _numbers([given.get("size"), given.get("softness"), given.get("opacity")], 3)
    if tool not in get_args(Tool) or layer not in get_args(PaintLayer) or not is_color(color) or numbers is None:
        return None
    size, softness, opacity = numbers
    if not (0 < size <= WIDEST_BRUSH and 0 <= softness <= 1 and 0 <= opacity <= 1):
        return None
    return Brush(cast("Tool", tool), str(color), size, softness, opacity, cast("PaintLayer", layer))


def _picture(message: Mapping[str, object], buffers: Sequence[Any]) -> PictureEvent | None:
    name = message.get("name")
    if not isinstance(name, str) or len(buffers) != 1:
        return None
    if not isinstance(buffers[0], (bytes, bytearray, memoryview)):
        return None
    data = bytes(cast("bytes", buffers[0]))
    return PictureEvent(name[:LONGEST_TEXT], data) if 0 < len(data) <= LARGEST_PICTURE else None


def _id(message: Mapping[str, object]) -> int | None:
    id = message.get("id")
    return id if isinstance(id, int) and not isinstance(id, bool) else None


def _rows(raw: object, count: int, most: int) -> list[tuple[float, ...]] | None:
    """At most ``most`` rows of ``count`` numbers, or None."""
    if not isinstance(raw, list):
        return None
    given = cast("list[object]", raw)
    if len(given) > most:
        return None
    rows: list[tuple[float, ...]] = []
    for row in given:
        numbers = _numbers(row, count)
        if numbers is None:
            return None
        rows.append(numbers)
    return rows


def _numbers(raw: object, count: int) -> tuple[float, ...] | None:
    """``count`` finite numbers of a sensible size, or None."""
    if not isinstance(raw, list):
        return None
    values = cast("list[object]", raw)
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(values) != count or len(numbers) != count:
        return None
    # Compared before any conversion: a whole number too large for a float must not raise. NaN compares false.
    return tuple(float(n) for n in numbers) if all(-FARTHEST <= n <= FARTHEST for n in numbers) else None
