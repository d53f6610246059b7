"""From a notebook to a tab: a picture and a run in a studio of their own, and a cell's studio that moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from lab import Notebook, until
from playwright.sync_api import Page
from studio_page import SHOTS
from studio_tab import WAIT, StudioTab, current_title

pytestmark = pytest.mark.browser

HERE = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})"
OUTPUTS = f"""
{HERE}
from IPython.display import display
from PIL import Image
from scripted import trace
display(Image.new("RGB", (320, 200), (200, 30, 60)))
run = trace(3, 70)
run.loading = None
run
"""
STUDIO = f"""
{HERE}
import robust_widgets as rw
from scripted import ScriptedSession
studio = rw.Studio(session=ScriptedSession(seconds=0.1))
studio
"""
ENTRY = ".lm-Menu-item[data-command='robust-widgets:open-output']:visible"


def back_to(page: Page, name: str) -> None:
    page.locator(f".lm-TabBar-tab:has-text('{name}')").first.click()
    until(page, lambda: current_title(page) == name)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def open_in_studio(page: Page, selector: str) -> StudioTab:
    page.locator(selector).first.click(button="right")
    page.locator(ENTRY).click()
    until(page, lambda: current_title(page).startswith("Robust Studio"))
    tab = StudioTab(page)
    page.locator(".rw-tab-notice:visible").wait_for(state="hidden", timeout=WAIT)
    return tab


def test_pictures_and_runs_of_a_notebook_are_opened_in_a_studio(
    open_notebook: Callable[..., Notebook], lab_folder: Path
) -> None:
    book = open_notebook(OUTPUTS, "print('no picture')")
    page, name = book.page, current_title(book.page)
    book.run_cell(0)
    page.locator(".rw-output .rw-player-picture").wait_for(timeout=WAIT)
    book.run_cell(1)
    page.locator(".jp-OutputArea-output pre").click(button="right")
    page.locator(".lm-Menu-item:has-text('Copy'):visible").first.wait_for()
    assert not page.locator(ENTRY).count(), "words are for no studio"
    page.keyboard.press("Escape")
    before = files(lab_folder)

    tab = open_in_studio(page, ".jp-RenderedImage img")
    assert json.loads(tab.value("studio.surface.raster.image[9, 9].tolist()")) == [200, 30, 60]
    assert current_title(page) == f"Robust Studio: {name}"
    tab.python("studio.close()")

    back_to(page, name)
    tab = open_in_studio(page, ".rw-output .rw-player-picture")
    assert tab.value("len(studio.trace)") == "71", "each step, though the output keeps fewer"
    whole = tab.value("__import__('hashlib').sha256(studio.trace.frames.tobytes()).hexdigest()")
    assert current_title(page) == "Robust Studio: goldfish"
    assert files(lab_folder) == before, "nothing is left lying about"

    back_to(page, name)
    assert book.python("print(__import__('hashlib').sha256(run.frames.tobytes()).hexdigest())").strip() == whole
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    book.ready()
    page.locator(".rw-output .rw-view-first").click()
    tab = open_in_studio(page, ".rw-output .rw-player-side")
    assert tab.value("(len(studio.trace), studio.trace[-1].step)") == "(61, 70)"
    assert "the notebook keeps 61 of its 71" in tab.value("studio.status.text")
    assert tab.value("studio.status.kind") == "warning"
    tab.shot("studio-of-a-kept-run")
    for _ in range(3):
        page.locator(".lm-TabBar-tab:has-text('Robust Studio') .lm-TabBar-tabCloseIcon").first.click()
        page.wait_for_timeout(100)
    back_to(page, name)


def test_a_studio_moves_to_a_tab_and_back(open_notebook: Callable[..., Notebook]) -> None:
    book = open_notebook(STUDIO, "studio.detach()")
    page, name = book.page, current_title(book.page)
    moved = f"Robust Studio: {name}"
    said = page.locator(".jp-Notebook .rw-detached .rw-tab-notice")
    book.run_cell(0)
    page.wait_for_selector(".rw-view", timeout=WAIT)
    book.python("studio.controls['sketch_to_image'].set({'steps': 200})")
    book.python("import numpy as np; studio.surface.set_picture(np.full((256, 256, 3), 90, np.uint8)); studio.run()")
    page.wait_for_selector(".rw-view[data-state='running']", timeout=WAIT)
    book.run_cell(1)
    page.wait_for_selector(".rw-tab .rw-view[data-state='running'][data-rate]:not([data-rate=''])", timeout=WAIT)
    assert current_title(page) == moved, "it is in front"
    assert page.locator(".jp-Notebook .rw-view").count() == 0, "it is in one place"
    status = page.locator(".rw-status:visible")
    until(page, lambda: "steps/s" in status.inner_text())
    assert status.inner_text().startswith("made up · cpu · ")
    page.locator(".rw-tab button:has-text('Stop')").click()
    page.wait_for_selector(".rw-tab .rw-view[data-state='stopped']", timeout=WAIT)
    assert status.inner_text() == "made up · cpu"
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/studio-detached.png")

    back_to(page, name)
    assert status.count() == 0, "quiet where no studio is in front"
    assert [words.startswith("The studio is in the tab") for words in said.all_inner_texts()] == [True, True]
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/studio-detached-cell.png")
    book.python("known = studio.model_id, len(studio.traces)")
    book.run_cell(1)
    until(page, lambda: current_title(page) == moved)
    assert page.locator(f".lm-TabBar-tab:has-text('{moved}')").count() == 1, "asked for twice, it is shown"

    to_save = page.locator(".rw-tab .rw-tab-notice").get_by_role("button", name="Save the notebook")
    to_save.click()
    to_save.wait_for(state="hidden", timeout=WAIT)
    back_to(page, name)
    book.reload()
    page.wait_for_selector(".rw-tab .rw-view[data-state='stopped']", state="attached", timeout=WAIT)
    until(page, lambda: current_title(page) == name)
    assert book.python("print(known == (studio.model_id, len(studio.traces)))").strip() == "True"

    book.command("docmanager:save")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.dispose()")
    notice = page.locator(".rw-tab .rw-tab-notice[role='alert']")
    notice.wait_for(timeout=WAIT)
    assert "Its painting is kept" in notice.inner_text() and not page.locator(".rw-tab .rw-view").count()
    back_to(page, moved)
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/studio-detached-notebook-closed.png")
    notice.get_by_role("button", name="Open the notebook").click()
    page.wait_for_selector(".rw-tab .rw-view[data-state='stopped']", timeout=WAIT)
    until(page, lambda: current_title(page) == moved)
    assert page.locator(f".lm-TabBar-tab:has-text('{moved}')").count() == 1
    back_to(page, name)
    book.ready()
    assert book.python("print(known == (studio.model_id, len(studio.traces)))").strip() == "True", "nothing is lost"

    said.first.get_by_role("button", name="Bring it back").click()
    page.wait_for_selector(".jp-Notebook .rw-view[data-state='stopped']", timeout=WAIT)
    assert page.locator(".rw-tab").count() == 0 and said.locator("visible=true").count() == 1
    assert said.locator("visible=true").inner_text() == "The studio is back in its cell."

    book.run_cell(1)
    page.wait_for_selector(".rw-tab .rw-view[data-state='stopped']", timeout=WAIT)
    page.evaluate(
        """name => { const shell = window.jupyterapp.shell;
          const book = [...shell.widgets('main')].find(one => one.title.label === name);
          return book.sessionContext.restartKernel(); }""",
        name,
    )
    notice = page.locator(".rw-tab .rw-tab-notice[role='alert']")
    notice.wait_for(timeout=WAIT)
    assert "kernel has ended" in notice.inner_text()
    notice.get_by_role("button", name="Close this tab").click()
    until(page, lambda: current_title(page) == name)
    page.wait_for_selector(".rw-detached:has-text('Run this cell again'):visible", timeout=WAIT)
