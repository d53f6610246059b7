"""The canvas that shows the raster: an ipycanvas with a layer for the image and one for the sketch.

It only ever receives; nothing is read back from it. Three faults of ipycanvas are worked round here, and nowhere else:
after a page reload it believes that the browser still knows which canvas is current; `hold_canvas` leaves every canvas
frozen if anything raises inside it, and is shared by all threads; RGB pixels are sent as lossy JPEG.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
from ipycanvas import MultiCanvas

from robust_widgets.trace import Pixels
from robust_widgets.widgets.painting.raster import Box, Raster

# One lock for all canvases: ipycanvas has one command queue for the whole kernel.
_drawing = threading.RLock()


@contextmanager
def _batch(canvas: MultiCanvas) -> Generator[None]:
    """All drawing inside reaches the browser in one message, or, if anything raises, not at all."""
    manager: Any = canvas[0]._canvas_manager
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
    """

    def __init__(self, side: int, display_side: int) -> None:
        self.widget = MultiCanvas(2, width=side, height=side)
        self.widget.layout.width = f"{display_side}px"
        self.widget.layout.height = f"{display_side}px"

    def draw(self, raster: Raster, box: Box | None = None) -> None:
        """Show a rectangle of both layers, by default all of the raster."""
        left, top, right, bottom = box or raster.whole
        image, sketch = raster.image[top:bottom, left:right], raster.sketch[top:bottom, left:right]
        with _batch(self.widget):
            self._put(0, with_alpha(image), left, top)
            self._put(1, sketch, left, top)

    def _put(self, layer: int, pixels: Pixels, left: int, top: int) -> None:
        height, width = pixels.shape[:2]
        self.widget[layer].clear_rect(left, top, width, height)
        self.widget[layer].put_image_data(pixels, left, top)


def with_alpha(image: Pixels) -> Pixels:
    """uint8 (h, w, 3) as opaque (h, w, 4), which ipycanvas sends without loss."""
    opaque = np.full((*image.shape[:2], 1), 255, dtype=np.uint8)
    return np.concatenate([image, opaque], axis=2)
