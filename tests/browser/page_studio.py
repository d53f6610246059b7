"""Drives Robust Studio on a page as a person does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from lab import PATIENCE
from playwright.sync_api import BrowserContext, Page, Route

import robust_widgets as rw
from robust_widgets.runs.trace import Trace

# In order of their names: what each task is, and where it is painted, as fractions of the canvas's height.
TASKS = {
    "sketch_to_image": "Sketch to image",
    "generate": "Generate",
    "translate": "Translate",
    "super_resolve": "Super-resolve",
    "inpaint": "Inpaint",
    "paint_features": "Paint features",
}
DONE = ".rw-view[data-state=done]"

# The middle of each pixel of the run's picture, as the result shows it: red, green, blue.
SHOWN = """
(canvas, size) => {
  const context = canvas.getContext("2d");
  const { width } = canvas;
  const { data } = context.getImageData(0, 0, width, width);
  return Array.from({ length: size * size }, (_, at) => {
    const [x, y] = [at % size, Math.floor(at / size)].map((side) => Math.floor(((side + 0.5) * width) / size));
    return [...data.slice(4 * (y * width + x), 4 * (y * width + x) + 3)];
  });
}
"""


def after_code(code: str) -> Callable[[Route], None]:
    """Answers a request for a script with the script, before which some code is run."""

    def answer(route: Route) -> None:
        response = route.fetch()
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        route.fulfill(status=200, headers=headers, body=f"{code};\n{response.body().decode()}")

    return answer


class PageStudio:
    """A page that was opened.

    Args:
        context: the browser's.
        address: of the page, with what follows ``#``.

    Attributes:
        hosts: the hosts that anything was asked of.
        said: errors of the console.
    """

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(1000 * PATIENCE)
        self.hosts: set[str] = set()
        self.said: list[str] = []
        context.on("request", lambda request: self.hosts.add(request.url.partition("://")[2].partition("/")[0]))
        self.page.on("console", lambda line: self.said.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.said.append(error.message))
        self.open(address)

    def open(self, address: str) -> None:
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready]")

    @property
    def status(self) -> str:
        """The sentence that the page says."""
        return " ".join(self.page.locator(".rs-status-text").all_text_contents()).strip()

    def wait_for_status(self, pattern: str) -> None:
        self.page.locator(".rs-status-text", has_text=re.compile(pattern)).first.wait_for()

    def choose_task(self, name: str) -> None:
        self.page.get_by_role("radio", name=TASKS[name]).click()

    def paint(self, height: float = 0.5) -> None:
        """Paint a line with the mouse, at a fraction of the canvas's height."""
        surface = self.page.locator(".rw-pad-surface")
        surface.scroll_into_view_if_needed()
        box = surface.bounding_box()
        assert box is not None
        y = box["y"] + height * box["height"]
        self.page.mouse.move(box["x"] + 0.25 * box["width"], y)
        self.page.mouse.down()
        for part in range(1, 6):
            self.page.mouse.move(box["x"] + (0.25 + 0.1 * part) * box["width"], y)
        self.page.mouse.up()

    def run(self) -> None:
        """Press Run, and wait until the run has ended."""
        before = self.page.locator(".rw-view-run").count()
        self.page.locator(".rs-run").click()
        self.wait_for_run(before + 1)

    def wait_for_run(self, count: int) -> None:
        self.page.locator(".rw-view-run").nth(count - 1).wait_for()
        self.page.wait_for_selector(DONE)

    def painting(self) -> list[int]:
        """The bytes of what is on the canvas."""
        return self.page.locator("canvas.rw-layer-painting").evaluate(
            "(canvas) => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"
        )

    def shown(self, size: int) -> list[list[int]]:
        """The pixels of the result, (size * size, 3)."""
        return self.page.locator(".rw-view-picture").evaluate(SHOWN, size)

    def save(self, name: str, folder: Path) -> Path:
        """Press a button that saves, and keep its file."""
        with self.page.expect_download() as download:
            self.page.locator(".rs-save").get_by_role("button", name=name).click()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path

    def saved_run(self, folder: Path) -> Trace:
        return rw.load_trace(self.save("Whole run", folder))

    def copied_code(self) -> str:
        self.page.get_by_role("button", name="Copy code").click()
        self.wait_for_status("^Copied")
        return self.page.evaluate("navigator.clipboard.readText()")
