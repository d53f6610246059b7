"""The pad: a transparent layer over the drawing canvas that listens to mouse, pen, finger, keys and dropped pictures.

It shows ink in the browser at once and tells Python what was done; Python paints for good and answers `Pad.painted`.
Zoom, the view before and after, and the help stay in the browser.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import anywidget
import traitlets as t

from robust_widgets._bundled import STATIC
from robust_widgets.widgets.painting.events import Brush, PadEvent, PadTool, is_color, parse_event
from robust_widgets.widgets.painting.layers import PaintLayer

logger = logging.getLogger(__name__)


class Pad(anywidget.AnyWidget):
    """A transparent square that listens; lay it over a canvas of the same size.

    Attributes:
        side: raster units a side.
        display_side: CSS pixels a side.
        tool: "brush", "eraser", "line", "rectangle", "lasso", "fill" or "eyedropper".
        color: the ink, "#rrggbb".
        brush_size: the brush's diameter in raster units.
        softness: 0 for a hard edge, 1 for one that falls off from the centre to the rim.
        opacity: the most that one stroke covers, 0 to 1.
        layer: what the tools work on, "sketch" or "mask".
        masking: whether the mask is shown and can be painted on.
        label: what a screen reader calls the pad.
        kept: whether the painting comes back when the cell is run again, as the pad says once its kernel has ended.
    """

    _esm = STATIC / "pad.js"
    _css = STATIC / "pad.css"

    side = t.Int(256, min=1, max=4096).tag(sync=True)
    display_side = t.Int(320, min=1).tag(sync=True)
    tool = t.Enum(list(get_args(PadTool)), default_value="brush").tag(sync=True)
    color = t.Unicode("#000000").tag(sync=True)
    brush_size = t.Float(24.0, min=0.5).tag(sync=True)
    softness = t.Float(0.0, min=0.0, max=1.0).tag(sync=True)
    opacity = t.Float(1.0, min=0.0, max=1.0).tag(sync=True)
    layer = t.Enum(list(get_args(PaintLayer)), default_value="sketch").tag(sync=True)
    masking = t.Bool(True).tag(sync=True)
    label = t.Unicode("Drawing surface").tag(sync=True)
    kept = t.Bool(False).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._callbacks: tuple[Callable[[PadEvent], object], ...] = ()
        self.on_msg(self._receive)

    @t.validate("color")
    def _check_color(self, proposal: Mapping[str, Any]) -> str:
        color = str(proposal["value"]).lower()
        if not is_color(color):
            raise t.TraitError(f"{proposal['value']!r} is not a colour; write it as '#rrggbb', such as '#e0aa20'.")
        return color

    @property
    def brush(self) -> Brush:
        """What the pad is set to paint with."""
        tool = "eraser" if self.tool == "eraser" else "brush"
        return Brush(tool, self.color, self.brush_size, self.softness, self.opacity, self.layer)

    def on_event(self, callback: Callable[[PadEvent], object]) -> Callable[[], None]:
        """Call ``callback(event)`` for all that is done on the pad; the answer is a function that ends this.

        Callbacks may run on any thread and should return at once. An exception in one is logged, not raised.
        """
        self._callbacks = (*self._callbacks, callback)

        def remove() -> None:
            self._callbacks = tuple(other for other in self._callbacks if other is not callback)

        return remove

    def painted(self, id: int) -> None:
        """Say that stroke or area ``id`` is on the canvas, so that the browser takes its own ink of it away."""
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
