"""What a widget in a notebook does once its kernel is gone: it says so, and takes nothing that nobody would keep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lab import Notebook, until
from playwright.sync_api import Page, expect
from studio_page import SHOTS, WAIT, StudioPage
from test_training import MONITOR, MonitorPage

pytestmark = pytest.mark.browser

OpenNotebook = Callable[..., Notebook]

STUDIO = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import robust_widgets as rw
from scripted import ScriptedSession
studio = rw.Studio(session=ScriptedSession(seconds=0.1))
studio
"""
NOT_KEPT = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from robust_widgets.widgets.studio import StudioWidget
from scripted import ScriptedSession
studio = StudioWidget(ScriptedSession(seconds=0.1))
studio
"""
END = """() => { const { session } = window.jupyterapp.shell.currentWidget.sessionContext;
  return window.jupyterapp.serviceManager.sessions.shutdown(session.id); }"""
WHITE = (255, 255, 255)


def complaints(page: Page) -> list[str]:
    """Collects the page's errors that a widget of ours raised: anywidget loads them as blobs."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error.stack)) if "blob:" in (error.stack or "") else None)
    return found


def inked(page: Page) -> bool:
    """Whether the pad shows ink of its own."""
    return bool(
        page.locator(".rw-pad-paper").evaluate(
            "paper => paper.getContext('2d').getImageData(0, 0, paper.width, paper.height).data.some(Boolean)"
        )
    )


def stroke(studio: StudioPage, y: float) -> None:
    mouse = studio.page.mouse
    mouse.move(*studio.at(0.2, y))
    mouse.down()
    mouse.move(*studio.at(0.8, y), steps=8)
    mouse.up()


def test_a_studio_whose_kernel_died_says_so_and_its_painting_comes_back(open_notebook: OpenNotebook) -> None:
    studio = StudioPage(open_notebook(STUDIO)).start()
    page, said = studio.page, complaints(studio.page)
    alert = page.locator(".rw-pad .rw-kernel-ended")
    stroke(studio, 0.7)
    studio.until(lambda: studio.shown(0.5, 0.7) != WHITE and not inked(page))
    studio.press("play")
    studio.wait_for_state("running")
    studio.until(lambda: studio.step() > 2)
    expect(alert).to_be_hidden()

    studio.book.kill()
    expect(alert).to_have_text("The kernel has ended. Run the cell again to restore the painting.")
    expect(alert).to_have_attribute("role", "alert")
    studio.wait_for_state("failed")
    assert "the kernel ended" in studio.view.inner_text()
    stroke(studio, 0.9)
    studio.pad.press("Enter")
    studio.pad.press("ArrowRight")
    page.wait_for_timeout(300)
    assert not inked(page), "what nobody keeps is not shown"
    page.locator(".rw-view-gradient").click()
    studio.pad.press("Control+z")
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/kernel-gone-studio.png")
    assert said == []

    studio.start()
    expect(alert).to_be_hidden()
    studio.until(lambda: studio.shown(0.5, 0.7) != WHITE)
    stroke(studio, 0.9)
    studio.until(lambda: studio.shown(0.5, 0.9) != WHITE and not inked(page))


def test_a_stroke_that_found_no_kernel_is_taken_back(open_notebook: OpenNotebook) -> None:
    studio = StudioPage(open_notebook(NOT_KEPT)).start()
    page, said = studio.page, complaints(studio.page)
    page.evaluate(END)
    until(page, lambda: page.locator(".jp-Toolbar-kernelName:visible").inner_text() == "No Kernel")
    stroke(studio, 0.5)
    expect(page.locator(".rw-pad .rw-kernel-ended")).to_have_text("The kernel has ended. Run the cell again to paint.")
    until(page, lambda: not inked(page))
    assert said == []


def test_a_monitor_whose_kernel_died_says_how_training_goes_on(open_notebook: OpenNotebook) -> None:
    monitor = MonitorPage(open_notebook(MONITOR))
    said, alert = complaints(monitor.page), monitor.root.locator(".rw-kernel-ended")
    monitor.button("Start").click()
    monitor.wait_for("running")
    monitor.until(lambda: monitor.step() > 5)

    monitor.book.kill()
    expect(alert).to_have_text(
        "The kernel has ended. Run the cell again and press Start: training continues from its last checkpoint.",
        timeout=WAIT,
    )
    assert monitor.root.locator(".rw-training-state").inner_text() == "the kernel ended"
    for name in ("Start", "Pause", "Stop"):
        expect(monitor.button(name)).to_be_disabled()
    monitor.shot("kernel-gone")
    assert said == []


def test_what_waits_for_a_busy_kernel_is_said_and_done_in_the_end(open_notebook: OpenNotebook) -> None:
    studio = StudioPage(open_notebook(NOT_KEPT))
    page = studio.page
    # As with kernels that have no subshells: they answer nothing while a cell runs.
    page.evaluate("() => { window.jupyterapp.serviceManager.kernels.commsOverSubshells = 'disabled'; }")
    page.evaluate(
        "() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.commsOverSubshells = 'disabled'; }"
    )
    studio.start()
    busy = page.locator(".rw-kernel-busy")
    page.evaluate(
        """() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute(
          {code: 'import time; time.sleep(6)', store_history: false}); }"""
    )
    until(page, lambda: page.locator("[data-status='busy']").count())
    stroke(studio, 0.3)
    stroke(studio, 0.7)
    studio.pad.press("Control+z")
    studio.press("play")
    assert inked(page), "strokes are shown at once"
    expect(busy).to_be_hidden()
    expect(busy).to_have_text("The kernel is busy. What you do here waits for it; nothing is lost.")
    expect(busy).to_be_in_viewport()
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/kernel-busy.png")
    studio.wait_for_state("running")
    expect(busy).to_be_hidden()
    studio.until(lambda: studio.shown(0.5, 0.3) != WHITE and studio.shown(0.5, 0.7) == WHITE and not inked(page))
    assert studio.python("len(studio.traces)") == "1"
