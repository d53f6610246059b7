"""What shows the raster: three canvases on each other, for what is painted, for the mask and for the image alone.

Each is an element of its own on the page (a MultiCanvas would blend them into one), so that the mask can be hidden and
the image alone be shown without the kernel. What is painted is sent blended and opaque: a browser keeps colours
multiplied by their alpha, so a half transparent sketch would not come out equal to the raster.

They only ever receive; nothing is read back from it. Three faults of ipycanvas are worked round here, and nowhere else:
after a page reload it believes that the browser still knows which canvas is current; `hold_canvas` leaves every canvas
frozen if anything raises inside it, and is shared by all threads; RGB pixels are sent as lossy JPEG.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Generator
from contextlib import contextmanager
from typing import Any, cast

import ipywidgets
import numpy as np
from ipycanvas import Canvas

from robust_widgets.pictures import Pixels
from robust_widgets.widgets.painting.layers import Box, LayerName, within
from robust_widgets.widgets.painting.raster import Raster

# One lock for all canvases: ipycanvas has one command queue for the whole kernel.
_drawing = threading.RLock()

ALL_LAYERS: frozenset[LayerName] = frozenset(("image", "sketch", "mask"))
# The mask is shown in stripes, so that it is seen on pictures of its own colour too; pad.js shows its ink the same way.
MASK_TINT = (214, 0, 110)
MASK_STRIPES = (0.34, 0.62)
STRIPE_WIDTH = 4


@contextmanager
def _batch(canvas: Canvas) -> Generator[None]:
    """All drawing inside reaches the browser in one message, or, if anything raises, not at all."""
    manager: Any = cast(Any, canvas)._canvas_manager
    with _drawing:
        manager._current_canvas = None
        manager._caching = True
        try:
            yield
            manager.flush()
        finally:
            manager._commands_cache = []
            manager._buffers_cache = []
            manager._caching = False


class RasterCanvas:
    """Shows a raster.

    Args:
        side: raster pixels per side.
        display_side: CSS pixels per side on the page.

    Attributes:
        painting: the sketch over the image. mask: the mask as a striped tint. image: the image alone, shown on demand.
        widget: all of them in one place.
    """

    def __init__(self, side: int, display_side: int) -> None:
        self.painting, self.mask, self.image = (Canvas(width=side, height=side) for _ in range(3))
        for name, canvas in (("painting", self.painting), ("mask", self.mask), ("image", self.image)):
            canvas.layout.width = canvas.layout.height = f"{display_side}px"
            canvas.layout.grid_area = "1 / 1 / 2 / 2"
            canvas.layout.margin = "0"
            canvas.add_class("rw-layer")
            canvas.add_class(f"rw-layer-{name}")
        size = f"{display_side}px"
        self.widget = ipywidgets.GridBox(
            [self.painting, self.mask, self.image],
            layout={"width": size, "height": size, "overflow": "hidden", "grid_template_columns": size},
        )
        self.widget.add_class("rw-layers")

    def draw(self, raster: Raster, box: Box | None = None, layers: Collection[LayerName] = ALL_LAYERS) -> None:
        """Show a rectangle, by default all of the raster, of the layers that changed."""
        box = box or raster.whole
        with _batch(self.painting):
            if "image" in layers:
                _put(self.image, with_alpha(raster.image[within(box)]), box)
            if "image" in layers or "sketch" in layers:
                _put(self.painting, with_alpha(raster.composite(box)), box)
            if "mask" in layers:
                left, top, right, bottom = box
                self.mask.clear_rect(left, top, right - left, bottom - top)
                _put(self.mask, mask_overlay(raster.mask[within(box)], left, top), box)


def _put(canvas: Canvas, pixels: Pixels, box: Box) -> None:
    canvas.put_image_data(pixels, box[0], box[1])


def with_alpha(image: Pixels) -> Pixels:
    """uint8 (h, w, 3) as opaque (h, w, 4), which ipycanvas sends without loss."""
    opaque = np.full((*image.shape[:2], 1), 255, dtype=np.uint8)
    return np.concatenate([image, opaque], axis=2)


def mask_overlay(mask: Pixels, left: int, top: int) -> Pixels:
    """A part of a mask, uint8 (h, w), as the tint that is laid over the painting there, uint8 (h, w, 4)."""
    height, width = mask.shape
    stripe = (np.arange(left, left + width) + np.arange(top, top + height)[:, None]) // STRIPE_WIDTH % 2
    overlay = np.empty((height, width, 4), dtype=np.uint8)
    overlay[..., :3] = MASK_TINT
    overlay[..., 3] = np.round(mask * np.array(MASK_STRIPES)[stripe])
    return overlay
