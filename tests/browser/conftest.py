"""One JupyterLab and one Chromium for all browser tests."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from easel import Easel, opened
from lab import Notebook, jupyter_lab, launch, new_page, notebook
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, sync_playwright

import robust_widgets as rw
from robust_widgets.page.serve import address_of, page_server

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


@pytest.fixture(scope="session")
def page_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Robust Studio on a page, of the model "tiny" with two features, at the model's size and twice that."""
    from robust_widgets.page import structures  # which needs the extra fast

    folder = tmp_path_factory.mktemp("studio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structures, "LARGER", (2,))
        rw.write_page(folder, model="tiny")
    features = [
        {"name": name, "unit": unit, "classes": ["goldfish", "fruit"], "thumbnail": "icons/icon-192.png"}
        for unit, name in ((3, "scales 1"), (7, "stripes 1"))
    ]
    pictures = json.loads((folder / "pictures.json").read_text("utf-8"))
    (folder / "pictures.json").write_text(json.dumps({**pictures, "features": features}), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def page_address(page_folder: Path) -> Iterator[str]:
    server = page_server(page_folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield address_of(server)
    server.shutdown()
    server.server_close()


@pytest.fixture
def open_notebook(
    lab_folder: Path, lab_address: str, browser: Browser, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Notebook]]:
    """Opens a notebook with the given code cells in a fresh page; its kernel ends with the test."""
    opened: list[Notebook] = []

    def open_it(*cells: str) -> Notebook:
        name = f"{request.node.name}-{len(opened)}.ipynb"
        notebook(lab_folder, name, *cells)
        page = new_page(browser, viewport={"width": 1280, "height": 1100})
        opened.append(Notebook(page, lab_address, name))
        return opened[-1]

    yield open_it
    for index, book in enumerate(opened):
        if SHOTS:
            book.page.screenshot(path=f"{SHOTS}/{request.node.name}-{index}.png")
        book.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        book.page.close()


@pytest.fixture(scope="module")
def easel_book(
    lab_folder: Path, lab_address: str, browser: Browser, request: pytest.FixtureRequest
) -> Iterator[Notebook]:
    """One notebook with a paint box, on a near kernel, for all tests of a file."""
    with opened(lab_folder, lab_address, browser, f"{request.path.stem}.ipynb") as book:
        yield book


@pytest.fixture
def easel(easel_book: Notebook) -> Easel:
    """A new paint box: the notebook's cell is run again for each test."""
    return Easel(easel_book)


@pytest.fixture
def lab_page(browser: Browser, lab_address: str) -> Iterator[Page]:
    """JupyterLab with its launcher, at 1280 x 800; in the end its console holds no complaint of the extension's."""
    page = new_page(browser, viewport={"width": 1280, "height": 800})
    said: list[str] = []

    def listen(line: ConsoleMessage) -> None:
        words = f"{line.text} ({line.location['url']})"
        # JupyterLab complains of slow plugins where the machine is busy.
        if line.type in ("error", "warning") and "robust" in words.lower() and "to activate" not in words:
            said.append(words)

    page.on("console", listen)

    def catch(error: Error) -> None:
        # JupyterLab itself asks a kernel for a subshell, and does not mind that the kernel dies meanwhile.
        if "Canceled future for create_subshell_request" not in error.message:
            said.append(f"{error.message} {error.stack}")

    page.on("pageerror", catch)
    page.goto(f"{lab_address}/lab?reset", wait_until="domcontentloaded")
    page.wait_for_selector(".jp-Launcher", timeout=120_000)
    yield page
    page.close()
    assert not said
