"""The pad: a transparent layer over the canvas that handles mouse, pen, touch, keyboard and dropped pictures.

It shows ink in the page at once and sends events; Python then paints the raster and answers with `Pad.painted`. Zoom,
the before/after view and the help stay in the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import traitlets as t

from robust_widgets.widgets.page_widget import STATIC, Message, PageWidget
from robust_widgets.widgets.painting.events import Brush, PadEvent, PadTool, is_color, parse_event
from robust_widgets.widgets.painting.layers import LayerName, Mirror, PaintLayer


class Pad(PageWidget[PadEvent]):
    """A transparent square that takes input; place it over a canvas of the same size.

    Attributes:
        side: size in raster units.
        display_side: size in CSS pixels.
        tool: "brush", "eraser", "line", "rectangle", "lasso", "fill" or "eyedropper".
        color: "#rrggbb".
        brush_size: diameter in raster units.
        softness: 0 is a hard edge; at 1 the brush fades from its centre to its edge.
        opacity: maximum opacity of one stroke, 0 to 1.
        layer: the layer that the tools paint on, "sketch" or "mask".
        masking: whether the mask is shown and can be painted on.
        hidden: the layers that are not seen, of "image", "sketch" and "mask".
        locked: the layers that nothing is painted on.
        label: name for screen readers.
        mirror: where paint is repeated: "none", "x" (left and right), "y" (top and bottom) or "both".
        hint: a sentence over an empty canvas; ``""`` once something is painted.
        autosaved: whether running the cell again restores the painting; the pad says so when its kernel has ended.
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
    hidden = t.List(t.Enum(list(get_args(LayerName)))).tag(sync=True)
    locked = t.List(t.Enum(list(get_args(LayerName)))).tag(sync=True)
    label = t.Unicode("Drawing surface").tag(sync=True)
    mirror = t.Enum(list(get_args(Mirror)), default_value="none").tag(sync=True)
    hint = t.Unicode().tag(sync=True)
    autosaved = t.Bool(False).tag(sync=True)

    def parse(self, message: Message, buffers: Sequence[Any]) -> PadEvent | None:
        return parse_event(message, buffers)

    @t.validate("color")
    def _check_color(self, proposal: Mapping[str, Any]) -> str:
        color = str(proposal["value"]).lower()
        if not is_color(color):
            raise t.TraitError(f"{proposal['value']!r} is not a colour; write it as '#rrggbb', such as '#e0aa20'.")
        return color

    @property
    def brush(self) -> Brush:
        """The current brush."""
        tool = "eraser" if self.tool == "eraser" else "brush"
        return Brush(tool, self.color, self.brush_size, self.softness, self.opacity, self.layer, self.mirror)

    def painted(self, id: int) -> None:
        """Stroke or area ``id`` is on the canvas; the page removes its own ink of it."""
        self.send({"kind": "painted", "id": id})

    def bring(self, name: str, data: bytes, type: str = "image/png") -> None:
        """Have the person place a picture file on the canvas; it comes back as a `PictureEvent`."""
        self.send({"kind": "bring", "name": name, "type": type}, buffers=[data])

    def clear_ink(self) -> None:
        """Remove all ink that the page has drawn itself."""
        self.send({"kind": "clear"})
