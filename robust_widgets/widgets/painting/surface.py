"""The painting surface: a raster, the canvas that shows it, and the pad that listens, in one place on the page."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import ipywidgets
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from robust_widgets.errors import PictureError
from robust_widgets.trace import Pixels
from robust_widgets.widgets.controls import SIDE
from robust_widgets.widgets.notice import Notice
from robust_widgets.widgets.painting.canvas import RasterCanvas
from robust_widgets.widgets.painting.pad import (
    ActionEvent,
    FillEvent,
    HelloEvent,
    Pad,
    PadEvent,
    PickEvent,
    PictureEvent,
    Point,
    RefusedEvent,
    StrokeEvent,
)
from robust_widgets.widgets.painting.raster import DEFAULT_SIDE, Box, Raster, Stroke

FAINTEST_WIDTH = 0.3


class Surface:
    """Paints what the pad tells into the raster, and shows it.

    Handlers may be called on any thread; a lock keeps the raster whole.

    Args:
        notice: where errors are said.
        side: raster pixels per side.
        display_side: CSS pixels per side.
    """

    def __init__(self, notice: Notice, side: int = DEFAULT_SIDE, display_side: int = SIDE) -> None:
        self.raster = Raster(side)
        self.canvas = RasterCanvas(side, display_side)
        self.pad = Pad(side=side, display_side=display_side, label="Painting canvas")
        self._notice = notice
        self._lock = threading.RLock()
        self._strokes: dict[int, Stroke] = {}
        self._on_change: list[Callable[[], object]] = []
        self._on_action: list[Callable[[str], object]] = []
        self.pad.on_event(notice.guard(self._handle))
        for child in (self.canvas.widget, self.pad):
            child.layout.grid_area = "1 / 1 / 2 / 2"
            child.layout.margin = "0"
        self.widget = ipywidgets.GridBox(
            [self.canvas.widget, self.pad],
            layout={
                "width": f"{display_side + 2}px",
                "height": f"{display_side + 2}px",
                "border": "1px solid var(--jp-border-color1, #999)",
                "grid_template_columns": f"{display_side}px",
                "grid_template_rows": f"{display_side}px",
                "overflow": "hidden",
                "flex": "0 0 auto",
            },
        )
        self.canvas.draw(self.raster)

    def on_change(self, callback: Callable[[], object]) -> None:
        """Call back after each finished change of the painting (a whole stroke, a fill, undo, a new picture)."""
        self._on_change.append(callback)

    def on_action(self, callback: Callable[[str], object]) -> None:
        """Call back with the name of a keyboard action that is not the surface's own: "run", "stop", a tool's name."""
        self._on_action.append(callback)

    def picture(self) -> Pixels:
        """What is painted, uint8 (side, side, 3)."""
        with self._lock:
            return self.raster.composite()

    def set_picture(self, picture: Pixels) -> None:
        """Lay a picture, uint8 (h, w, 3), under the sketch: its middle square, scaled to the canvas; can be undone."""
        with self._lock:
            self.raster.set_image(_square(Image.fromarray(picture), self.raster.side))
        self._changed(self.raster.whole)

    def restore(self, raster: Raster) -> None:
        """Go on with another raster of the same side, its history included."""
        with self._lock:
            self.raster = raster
        self.canvas.draw(raster)

    def undo(self) -> None:
        """Take back the last change."""
        self._change(self.raster.undo)

    def redo(self) -> None:
        """Make the change taken back last again."""
        self._change(self.raster.redo)

    def clear(self) -> None:
        """Remove all paint, leaving the picture under it; can be undone."""
        with self._lock:
            self._strokes.clear()
            self.raster.clear()
        self.pad.clear_ink()
        self._changed(self.raster.whole)

    def _change(self, change: Callable[[], Box | None]) -> None:
        with self._lock:
            box = change()
        if box is not None:
            self._changed(box)

    def _changed(self, box: Box) -> None:
        self.canvas.draw(self.raster, box)
        for callback in self._on_change:
            callback()

    def _handle(self, event: PadEvent) -> None:
        match event:
            case HelloEvent():
                self.canvas.draw(self.raster)
            case StrokeEvent():
                self._stroke(event)
            case FillEvent(point=(x, y)):
                self._change(lambda: self.raster.fill(x, y, self.pad.color))
            case PickEvent(point=(x, y)):
                color = self.raster.color_at(x, y)
                if color is not None:
                    self.pad.color = "#{:02x}{:02x}{:02x}".format(*color)
            case PictureEvent():
                self.set_picture(_decode(event))
                self._notice.say(f"{event.name or 'The picture'} lies under your sketch now; undo takes it away.")
            case RefusedEvent():
                raise PictureError(
                    f"{event.name or 'What was dropped'} is not a picture that can be read; "
                    "drop or paste a PNG, JPEG or WebP picture."
                )
            case ActionEvent(name="undo"):
                self.undo()
            case ActionEvent(name="redo"):
                self.redo()
            case ActionEvent():
                for callback in self._on_action:
                    callback(event.name)

    def _stroke(self, event: StrokeEvent) -> None:
        with self._lock:
            if event.phase == "begin" or event.id not in self._strokes:
                tool = "eraser" if self.pad.tool == "eraser" else "brush"
                self._strokes[event.id] = self.raster.begin(
                    tool, self.pad.color, self.pad.brush_size, self.pad.softness
                )
            stroke = self._strokes[event.id]
            box = self.raster.extend(stroke, [_width(point) for point in event.points])
            ended = event.phase == "end"
            finished = ended and self.raster.finish(self._strokes.pop(event.id))
        if box is not None:
            self.canvas.draw(self.raster, box)
        if ended:
            self.pad.painted(event.id)
        if finished:
            for callback in self._on_change:
                callback()


def _width(point: Point) -> Point:
    """Pressure as a share of the brush's width: a pen that barely touches still leaves a line."""
    x, y, pressure = point
    return x, y, FAINTEST_WIDTH + (1 - FAINTEST_WIDTH) * pressure


def _decode(event: PictureEvent) -> Pixels:
    try:
        with Image.open(io.BytesIO(event.data)) as picture:
            picture.load()
            return np.asarray(_flattened(picture))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise PictureError(f"{event.name or 'The picture'} cannot be read; use a PNG, JPEG or WebP picture.") from None


def _flattened(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB":
        return picture
    layered = picture.convert("RGBA")
    paper = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(paper, layered).convert("RGB")


def _square(picture: Image.Image, side: int) -> Pixels:
    return np.asarray(ImageOps.fit(picture, (side, side), Image.Resampling.BICUBIC))
