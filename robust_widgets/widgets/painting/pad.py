"""The pad: a transparent layer over the drawing canvas that listens to mouse, pen, finger, keys and dropped pictures.

It shows ink in the browser at once and tells Python what was done; Python paints for good and answers `Pad.painted`.
Coordinates are raster units: 0 to `Pad.side` from the left and from the top; they may lie outside.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

import anywidget
import traitlets as t

logger = logging.getLogger(__name__)

Tool: TypeAlias = Literal["brush", "eraser", "fill", "eyedropper"]
Phase: TypeAlias = Literal["begin", "move", "end"]
Action: TypeAlias = Literal["undo", "redo", "run", "stop", "smaller", "larger", "brush", "eraser", "fill", "eyedropper"]
Point: TypeAlias = tuple[float, float, float]

STATIC = Path(__file__).parents[2] / "static"
FARTHEST = 1e6
MOST_POINTS = 10_000
LARGEST_PICTURE = 10 * 1024 * 1024
LONGEST_TEXT = 200


@dataclass(frozen=True)
class HelloEvent:
    """A browser shows the pad, for the first time or again: redraw the canvas."""


@dataclass(frozen=True)
class StrokeEvent:
    """A part of a stroke.

    Attributes:
        id: the stroke's number; give it back to `Pad.painted` after the end.
        phase: "begin", "move" (any number of times) or "end".
        points: the new points as (x, y, pressure in 0..1); may be empty at the end.
    """

    id: int
    phase: Phase
    points: tuple[Point, ...]


@dataclass(frozen=True)
class FillEvent:
    """A click with the fill tool."""

    point: tuple[float, float]


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
    """A picture that was dropped or pasted: a PNG or JPEG file of at most 1024 pixels a side."""

    name: str
    data: bytes


@dataclass(frozen=True)
class RefusedEvent:
    """Something was dropped or pasted that the browser cannot read as a picture."""

    name: str
    reason: str


PadEvent: TypeAlias = HelloEvent | StrokeEvent | FillEvent | PickEvent | ActionEvent | PictureEvent | RefusedEvent


class Pad(anywidget.AnyWidget):
    """A transparent square that listens; lay it over a canvas of the same size.

    Attributes:
        side: raster units a side.
        display_side: CSS pixels a side.
        tool: "brush", "eraser", "fill" or "eyedropper".
        color: the ink, "#rrggbb".
        brush_size: the brush's diameter in raster units.
        softness: 0 for a hard edge, 1 for one that falls off from the centre to the rim.
        label: what a screen reader calls the pad.
    """

    _esm = STATIC / "pad.js"
    _css = STATIC / "pad.css"

    side = t.Int(256, min=1, max=4096).tag(sync=True)
    display_side = t.Int(320, min=1).tag(sync=True)
    tool = t.Enum(list(get_args(Tool)), default_value="brush").tag(sync=True)
    color = t.Unicode("#000000").tag(sync=True)
    brush_size = t.Float(24.0, min=0.5).tag(sync=True)
    softness = t.Float(0.0, min=0.0, max=1.0).tag(sync=True)
    label = t.Unicode("Drawing surface").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._callbacks: tuple[Callable[[PadEvent], object], ...] = ()
        self.on_msg(self._receive)

    @t.validate("color")
    def _check_color(self, proposal: Mapping[str, Any]) -> str:
        color = str(proposal["value"]).lower()
        if not re.fullmatch(r"#[0-9a-f]{6}", color):
            raise t.TraitError(f"{proposal['value']!r} is not a colour; write it as '#rrggbb', such as '#e0aa20'.")
        return color

    def on_event(self, callback: Callable[[PadEvent], object]) -> Callable[[], None]:
        """Call ``callback(event)`` for all that is done on the pad; the answer is a function that ends this.

        Callbacks may run on any thread and should return at once. An exception in one is logged, not raised.
        """
        self._callbacks = (*self._callbacks, callback)

        def remove() -> None:
            self._callbacks = tuple(other for other in self._callbacks if other is not callback)

        return remove

    def painted(self, id: int) -> None:
        """Say that stroke ``id`` is on the canvas, so that the browser takes its own ink of it away."""
        self.send({"kind": "painted", "id": id})

    def clear_ink(self) -> None:
        """Take all of the browser's own ink away."""
        self.send({"kind": "clear"})

    def _receive(self, _widget: object, content: object, buffers: Sequence[Any]) -> None:
        event = parse_event(content, buffers)
        if event is None:
            logger.debug("ignored a malformed message of the pad: %.200r", content)
            return
        for callback in self._callbacks:
            try:
                callback(event)
            except Exception:
                logger.exception("a callback of the pad failed on %s", type(event).__name__)


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
        case "fill":
            point = _numbers(message.get("point"), 2)
            return None if point is None else FillEvent((point[0], point[1]))
        case "pick":
            point = _numbers(message.get("point"), 2)
            return None if point is None else PickEvent((point[0], point[1]))
        case "action":
            name = message.get("name")
            return ActionEvent(cast("Action", name)) if name in get_args(Action) else None
        case "picture":
            return _picture(message, buffers)
        case "refused":
            name, reason = message.get("name"), message.get("reason")
            if isinstance(name, str) and isinstance(reason, str):
                return RefusedEvent(name[:LONGEST_TEXT], reason[:LONGEST_TEXT])
            return None
        case _:
            return None


def _stroke(message: Mapping[str, object]) -> StrokeEvent | None:
    id, phase, raw = message.get("id"), message.get("phase"), message.get("points")
    if not isinstance(id, int) or isinstance(id, bool) or phase not in get_args(Phase):
        return None
    if not isinstance(raw, list):
        return None
    rows = cast("list[object]", raw)
    if len(rows) > MOST_POINTS or (phase == "begin" and not rows):
        return None
    points: list[Point] = []
    for row in rows:
        numbers = _numbers(row, 3)
        if numbers is None:
            return None
        x, y, pressure = numbers
        points.append((x, y, min(1.0, max(0.0, pressure))))
    return StrokeEvent(id, cast("Phase", phase), tuple(points))


def _picture(message: Mapping[str, object], buffers: Sequence[Any]) -> PictureEvent | None:
    name = message.get("name")
    if not isinstance(name, str) or len(buffers) != 1:
        return None
    if not isinstance(buffers[0], (bytes, bytearray, memoryview)):
        return None
    data = bytes(cast("bytes", buffers[0]))
    return PictureEvent(name[:LONGEST_TEXT], data) if 0 < len(data) <= LARGEST_PICTURE else None


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
