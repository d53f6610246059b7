"""A paint box on a page: its canvases read back, and its pad worked by mouse, keys, fingers and in quick succession."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from lab import PATIENCE, Notebook, new_page, notebook, until
from playwright.sync_api import Browser, Locator, Page

from robust_widgets.widgets.painting.canvas import mask_overlay

SHOTS = os.environ.get("ROBUST_WIDGETS_SCREENSHOTS")
CELL = """
import ipywidgets
from robust_widgets.widgets.status_line import StatusLine
from robust_widgets.widgets.painting.paint_box import PaintBox
from robust_widgets.widgets.painting.surface import Surface
status = StatusLine(); surface = Surface(status); box = PaintBox(surface, status); raster = surface.raster
changes = []; surface.on_change(lambda: changes.append(1))
box.size.value, box.softness.value = 16, 0
ipywidgets.VBox([box.widget, status.widget])
"""
Share: TypeAlias = tuple[float, float]
Pixels: TypeAlias = npt.NDArray[np.uint8]
RGB: TypeAlias = tuple[int, int, int]

# Pointer events as a mouse would make them, straight to the pad; points are in raster units.
TOOLS_OF_THE_PAGE = """
window.easel = {
  pad: () => document.querySelector('.rw-pad-surface'),
  pixel(selector, x, y) {
    const canvas = document.querySelector(selector);
    return [...canvas.getContext('2d').getImageData(Math.floor(x), Math.floor(y), 1, 1).data];
  },
  // What a person sees: the pad's own ink, else the canvas.
  seen(x, y) {
    const ink = easel.pixel('.rw-pad-paper', x, y);
    return ink[3] ? ink.slice(0, 3) : easel.pixel('.rw-layer-painting', x, y).slice(0, 3);
  },
  point(kind, x, y, more = {}) {
    const pad = easel.pad(), box = pad.getBoundingClientRect();
    pad.dispatchEvent(new PointerEvent(kind, {
      bubbles: true, cancelable: true, pointerId: 1, isPrimary: true, pointerType: 'mouse', button: 0,
      buttons: kind === 'pointerup' ? 0 : 1,
      clientX: box.left + x / 256 * box.width, clientY: box.top + y / 256 * box.height, ...more }));
  },
  key(key, more = {}) {
    const options = { key, bubbles: true, cancelable: true, ...more };
    easel.pad().dispatchEvent(new KeyboardEvent('keydown', options));
    easel.pad().dispatchEvent(new KeyboardEvent('keyup', options));
  },
  frame: () => new Promise(requestAnimationFrame),
  pause: milliseconds => new Promise(done => setTimeout(done, milliseconds)),
};
"""


@contextmanager
def opened(
    lab_folder: Path, lab_address: str, browser: Browser, name: str, script: str = "", cell: str = CELL
) -> Iterator[Notebook]:
    """A notebook with a paint box, or another cell, on a page where a script runs first; its kernel ends with it."""
    notebook(lab_folder, name, cell)
    page = new_page(browser, viewport={"width": 1280, "height": 1100}, has_touch=True)
    page.add_init_script(script)
    yield Notebook(page, lab_address, name)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()


class Easel:
    """The paint box in the output of a notebook's first cell."""

    def __init__(self, book: Notebook) -> None:
        self.book = book
        self.page: Page = book.page
        self.page.evaluate(TOOLS_OF_THE_PAGE)
        self.page.evaluate(
            "() => document.querySelectorAll('.rw-pad-surface').forEach(pad => { pad.dataset.old = '' })"
        )
        self.book.run_cell(0)
        self.page.wait_for_selector(".rw-pad-surface:not([data-old])", timeout=60_000)
        self.until(lambda: self.shown(128, 128) == (255, 255, 255))

    @property
    def pad(self) -> Locator:
        return self.page.locator(".rw-pad-surface")

    def at(self, x: float, y: float) -> Share:
        """Page coordinates of a raster point at no zoom."""
        box = self.pad.bounding_box()
        assert box is not None
        return box["x"] + x / 256 * box["width"], box["y"] + y / 256 * box["height"]

    def drag(self, *points: Share, shift: bool = False) -> None:
        """Press the mouse at the first raster point, go through the others, and let go."""
        self.page.mouse.move(*self.at(*points[0]))
        self.page.mouse.down()
        if shift:
            self.page.keyboard.down("Shift")
        for point in points[1:]:
            self.page.mouse.move(*self.at(*point), steps=6)
        self.page.mouse.up()
        if shift:
            self.page.keyboard.up("Shift")

    def click(self, x: float, y: float, **options: Any) -> None:
        self.page.mouse.click(*self.at(x, y), **options)

    def tool(self, name: str) -> None:
        self.page.locator(f"button.rw-choose-tool-{name}").click()

    def color(self, name: str) -> None:
        self.page.locator(f"button[title='Paint {name}']").click()

    def press(self, *keys: str) -> None:
        """Keys while the pad has the focus."""
        self.pad.focus()
        for key in keys:
            self.page.keyboard.press(key)

    def shown(self, x: float, y: float) -> RGB:
        """What the canvas shows at a raster point, ink left out."""
        red, green, blue, _ = self.page.evaluate("([x, y]) => easel.pixel('.rw-layer-painting', x, y)", [x, y])
        return red, green, blue

    def canvas(self, name: str) -> Pixels:
        """All of a canvas ("painting", "mask" or "image"), (256, 256, 4)."""
        text = self.page.evaluate(
            """name => {
              const canvas = document.querySelector(`.rw-layer-${name}`);
              const data = canvas.getContext('2d').getImageData(0, 0, 256, 256).data;
              let text = '';
              for (let at = 0; at < data.length; at += 4096)
                text += String.fromCharCode(...data.subarray(at, at + 4096));
              return btoa(text);
            }""",
            name,
        )
        return np.frombuffer(base64.b64decode(text), np.uint8).reshape(256, 256, 4)

    def inks(self) -> bool:
        """Whether the pad shows any ink of its own."""
        return bool(
            self.page.evaluate(
                "() => document.querySelector('.rw-pad-paper').getContext('2d')"
                ".getImageData(0, 0, 256, 256).data.some(value => value)"
            )
        )

    def array(self, expression: str) -> Pixels:
        """An array of the kernel."""
        text = self.book.python(
            f"import base64; _array = {expression}\nprint(base64.b64encode(_array.tobytes()).decode(), _array.shape)"
        )
        data, shape = text.split(" ", 1)
        return np.frombuffer(base64.b64decode(data), np.uint8).reshape(
            [int(n) for n in shape.strip("()\n ,").split(", ")]
        )

    def python(self, expression: str) -> str:
        """The value of an expression in the kernel, printed."""
        return self.book.python(f"print({expression})").strip()

    def is_shown(self) -> bool:
        """Whether the canvases show the raster to the bit, and the pad no ink over it."""
        painting = self.canvas("painting")
        same = bool((painting[..., 3] == 255).all()) and np.array_equal(
            painting[..., :3], self.array("raster.composite()")
        )
        image = np.array_equal(self.canvas("image")[..., :3], self.array("raster.image"))
        tint = mask_overlay(self.array("raster.mask"), 0, 0)[..., 3]
        tinted = np.array_equal(self.canvas("mask")[..., 3], tint)
        return same and image and tinted and not self.inks()

    def until(self, condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
        """Wait until a condition holds."""
        until(self.page, condition, seconds)

    def changed(self, count: int, seconds: float = PATIENCE) -> None:
        """Wait until that many changes were made in all."""
        self.until(lambda: int(self.python("len(changes)")) >= count, seconds)

    def shot(self, name: str) -> None:
        """A screenshot of the paint box, where ROBUST_WIDGETS_SCREENSHOTS names a folder."""
        if SHOTS:
            self.page.locator(".rw-paint-box").screenshot(path=f"{SHOTS}/{name}.png")
