"""The painting surface: a raster, the canvas that shows it, and the pad that listens, in one place on the page."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import ipywidgets

from robust_widgets.errors import PictureError
from robust_widgets.pictures import Pixels
from robust_widgets.widgets.controls import SIDE
from robust_widgets.widgets.painting.canvas import ALL_LAYERS, RasterCanvas
from robust_widgets.widgets.painting.events import (
    ActionEvent,
    AreaEvent,
    Brush,
    FillEvent,
    HelloEvent,
    PadEvent,
    PickEvent,
    PictureEvent,
    RefusedEvent,
    StrokeEvent,
)
from robust_widgets.widgets.painting.layers import Box, Change, LayerName, PaintLayer
from robust_widgets.widgets.painting.pad import Pad
from robust_widgets.widgets.painting.pictures import decode, square, square_mask
from robust_widgets.widgets.painting.raster import DEFAULT_SIDE, Raster
from robust_widgets.widgets.painting.strokes import Point, Stroke
from robust_widgets.widgets.status_line import Notice

FAINTEST_WIDTH = 0.3
SEEN: frozenset[LayerName] = frozenset(("image", "sketch"))
ONLY: dict[LayerName, frozenset[LayerName]] = {name: frozenset((name,)) for name in ALL_LAYERS}


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
        self._on_stroke: list[Callable[[], object]] = []
        self._on_color: list[Callable[[str], object]] = []
        self._on_action: list[Callable[[str], object]] = []
        self.pad.on_event(notice.guard(self._handle))
        # The pad reaches over the canvas and over a second row, where it has its buttons.
        self.canvas.widget.layout.grid_area = "1 / 1 / 2 / 2"
        self.pad.layout.grid_area = "1 / 1 / 3 / 2"
        for child in (self.canvas.widget, self.pad):
            child.layout.margin = "0"
        self.widget = ipywidgets.GridBox(
            [self.canvas.widget, self.pad],
            layout={
                "width": f"{display_side + 2}px",
                "padding": "1px",
                "grid_template_columns": f"{display_side}px",
                "grid_template_rows": f"{display_side}px auto",
                "overflow": "visible",
                "flex": "0 0 auto",
            },
        )
        self.widget.add_class("rw-surface")
        self.canvas.draw(self.raster)

    @property
    def layer(self) -> PaintLayer:
        """What the tools work on."""
        return self.pad.layer

    @layer.setter
    def layer(self, layer: PaintLayer) -> None:
        self.pad.layer = layer

    @property
    def has_mask(self) -> bool:
        """Whether any pixel is masked."""
        with self._lock:
            return self.raster.has_mask

    def on_change(self, callback: Callable[[], object]) -> None:
        """Call back after each finished change of any layer (a whole stroke, a fill, undo, a new picture or mask)."""
        self._on_change.append(callback)

    def on_stroke(self, callback: Callable[[], object]) -> None:
        """Call back after each finished change of what :meth:`picture` gives."""
        self._on_stroke.append(callback)

    def on_color(self, callback: Callable[[str], object]) -> None:
        """Call back with each colour that was painted with."""
        self._on_color.append(callback)

    def on_action(self, callback: Callable[[str], object]) -> None:
        """Call back with the name of a keyboard action that is not the surface's own: "run", "stop", a tool's name."""
        self._on_action.append(callback)

    def picture(self) -> Pixels:
        """What is painted, uint8 (side, side, 3)."""
        with self._lock:
            return self.raster.composite()

    def mask(self) -> Pixels:
        """Where to paint, uint8 (side, side): 255 there, 0 elsewhere."""
        with self._lock:
            return self.raster.mask_pixels()

    def set_picture(self, picture: Pixels) -> None:
        """Lay a picture, uint8 (h, w, 3), under the sketch: its middle square, scaled to the canvas; can be undone."""
        with self._lock:
            self.raster.set_image(square(picture, self.raster.side))
        self._changed(self.raster.whole, ONLY["image"])

    def set_mask(self, mask: object | None) -> None:
        """Another mask, (h, w), True or 255 where to paint, scaled to the canvas; None masks nothing; can be undone.

        Raises:
            PictureError: it has not two dimensions.
        """
        with self._lock:
            if mask is None:
                self.raster.clear_mask()
            else:
                self.raster.set_mask(square_mask(mask, self.raster.side))
        self._changed(self.raster.whole, ONLY["mask"])

    def invert_mask(self) -> None:
        """Mask what was left alone, and the other way round; can be undone."""
        with self._lock:
            self.raster.invert_mask()
        self._changed(self.raster.whole, ONLY["mask"])

    def clear_mask(self) -> None:
        """Mask nothing; can be undone."""
        self.set_mask(None)

    def flatten(self, picture: Pixels | None = None) -> None:
        """Make a picture, uint8 (h, w, 3), by default what is painted, the image under an empty sketch.

        One undo takes it back. The mask stays.
        """
        with self._lock:
            self._strokes.clear()
            self.raster.flatten(None if picture is None else square(picture, self.raster.side))
        self.pad.clear_ink()
        self._changed(self.raster.whole, SEEN)

    def restore(self, raster: Raster) -> None:
        """Go on with another raster of the same side, its history included."""
        with self._lock:
            self._strokes.clear()
            self.raster = raster
        self.canvas.draw(raster)

    def undo(self) -> None:
        """Take back the last change."""
        with self._lock:
            change = self.raster.undo()
        self._moved(change)

    def redo(self) -> None:
        """Make the change taken back last again."""
        with self._lock:
            change = self.raster.redo()
        self._moved(change)

    def clear(self) -> None:
        """Remove all paint, leaving the picture under it and the mask; can be undone."""
        with self._lock:
            self._strokes.clear()
            self.raster.clear()
        self.pad.clear_ink()
        self._changed(self.raster.whole, ONLY["sketch"])

    def _moved(self, change: Change | None) -> None:
        if change is not None:
            self._changed(change.box, change.layers)

    def _changed(self, box: Box, layers: frozenset[LayerName]) -> None:
        self.canvas.draw(self.raster, box, layers)
        self._tell(layers)

    def _tell(self, layers: frozenset[LayerName]) -> None:
        for callback in self._on_change:
            callback()
        if layers & SEEN:
            for callback in self._on_stroke:
                callback()

    def _handle(self, event: PadEvent) -> None:
        match event:
            case HelloEvent():
                self.canvas.draw(self.raster)
            case StrokeEvent():
                self._stroke(event)
            case AreaEvent():
                self._area(event)
            case FillEvent():
                self._fill(event)
            case PickEvent(point=(x, y)):
                color = self.raster.color_at(x, y)
                if color is not None:
                    self.pad.color = "#{:02x}{:02x}{:02x}".format(*color)
            case PictureEvent():
                self.set_picture(decode(event.name, event.data))
                self._notice.say(f"{event.name or 'The picture'} lies under your sketch now; undo takes it away.")
            case RefusedEvent():
                raise PictureError(
                    f"{event.name or 'What was dropped'} is not a picture that can be read; "
                    "choose, drop or paste a PNG, JPEG or WebP picture."
                )
            case ActionEvent():
                self._act(event.name)

    def _act(self, name: str) -> None:
        match name:
            case "undo":
                self.undo()
            case "redo":
                self.redo()
            case "invert" if self.pad.masking:
                self.invert_mask()
            case "layer" if self.pad.masking:
                self.layer = "sketch" if self.layer == "mask" else "mask"
            case "invert" | "layer":
                pass
            case _:
                for callback in self._on_action:
                    callback(name)

    def _stroke(self, event: StrokeEvent) -> None:
        with self._lock:
            if event.phase == "begin" or event.id not in self._strokes:
                brush = event.brush or self.pad.brush
                self._strokes[event.id] = self.raster.begin(
                    brush.tool, brush.color, brush.size, brush.softness, brush.opacity, brush.layer
                )
                self._used(brush)
            stroke = self._strokes[event.id]
            box = self.raster.extend(stroke, [_width(point) for point in event.points])
            ended = event.phase == "end"
            finished = ended and self.raster.finish(self._strokes.pop(event.id))
        if box is not None:
            self.canvas.draw(self.raster, box, ONLY[stroke.layer])
        if ended:
            self.pad.painted(event.id)
        if finished:
            self._tell(ONLY[stroke.layer])

    def _area(self, event: AreaEvent) -> None:
        brush = replace(event.brush or self.pad.brush, tool="brush")
        with self._lock:
            box = self.raster.paint_area(event.corners, brush.color, brush.opacity, brush.layer)
        if box is not None:
            self.canvas.draw(self.raster, box, ONLY[brush.layer])
        self.pad.painted(event.id)
        if box is not None:
            self._used(brush)
            self._tell(ONLY[brush.layer])

    def _fill(self, event: FillEvent) -> None:
        brush = replace(event.brush or self.pad.brush, tool="brush")
        with self._lock:
            box = self.raster.fill(*event.point, brush.color, brush.opacity, brush.layer)
        if box is not None:
            self._used(brush)
            self._changed(box, ONLY[brush.layer])

    def _used(self, brush: Brush) -> None:
        if brush.tool == "brush" and brush.layer == "sketch":
            for callback in self._on_color:
                callback(brush.color)


def _width(point: Point) -> Point:
    """Pressure as a share of the brush's width: a pen that barely touches still leaves a line."""
    x, y, pressure = point
    return x, y, FAINTEST_WIDTH + (1 - FAINTEST_WIDTH) * pressure
