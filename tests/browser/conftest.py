"""One JupyterLab and one Chromium for all browser tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import Notebook, jupyter_lab, launch, notebook
from playwright.sync_api import Browser, Page, sync_playwright

SHOTS = os.environ.get("ROBUST_WIDGETS_SCREENSHOTS")


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="session")
def lab_address(lab_folder: Path) -> Iterator[str]:
    with jupyter_lab(lab_folder) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def open_notebook(
    lab_folder: Path, lab_address: str, browser: Browser, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Notebook]]:
    """Opens a notebook with the given code cells in a fresh page; its kernel ends with the test."""
    opened: list[Notebook] = []

    def open_it(*cells: str) -> Notebook:
        name = f"{request.node.name}-{len(opened)}.ipynb"
        notebook(lab_folder, name, *cells)
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        opened.append(Notebook(page, lab_address, name))
        return opened[-1]

    yield open_it
    for index, book in enumerate(opened):
        if SHOTS:
            book.page.screenshot(path=f"{SHOTS}/{request.node.name}-{index}.png")
        book.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        book.page.close()


@pytest.fixture
def lab_page(browser: Browser, lab_address: str) -> Iterator[Page]:
    """JupyterLab with its launcher, at 1280 x 800; in the end its console holds nothing of the extension."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{lab_address}/lab?reset", wait_until="domcontentloaded")
    page.wait_for_selector(".jp-Launcher", timeout=120_000)
    yield page
    page.close()
    # JupyterLab's own, without terminals, without news and when a kernel dies; and of looking at pixels here.
    known = ("terminals plugin", "404 (Not Found)", "Connection lost", "getImageData")
    assert not [text for text in said if not any(words in text for words in known)], said
