"""A studio whose runs are computed by the browser, in a real notebook: the same pictures, complete in the kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import Notebook, new_page, notebook, until
from playwright.sync_api import Browser

pytest.importorskip("onnxruntime", reason="the extra fast")
pytestmark = pytest.mark.browser

CELL = """
import numpy as np, robust_widgets as rw
sketch = np.full((128, 128, 3), (200, 220, 240), np.uint8)
sketch[40:90, 30:100] = (230, 120, 30)
studio = rw.Studio(sketch, session="browser", model="tiny")
studio
"""
COMPARE = """
import json
run = studio.trace
same = getattr(rw, run.task)(*run.inputs.values(), run.target, model="tiny", **run.parameters)
apart = np.abs(run[-1].pixels.astype(int) - same[-1].pixels)
print(json.dumps({"median": float(np.median(apart)), "largest": int(apart.max()), "frames": [len(run), len(same)],
                  "parameters": run.parameters == same.parameters, "fingerprint": run.fingerprint == same.fingerprint,
                  "moved": int(np.abs(run[-1].pixels.astype(int) - run[0].pixels).max()),
                  "gradient": run[0].gradient is not None, "sure": float(run[-1].probability[0])}))
"""
MANY = 3000


class BrowserStudio:
    """The studio of a notebook's cell, and what the kernel knows of it."""

    def __init__(self, book: Notebook, cell: int) -> None:
        self.book, self.page = book, book.page
        self.asked: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        book.run_cell(cell)
        self.root = self.page.locator(".rw-studio").nth(cell)
        self.root.locator(".rw-pad-surface").wait_for()

    def tell(self, expression: str) -> Any:
        return json.loads(self.book.python(f"import json; print(json.dumps({expression}))"))

    def choose_steps(self, steps: int) -> None:
        """Set the steps; of many, each takes longer, where the task paints several pictures at once."""
        pictures = 8 if steps == MANY else 1
        values = f"{{'steps': {steps}, **({{'n': {pictures}}} if studio.task == 'generate' else {{}})}}"
        self.book.python(f"studio.controls[studio.task].set({values})")

    def press_run(self) -> None:
        self.runs = self.tell("len(studio.traces)")
        self.root.locator("button.rw-run").click()

    def wait_for_steps(self) -> None:
        until(self.page, lambda: self.tell(f"len(studio.traces) > {self.runs} and len(studio.trace) > 1"))

    def wait_for_end(self) -> None:
        self.wait_for_steps()
        until(self.page, lambda: not self.tell("studio.runner.running"))

    def wait_for_status(self, words: str) -> None:
        until(self.page, lambda: words in self.tell("studio.status.text"))


@pytest.fixture(scope="module")
def book(lab_folder: Path, lab_address: str, browser: Browser) -> Iterator[Notebook]:
    notebook(lab_folder, "browser.ipynb", CELL, CELL)
    page = new_page(browser, viewport={"width": 1280, "height": 1100})
    book = Notebook(page, lab_address, "browser.ipynb")
    yield book
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()


@pytest.fixture(scope="module")
def studio(book: Notebook) -> BrowserStudio:
    return BrowserStudio(book, 0)


@pytest.mark.parametrize("task", ["Sketch to image", "Generate"])
def test_the_browser_paints_what_the_kernel_would(task: str, studio: BrowserStudio) -> None:
    studio.root.locator(f".rw-tasks button:has-text('{task}')").first.click()
    studio.press_run()
    studio.wait_for_end()
    studio.root.locator(".rw-view[data-state=done]").wait_for()
    compared = json.loads(studio.book.python(COMPARE))
    assert compared["median"] <= 2 and compared["largest"] <= 8, compared
    assert compared["frames"][0] == compared["frames"][1] > 20
    assert compared["parameters"] and compared["fingerprint"] and compared["gradient"]
    assert compared["moved"] > 30 and compared["sure"] > 0.5
    assert studio.tell("type(studio.session._session).__name__") == "BrowserSession"
    origin = studio.page.url.split("/lab")[0]
    assert [url for url in studio.asked if url.endswith("ort-wasm-simd-threaded.wasm")]
    assert not [url for url in studio.asked if not url.startswith((origin, "data:", f"blob:{origin}"))]


def test_stop_ends_a_run_before_its_next_step(studio: BrowserStudio) -> None:
    studio.choose_steps(MANY)
    studio.press_run()
    studio.wait_for_steps()
    studio.root.locator("button:has-text('Stop')").click()
    until(studio.page, lambda: not studio.tell("studio.runner.running"))
    made = studio.tell("len(studio.trace)")
    assert 1 < made < MANY
    studio.page.wait_for_timeout(500)
    assert studio.tell("len(studio.trace)") == made


def test_a_run_whose_page_is_closed_ends_and_the_page_that_comes_back_goes_on(studio: BrowserStudio) -> None:
    studio.choose_steps(MANY)
    studio.press_run()
    studio.wait_for_steps()
    studio.book.command("docmanager:save")
    studio.book.reload()
    studio.root.locator(".rw-pad-surface").wait_for()
    until(studio.page, lambda: not studio.tell("studio.runner.running"))
    assert 1 < studio.tell("len(studio.trace)") < MANY
    assert "The page that computed this run was closed" in studio.tell("studio.status.text")
    assert studio.root.get_by_role("button", name="Paint in the kernel").is_visible()
    studio.choose_steps(5)
    studio.press_run()
    studio.wait_for_end()
    assert studio.tell("len(studio.trace)") == 6


def test_without_the_extension_the_studio_says_so_and_paints_in_the_kernel(
    studio: BrowserStudio, book: Notebook
) -> None:
    book.page.route("**/lab/extensions/robust-widgets/page/**", lambda route: route.fulfill(status=404))
    other = BrowserStudio(book, 1)
    other.press_run()
    other.wait_for_status("lacks the extension")
    other.root.get_by_role("button", name="Paint in the kernel").click()
    other.wait_for_status("paints in the kernel now")
    other.choose_steps(5)
    other.press_run()
    other.wait_for_end()
    assert other.tell("len(studio.trace)") == 6
    assert other.tell("type(studio.session._session).__name__") == "LocalSession"
