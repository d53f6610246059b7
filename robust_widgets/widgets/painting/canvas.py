"""The canvas: three stacked ipycanvas canvases, for the painting, the mask, and the image alone.

Each is its own element on the page (a MultiCanvas would blend them), so the page can hide the mask or show the image
without the kernel. The painting is sent blended and opaque: browsers store colours premultiplied by alpha, so a
half-transparent sketch would differ from the raster.

The canvases are write-only. Three bugs of ipycanvas are worked around here: after a page reload it assumes that the
browser still knows the current canvas; if anything raises inside `hold_canvas`, all canvases stay frozen, in all
threads; RGB pixels are sent as lossy JPEG.
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

# ipycanvas has one command queue for the whole kernel.
_drawing = threading.RLock()

ALL_LAYERS: frozenset[LayerName] = frozenset(("image", "sketch", "mask"))
# Stripes keep the mask visible on pictures of its own colour; the pad draws its ink the same way.
MASK_TINT = (214, 0, 110)
MASK_STRIPES = (0.34, 0.62)
STRIPE_WIDTH = 4


@contextmanager
def _batch(canvas: Canvas) -> Generator[None]:
    """Send everything drawn inside in one message, or nothing if an exception is raised."""
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
        side: size in raster pixels.
        display_side: size on the page in CSS pixels.

    Attributes:
        painting: the sketch over the image.
        mask: the mask as a striped tint.
        image: the image alone, shown on demand.
        widget: all of them, stacked.
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
        """Redraw a rectangle, by default the whole raster, of the changed layers."""
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
    """The tint over the painting, uint8 (h, w, 4), for a part of a mask, uint8 (h, w)."""
    height, width = mask.shape
    stripe = (np.arange(left, left + width) + np.arange(top, top + height)[:, None]) // STRIPE_WIDTH % 2
    overlay = np.empty((height, width, 4), dtype=np.uint8)
    overlay[..., :3] = MASK_TINT
    overlay[..., 3] = np.round(mask * np.array(MASK_STRIPES)[stripe])
    return overlay
