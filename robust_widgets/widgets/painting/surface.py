"""The painting surface: a raster, the canvas that shows it, and the pad that takes input."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import ipywidgets

from robust_widgets.errors import PictureError, StateError
from robust_widgets.pictures import Picture, Pixels
from robust_widgets.pictures.limits import MAX_STROKES
from robust_widgets.widgets.controls import SIDE
from robust_widgets.widgets.page_widget import HelloEvent
from robust_widgets.widgets.painting.brought import decode, decode_placed, square, square_mask
from robust_widgets.widgets.painting.canvas import ALL_LAYERS, RasterCanvas
from robust_widgets.widgets.painting.drawing import DrawnArea, DrawnLine, missing, since_emptied, to_svg
from robust_widgets.widgets.painting.events import (
    ActionEvent,
    AddressEvent,
    AreaEvent,
    Brush,
    FillEvent,
    PadEvent,
    PickEvent,
    PictureEvent,
    RefusedEvent,
    StrokeEvent,
)
from robust_widgets.widgets.painting.layers import Box, Change, LayerName, PaintLayer
from robust_widgets.widgets.painting.pad import Pad
from robust_widgets.widgets.painting.raster import DEFAULT_SIDE, Raster
from robust_widgets.widgets.painting.strokes import Point, Pressure, Stroke
from robust_widgets.widgets.status_line import StatusLine

MIN_WIDTH = 0.3
MIN_OPACITY = 0.05
BLANK_HINT = "Paint here, or drop a picture"
VISIBLE: frozenset[LayerName] = frozenset(("image", "sketch"))
ONLY: dict[LayerName, frozenset[LayerName]] = {name: frozenset((name,)) for name in ALL_LAYERS}


class Surface:
    """Paints the pad's events into the raster, and shows it.

    Handlers may be called on any thread; a lock protects the raster.

    Args:
        status: shows errors.
        side: size in raster pixels.
        display_side: size in CSS pixels.
        hint: what an empty canvas says.
    """

    def __init__(
        self, status: StatusLine, side: int = DEFAULT_SIDE, display_side: int = SIDE, hint: str = BLANK_HINT
    ) -> None:
        self._blank_hint = hint
        self.raster = Raster(side)
        self.canvas = RasterCanvas(side, display_side)
        self.pad = Pad(side=side, display_side=display_side, label="Painting canvas")
        self._status = status
        self._lock = threading.RLock()
        self._strokes: dict[int, Stroke] = {}
        self._on_change: list[Callable[[], object]] = []
        self._on_stroke: list[Callable[[], object]] = []
        self._on_color: list[Callable[[str], object]] = []
        self._on_action: list[Callable[[str], object]] = []
        self.pad.on_event(status.guard(self._handle))
        self.pad.observe(status.guard(lambda _change: self._show_hidden()), "hidden")
        # The pad covers the canvas and a second row, which holds its buttons.
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
        self._show_hint()
        self.canvas.draw(self.raster)

    @property
    def layer(self) -> PaintLayer:
        """The layer that the tools paint on."""
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
        """Call ``callback()`` after each change of any layer (a whole stroke, a fill, undo, a new picture or mask)."""
        self._on_change.append(callback)

    def on_stroke(self, callback: Callable[[], object]) -> None:
        """Call ``callback()`` after each change of :meth:`picture`."""
        self._on_stroke.append(callback)

    def on_color(self, callback: Callable[[str], object]) -> None:
        """Call ``callback(color)`` with each colour used."""
        self._on_color.append(callback)

    def on_action(self, callback: Callable[[str], object]) -> None:
        """Call ``callback(name)`` for keyboard actions not handled here: "run", "stop", or a tool's name."""
        self._on_action.append(callback)

    def picture(self) -> Pixels:
        """The painting, uint8 (side, side, 3)."""
        with self._lock:
            return self.raster.composite()

    def drawing(self) -> tuple[str, str]:
        """The strokes and areas on the sketch as an SVG file, and a sentence about what it lacks.

        Raises:
            StateError: there is no stroke and no area on the sketch.
        """
        with self._lock:
            drawn = self.raster.drawn()
        if not any(isinstance(item, (DrawnLine, DrawnArea)) for item in since_emptied(drawn)):
            raise StateError("There is no stroke on the sketch to save as a drawing; paint one first.")
        return to_svg(drawn, self.raster.side), missing(drawn)

    def mask(self) -> Pixels:
        """The mask, uint8 (side, side): 255 where to paint, else 0."""
        with self._lock:
            return self.raster.mask_pixels()

    def set_picture(self, picture: Pixels) -> None:
        """Set the picture under the sketch, uint8 (h, w, 3), centre-cropped and scaled; can be undone."""
        with self._lock:
            self.raster.set_image(square(picture, self.raster.side))
        self._changed(self.raster.whole, ONLY["image"])

    def begin_with(self, sketch: Pixels) -> None:
        """Make a drawing, uint8 (side, side, 4), the whole painting; can be undone.

        Raises:
            StateError: the picture or the sketch is locked.
        """
        self._check_unlocked("image", "sketch")
        with self._lock:
            self._strokes.clear()
            self.raster.begin_with(sketch)
        self.pad.clear_ink()
        self._changed(self.raster.whole, VISIBLE)

    def set_mask(self, mask: Picture | Sequence[Picture] | None) -> None:
        """Set the mask, or clear it; can be undone.

        Args:
            mask: where to paint, as :func:`robust_widgets.to_mask` takes it, centre-cropped and scaled; of several, the
                first. None clears the mask.

        Raises:
            PictureError: it is not a mask.
        """
        pixels = None if mask is None else square_mask(mask, self.raster.side)
        with self._lock:
            if pixels is None:
                self.raster.clear_mask()
            else:
                self.raster.set_mask(pixels)
        self._changed(self.raster.whole, ONLY["mask"])

    def invert_mask(self) -> None:
        """Invert the mask; can be undone.

        Raises:
            StateError: the mask is locked.
        """
        self._check_unlocked("mask")
        with self._lock:
            self.raster.invert_mask()
        self._changed(self.raster.whole, ONLY["mask"])

    def clear_mask(self) -> None:
        """Clear the mask; can be undone.

        Raises:
            StateError: the mask is locked.
        """
        self._check_unlocked("mask")
        self.set_mask(None)

    def flatten(self, picture: Pixels | None = None) -> None:
        """Make a picture, uint8 (h, w, 3), by default the painting, the image under an empty sketch.

        One undo reverts it. The mask stays.

        Raises:
            StateError: the picture or the sketch is locked.
        """
        self._check_unlocked("image", "sketch")
        with self._lock:
            self._strokes.clear()
            self.raster.flatten(None if picture is None else square(picture, self.raster.side))
        self.pad.clear_ink()
        self._changed(self.raster.whole, VISIBLE)

    def restore(self, raster: Raster) -> None:
        """Continue with another raster of the same size, including its history."""
        with self._lock:
            self._strokes.clear()
            self.raster = raster
            raster.hidden = frozenset(self.pad.hidden)
        self.canvas.draw(raster)
        self._show_hint()

    def undo(self) -> None:
        """Undo the last change."""
        with self._lock:
            change = self.raster.undo()
        self._show_change(change)

    def redo(self) -> None:
        """Redo the last change that was undone."""
        with self._lock:
            change = self.raster.redo()
        self._show_change(change)

    def clear(self) -> None:
        """Remove all paint, but not the picture or the mask; can be undone.

        Raises:
            StateError: the sketch is locked.
        """
        self._check_unlocked("sketch")
        with self._lock:
            self._strokes.clear()
            self.raster.clear()
        self.pad.clear_ink()
        self._changed(self.raster.whole, ONLY["sketch"])

    def _show_hidden(self) -> None:
        with self._lock:
            self.raster.hidden = frozenset(self.pad.hidden)
        self.canvas.draw(self.raster, layers=VISIBLE)

    def _check_unlocked(self, *layers: LayerName) -> None:
        for layer in layers:
            if layer in self.pad.locked:
                name = "picture" if layer == "image" else layer
                raise StateError(f"The {name} is locked; unlock it in the list of layers.")

    def _takes_paint(self, layer: PaintLayer) -> bool:
        """Whether a layer can be painted on; the page says why it cannot."""
        return layer not in self.pad.locked and layer not in self.pad.hidden

    def _show_hint(self) -> None:
        """Have an empty canvas say what it is for."""
        self.pad.hint = self._blank_hint if self.raster.is_blank else ""

    def _show_change(self, change: Change | None) -> None:
        if change is not None:
            self._changed(change.box, change.layers)

    def _changed(self, box: Box, layers: frozenset[LayerName]) -> None:
        self.canvas.draw(self.raster, box, layers)
        self._notify(layers)

    def _notify(self, layers: frozenset[LayerName]) -> None:
        self._show_hint()
        for callback in self._on_change:
            callback()
        if layers & VISIBLE:
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
                with warnings.catch_warnings(record=True) as notes:
                    self._put_picture(event)
                sentence = f"{event.name or 'The picture'} is under your sketch now; undo removes it."
                self._status.show(" ".join([sentence, *(str(note.message) for note in notes)]))
            case AddressEvent(address=address):
                self._status.show("Loading the picture ...")
                # A server may take long to answer, and the kernel has others to answer meanwhile.
                threading.Thread(target=self._status.guard(self._download), args=(address,), daemon=True).start()
            case RefusedEvent():
                raise PictureError(
                    f"{event.name or 'The dropped item'} cannot be read as a picture; "
                    "choose, drop or paste a PNG, JPEG or WebP file."
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

    def _download(self, address: str) -> None:
        from robust_widgets.pictures import download  # it takes time to import, and few need it

        name, data = download.download_picture(address)
        self._status.clear()
        self.pad.bring(name, data)

    def _put_picture(self, event: PictureEvent) -> None:
        self._check_unlocked("image")
        if event.place is None:
            self.set_picture(decode(event.name, event.data, self.raster.side))
            return
        with self._lock:
            self.raster.set_image(decode_placed(event.name, event.data, event.place, self.raster.image))
        self._changed(self.raster.whole, ONLY["image"])

    def _stroke(self, event: StrokeEvent) -> None:
        with self._lock:
            if event.phase == "begin" or event.id not in self._strokes:
                brush = event.brush or self.pad.brush
                if not self._takes_paint(brush.layer):
                    if event.phase == "end":
                        self.pad.painted(event.id)
                    return
                while len(self._strokes) >= MAX_STROKES:  # from a page that ends none
                    self.raster.finish(self._strokes.pop(next(iter(self._strokes))))
                self._strokes[event.id] = self.raster.begin(
                    brush.tool, brush.color, brush.size, brush.softness, brush.opacity, brush.layer, brush.mirror
                )
                self._strokes[event.id].pressure = brush.pressure
                self._report_color(brush)
            stroke = self._strokes[event.id]
            box = self.raster.extend(stroke, [_weighted(*point, stroke.pressure) for point in event.points])
            ended = event.phase == "end"
            finished = ended and self.raster.finish(self._strokes.pop(event.id))
        if box is not None:
            self.canvas.draw(self.raster, box, ONLY[stroke.layer])
        if ended:
            self.pad.painted(event.id)
        if finished:
            self._notify(ONLY[stroke.layer])

    def _area(self, event: AreaEvent) -> None:
        brush = replace(event.brush or self.pad.brush, tool="brush")
        box = None
        with self._lock:
            if self._takes_paint(brush.layer):
                box = self.raster.paint_area(event.corners, brush.color, brush.opacity, brush.layer, brush.mirror)
        if box is not None:
            self.canvas.draw(self.raster, box, ONLY[brush.layer])
        self.pad.painted(event.id)
        if box is not None:
            self._report_color(brush)
            self._notify(ONLY[brush.layer])

    def _fill(self, event: FillEvent) -> None:
        brush = replace(event.brush or self.pad.brush, tool="brush")
        if not self._takes_paint(brush.layer):
            return
        with self._lock:
            box = self.raster.fill(*event.point, brush.color, brush.opacity, brush.layer)
        if box is not None:
            self._report_color(brush)
            self._changed(box, ONLY[brush.layer])

    def _report_color(self, brush: Brush) -> None:
        if brush.tool == "brush" and brush.layer == "sketch":
            for callback in self._on_color:
                callback(brush.color)


def _weighted(x: float, y: float, pressure: float, sets: Pressure) -> Point:
    """Map pressure to fractions of the brush's width and opacity; the lightest touch still leaves a line."""
    width = MIN_WIDTH + (1 - MIN_WIDTH) * pressure if sets in ("size", "both") else 1.0
    if sets in ("size", "none"):
        return x, y, width
    return x, y, width, MIN_OPACITY + (1 - MIN_OPACITY) * pressure
