"""The events of the pad, parsed from its messages.

Coordinates are raster units, 0 to the pad's side, from the left and from the top; they may lie outside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast, get_args

from robust_widgets.pictures.limits import (
    LONGEST_ADDRESS,
    MAX_BRUSH_SIZE,
    MAX_COORDINATE,
    MAX_CORNERS,
    MAX_MESSAGE_PICTURE,
    MAX_NUMBER,
    MAX_POINTS,
    MAX_TEXT_LENGTH,
)
from robust_widgets.widgets.page_widget import HelloEvent, Message
from robust_widgets.widgets.painting.layers import Mirror, PaintLayer
from robust_widgets.widgets.painting.strokes import Pressure, Tool

PadTool: TypeAlias = Literal["brush", "eraser", "line", "rectangle", "lasso", "fill", "eyedropper"]
Phase: TypeAlias = Literal["begin", "move", "end"]
Action: TypeAlias = Literal["undo", "redo", "run", "stop", "smaller", "larger", "layer", "invert"] | PadTool

# Left, top, width and height.
Rectangle: TypeAlias = tuple[float, float, float, float]

ACTIONS: tuple[str, ...] = (
    *("undo", "redo", "run", "stop", "smaller", "larger", "layer", "invert"),
    *get_args(PadTool),
)


@dataclass(frozen=True)
class Brush:
    """The brush of a stroke.

    Attributes:
        tool: whether it adds or removes paint.
        color: "#rrggbb".
        size: diameter in raster units.
        softness, opacity: 0 to 1.
        layer: the layer painted on.
        mirror: where the paint is repeated.
        pressure: what the pressure of a pen sets.
    """

    tool: Tool
    color: str
    size: float
    softness: float
    opacity: float
    layer: PaintLayer
    mirror: Mirror = "none"
    pressure: Pressure = "size"


@dataclass(frozen=True)
class StrokeEvent:
    """A part of a stroke, or a whole stroke.

    Attributes:
        id: the stroke's number; pass it to `Pad.painted` after the end.
        phase: "begin", "move" (any number of times) or "end"; an "end" without a "begin" is a whole stroke.
        points: the new points as (x, y, pressure in 0..1); may be empty at the end.
        brush: the brush that the page showed; None is the pad's brush.
    """

    id: int
    phase: Phase
    points: tuple[tuple[float, float, float], ...]
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
    """A keyboard shortcut was pressed."""

    name: Action


@dataclass(frozen=True)
class PictureEvent:
    """A picture was chosen, dropped or pasted, and placed: a PNG or JPEG file of at most 1024 x 1024 pixels.

    Attributes:
        place: its left, top, width and height; None is its middle square over the whole canvas.
    """

    name: str
    data: bytes
    place: Rectangle | None = None


@dataclass(frozen=True)
class RefusedEvent:
    """Something was chosen, dropped or pasted that the browser cannot read as a picture."""

    name: str
    reason: str


@dataclass(frozen=True)
class AddressEvent:
    """The address of a picture was dropped or pasted."""

    address: str


PadEvent: TypeAlias = (
    HelloEvent
    | StrokeEvent
    | AreaEvent
    | FillEvent
    | PickEvent
    | ActionEvent
    | PictureEvent
    | RefusedEvent
    | AddressEvent
)


def parse_event(message: Message, buffers: Sequence[Any] = ()) -> PadEvent | None:
    """The event of a message, or None if the message is malformed."""
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
        case "address":
            address = message.get("address")
            return AddressEvent(address) if isinstance(address, str) and len(address) <= LONGEST_ADDRESS else None
        case "refused":
            name, reason = message.get("name"), message.get("reason")
            if isinstance(name, str) and isinstance(reason, str):
                return RefusedEvent(name[:MAX_TEXT_LENGTH], reason[:MAX_TEXT_LENGTH])
            return None
        case _:
            return None


def is_color(text: object) -> bool:
    """Whether a value is a colour in the pad's format: "#rrggbb" in lower case."""
    return isinstance(text, str) and re.fullmatch(r"#[0-9a-f]{6}", text) is not None


