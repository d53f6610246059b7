"""One JupyterLab and one Chromium for all browser tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import Notebook, jupyter_lab, launch, notebook
from playwright.sync_api import Browser, sync_playwright

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
