"""A studio on a page: where a person looks and clicks."""

from __future__ import annotations

import os
from typing import Any, TypeAlias

from lab import PATIENCE, Notebook, until
from playwright.sync_api import Locator, Page

RGB: TypeAlias = tuple[int, int, int]
SHOTS = os.environ.get("ROBUST_WIDGETS_SCREENSHOTS")
WAIT = 60_000


class StudioPage:
    """The studio in the output of a notebook's cell.

    Args:
        book: the notebook.
        cell: which code cell makes the studio.
    """

    def __init__(self, book: Notebook, cell: int = 0) -> None:
        self.book = book
        self.page: Page = book.page
        self.cell = cell

    def start(self) -> StudioPage:
        """Run the cell and wait until the studio can be painted on."""
        self.book.run_cell(self.cell)
        self.page.wait_for_selector(".rw-view", timeout=WAIT)
        return self

    @property
    def pad(self) -> Locator:
        return self.page.locator(".rw-pad-surface").first

    @property
    def view(self) -> Locator:
        return self.page.locator(".rw-view").first

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Page coordinates of a point given as shares of the canvas."""
        box = self.pad.bounding_box()
        assert box is not None
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def button(self, icon: str) -> Locator:
        """The button with this icon, inside the cell's output."""
        return self.page.locator(f".jp-OutputArea button:has(.fa-{icon})").first

    def press(self, icon: str) -> None:
        self.button(icon).click()

    def swatch(self, name: str) -> None:
        self.page.locator(f"button[title='Paint {name}']").first.click()

    def fill(self, color: str, x: float = 0.05, y: float = 0.05) -> None:
        """Fill around a point with one of the palette's colours, by mouse."""
        self.press("tint")
        self.swatch(color)
        before = self.shown(x, y)
        self.page.mouse.click(*self.at(x, y))
        self.until(lambda: self.shown(x, y) != before)

    def blob(self, color: str, x: float = 0.5, y: float = 0.5, radius: float = 0.15) -> None:
        """Paint a blob with the brush, by mouse."""
        self.press("paint-brush")
        self.swatch(color)
        self.page.mouse.move(*self.at(x - radius, y))
        self.page.mouse.down()
        for step in range(1, 41):
            row = y - radius + 2 * radius * step / 40
            column = x + radius * (1 if step % 2 else -1)
            self.page.mouse.move(*self.at(column, row), steps=3)
        self.page.mouse.up()

    def shown(self, x: float, y: float) -> RGB:
        """The colour that the canvas shows at a point (the pad's own ink left out)."""
        return self._pixel(".jp-OutputArea .ipycanvas canvas, .jp-OutputArea canvas.ipycanvas", x, y)

    def result(self, x: float, y: float) -> RGB:
        """The colour that the result shows at a point."""
        return self._pixel(".rw-view canvas", x, y)

    def result_picture(self, points: int = 12) -> list[RGB]:
        """The result on a grid of points."""
        grid = [(index + 0.5) / points for index in range(points)]
        return [self.result(x, y) for y in grid for x in grid]

    def _pixel(self, selector: str, x: float, y: float) -> RGB:
        red, green, blue = self.page.evaluate(
            """([selector, x, y]) => {
              const pad = document.querySelector('.rw-pad-surface');
              const own = pad ? new Set(pad.querySelectorAll('canvas')) : new Set();
              let found = [...document.querySelectorAll(selector)].filter(canvas => !own.has(canvas));
              if (!found.length) found = [...document.querySelectorAll('.jp-OutputArea canvas')].filter(
                canvas => !own.has(canvas) && !canvas.closest('.rw-view, .rw-pad'));
              const canvas = found[0];
              const data = canvas.getContext('2d').getImageData(
                Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data;
              return [data[0], data[1], data[2]];
            }""",
            [selector, x, y],
        )
        return red, green, blue

    def choose(self, typed: str) -> None:
        """Search a class by typing, and wait until the kernel has it; the best match is picked.

        ipywidgets holds a value back until the one before was answered, so another widget's message may overtake it.
        """
        box = self.page.locator(".jp-OutputArea input[placeholder^='search']").first
        box.click()
        box.fill("")
        box.press_sequentially(typed)
        self.until(lambda: self.python("studio.picker.search") == typed)

    def state(self) -> str:
        return str(self.view.get_attribute("data-state"))

    def step(self) -> int:
        return int(self.view.get_attribute("data-step") or -1)

    def wait_for_state(self, state: str, timeout: float = WAIT) -> None:
        self.page.wait_for_selector(f".rw-view[data-state='{state}']", timeout=timeout)

    def python(self, expression: str) -> str:
        """The value of an expression in the notebook's kernel, printed."""
        return self.book.python(f"print({expression})").strip()

    def until(self, condition: Any, seconds: float = PATIENCE) -> None:
        """Wait until a condition holds; if it never does, say how things are instead."""
        try:
            until(self.page, condition, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.in_words()}") from None

    def in_words(self) -> str:
        """What a person would look at to see why nothing happens."""
        focused = self.page.evaluate("() => { const it = document.activeElement; return it.className || it.tagName; }")
        cells = self.page.locator(".jp-InputArea-prompt").all_inner_texts()
        studio = self.python(
            "[[len(studio.traces), studio.task, studio.runner.running, studio.session.loading, studio.status.text]"
            " for studio in __import__('robust_widgets.jupyter.studio', fromlist=['open_studios']).open_studios()]"
        )
        return f"{studio}, the view {self.state()}, the focus on {focused!r}, prompts {cells}"

    def shot(self, name: str) -> None:
        """A screenshot for a person to look at, where ROBUST_WIDGETS_SCREENSHOTS names a folder."""
        if SHOTS:
            self.page.screenshot(path=f"{SHOTS}/{name}.png")


def near(first: RGB, second: RGB, tolerance: int = 6) -> bool:
    """Whether two colours are the same but for rounding."""
    return all(abs(a - b) <= tolerance for a, b in zip(first, second, strict=True))