def _stroke(message: Message) -> StrokeEvent | None:
    id, phase = _id(message), message.get("phase")
    rows = _rows(message.get("points"), 3, MAX_POINTS)
    if id is None or phase not in get_args(Phase) or rows is None or (phase == "begin" and not rows):
        return None
    points = tuple((x, y, min(1.0, max(0.0, pressure))) for x, y, pressure in rows)
    return StrokeEvent(id, cast("Phase", phase), points, _brush(message.get("brush")))


def _area(message: Message) -> AreaEvent | None:
    id, rows = _id(message), _rows(message.get("corners"), 2, MAX_CORNERS)
    if id is None or rows is None or len(rows) < 3:
        return None
    return AreaEvent(id, tuple((x, y) for x, y in rows), _brush(message.get("brush")))


def _brush(raw: object) -> Brush | None:
    """The brush in a message, or None if it is missing or invalid."""
    if not isinstance(raw, Mapping):
        return None
    fields = cast("Message", raw)
    tool, color, layer = fields.get("tool"), fields.get("color"), fields.get("layer")
    mirror, pressure = fields.get("mirror", "none"), fields.get("pressure", "size")
    numbers = _numbers([fields.get("size"), fields.get("softness"), fields.get("opacity")], 3)
    if tool not in get_args(Tool) or layer not in get_args(PaintLayer) or not is_color(color) or numbers is None:
        return None
    if mirror not in get_args(Mirror) or pressure not in get_args(Pressure):
        return None
    size, softness, opacity = numbers
    if not (0 < size <= MAX_BRUSH_SIZE and 0 <= softness <= 1 and 0 <= opacity <= 1):
        return None
    return Brush(
        cast("Tool", tool),
        str(color),
        size,
        softness,
        opacity,
        cast("PaintLayer", layer),
        cast("Mirror", mirror),
        cast("Pressure", pressure),
    )


def _picture(message: Message, buffers: Sequence[Any]) -> PictureEvent | None:
    name = message.get("name")
    if not isinstance(name, str) or len(buffers) != 1:
        return None
    if not isinstance(buffers[0], (bytes, bytearray, memoryview)):
        return None
    size = memoryview(cast("bytes", buffers[0])).nbytes
    if not 0 < size <= MAX_MESSAGE_PICTURE:
        return None
    place = message.get("place")
    if place is None:
        return PictureEvent(name[:MAX_TEXT_LENGTH], bytes(buffers[0]))
    numbers = _numbers(place, 4)
    if numbers is None or numbers[2] <= 0 or numbers[3] <= 0:
        return None
    return PictureEvent(name[:MAX_TEXT_LENGTH], bytes(buffers[0]), (numbers[0], numbers[1], numbers[2], numbers[3]))


def _id(message: Message) -> int | None:
    id = message.get("id")
    return id if isinstance(id, int) and not isinstance(id, bool) and abs(id) <= MAX_NUMBER else None


def _rows(raw: object, count: int, most: int) -> list[tuple[float, ...]] | None:
    """At most ``most`` rows of ``count`` numbers, or None."""
    if not isinstance(raw, list):
        return None
    items = cast("list[object]", raw)
    if len(items) > most:
        return None
    rows: list[tuple[float, ...]] = []
    for row in items:
        numbers = _numbers(row, count)
        if numbers is None:
            return None
        rows.append(numbers)
    return rows


def _numbers(raw: object, count: int) -> tuple[float, ...] | None:
    """``count`` finite numbers of at most `MAX_COORDINATE`, or None."""
    if not isinstance(raw, list):
        return None
    values = cast("list[object]", raw)
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(values) != count or len(numbers) != count:
        return None
    # Compare before converting: an int too large for a float must not raise. NaN compares false.
    return tuple(float(n) for n in numbers) if all(-MAX_COORDINATE <= n <= MAX_COORDINATE for n in numbers) else None
