"""A saved notebook that is opened again without its kernel: its widgets say what to do, and its runs play."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lab import Notebook, until
from playwright.sync_api import Page, expect
from studio_page import SHOTS, StudioPage
from test_kernel_gone import END, STUDIO, complaints

pytestmark = pytest.mark.browser

OpenNotebook = Callable[..., Notebook]

COMPARISON = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from scripted import trace
from robust_widgets.widgets.player.compare import Compare
Compare(trace(1), trace(2, steps=40, target="dog"))
"""
SAVE_STATE = "@jupyter-widgets/jupyterlab-manager:saveWidgetState"


def close_and_reopen(book: Notebook, path: Path, *parts: str) -> None:
    """Save the notebook until these parts are in the file, end its kernel, and open it again: a new kernel starts."""
    book.command("docmanager:save")
    until(book.page, lambda: all(part in path.read_text() for part in parts))
    book.page.evaluate(END)
    book.reload()


def check_saved_run(page: Page, cell: int, last: str) -> None:
    """The run that the notebook keeps in a cell can be looked through."""
    kept = page.locator(".jp-CodeCell").nth(cell).locator(".rw-keepsake .rw-watch")
    expect(kept).to_have_attribute("data-step", last)
    kept.locator(".rw-view-slider").focus()
    page.keyboard.press("Home")
    expect(kept).to_have_attribute("data-step", "0")


def test_without_saved_widgets_the_notebook_says_what_to_do(open_notebook: OpenNotebook, lab_folder: Path) -> None:
    studio = StudioPage(open_notebook(STUDIO, COMPARISON)).start()
    page, said = studio.page, complaints(studio.page)
    studio.book.run_cell(1)
    page.locator(".rw-compare[data-recorded]").wait_for()
    sentence = page.get_by_text("No studio here? Run this cell to paint.")
    expect(sentence).to_be_hidden()
    path = lab_folder / Path(page.url.split("?")[0]).name
    close_and_reopen(studio.book, path, "No studio here?", "rw-player")
    expect(sentence).to_be_visible()
    check_saved_run(page, 1, "40")
    expect(page.get_by_text("model not found").first).to_be_hidden()
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/reopened-without-widgets.png")
    studio.start()
    expect(sentence).to_be_hidden()
    assert said == []


def test_saved_widgets_without_their_kernel_say_so_and_the_runs_play(
    open_notebook: OpenNotebook, lab_folder: Path
) -> None:
    studio = StudioPage(open_notebook(STUDIO, COMPARISON)).start()
    page, said = studio.page, complaints(studio.page)
    page.locator(".rw-start-example").first.click()
    studio.wait_for_state("done")
    assert studio.python("studio.snapshot.flush()") == "True"
    studio.book.run_cell(1)
    page.locator(".rw-compare[data-recorded]").wait_for()
    studio.book.command(SAVE_STATE)
    path = lab_folder / Path(page.url.split("?")[0]).name
    try:
        close_and_reopen(studio.book, path, "widget-state", "rw-player")
        alert = page.locator(".rw-pad .rw-kernel-ended")
        expect(alert).to_have_text("This studio has no kernel. Run the cell again to restore the painting.")
        expect(page.locator(".rw-compare .rw-kernel-ended")).to_have_text(
            "This comparison has no kernel. Run the cell again to compare the runs."
        )
        expect(page.get_by_role("alert").filter(visible=True)).to_have_count(2)
        for cell, last in ((0, "60"), (1, "40")):
            check_saved_run(page, cell, last)
        x, y = studio.at(0.5, 0.5)
        page.mouse.click(x, y)
        studio.button("play").click()
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/reopened-with-widgets.png", full_page=True)
        studio.start()
        expect(alert).to_be_hidden()
        assert said == []
    finally:
        studio.book.command(SAVE_STATE)
