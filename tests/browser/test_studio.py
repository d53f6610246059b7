"""The whole use of the product: real JupyterLab, real Chromium, the mouse and the keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from lab import Notebook
from studio_page import WAIT, StudioPage, near

pytestmark = pytest.mark.browser

STUDIO = "import robust_widgets as rw\nstudio = rw.Studio(model='default')\nstudio"
WHITE, ORANGE, BLUE = (255, 255, 255), (242, 140, 40), (47, 111, 183)

OpenNotebook = Callable[..., Notebook]


def long_run(studio: StudioPage, steps: int = 100_000) -> None:
    """Let the next run take longer than any test waits."""
    sliders = "studio.controls['sketch_to_image'].controls['steps'].widget"
    studio.book.python(f"{sliders}.max = {steps}; {sliders}.value = {steps}")


def test_a_painted_blob_becomes_a_picture_step_by_step(open_notebook: OpenNotebook) -> None:
    studio = StudioPage(open_notebook(STUDIO)).start()
    studio.until(lambda: near(studio.shown(0.5, 0.5), WHITE))

    studio.fill("blue")
    assert near(studio.shown(0.9, 0.9), BLUE)
    studio.blob("orange")
    studio.until(lambda: near(studio.shown(0.5, 0.5), ORANGE))
    assert near(studio.shown(0.05, 0.9), BLUE)
    studio.shot("painted")

    studio.choose("goldf")
    studio.until(lambda: studio.python("studio.picker.value") == "goldfish")
    studio.press("play")
    studio.wait_for_state("running")
    studio.wait_for_state("done")
    studio.until(lambda: studio.step() == 60)
    studio.shot("done")
    finished = studio.result_picture()

    # What the page shows is the last frame of the trace, but for enlarging and JPEG.
    trace = studio.python("studio.trace.frames[-1, 0].mean(axis=(0, 1)).round().astype(int).tolist()")
    mean = [sum(color[channel] for color in finished) / len(finished) for channel in range(3)]
    assert all(abs(a - b) < 12 for a, b in zip(mean, eval(trace), strict=True)), (mean, trace)

    studio.view.locator(".rw-view-first").click()
    studio.until(lambda: studio.step() == 0)
    start = studio.result_picture()
    assert sum(not near(a, b, 12) for a, b in zip(start, finished, strict=True)) > len(start) / 4
    assert near(studio.result(0.5, 0.5), ORANGE, 20)
    assert near(studio.result(0.05, 0.9), BLUE, 20)
    studio.shot("scrubbed-to-start")

    studio.pad.focus()
    studio.page.keyboard.press("Control+z")
    studio.until(lambda: near(studio.shown(0.5, 0.5), BLUE))
    studio.page.keyboard.press("Control+Shift+z")
    studio.until(lambda: near(studio.shown(0.5, 0.5), ORANGE))


def test_stop_ends_a_run_in_the_middle_and_keeps_its_steps(open_notebook: OpenNotebook) -> None:
    studio = StudioPage(open_notebook(STUDIO)).start()
    studio.blob("orange")
    long_run(studio)
    studio.press("play")
    studio.until(lambda: studio.step() > 5)
    studio.press("stop")
    studio.wait_for_state("stopped")
    shown, recorded = studio.step(), int(studio.python("len(studio.trace)"))
    studio.page.wait_for_timeout(500)
    assert int(studio.python("len(studio.trace)")) == recorded < 100_000
    assert shown == recorded - 1
    assert studio.button("stop").is_disabled()
    studio.shot("stopped")


def test_sliders_and_strokes_are_answered_while_a_run_goes_on(open_notebook: OpenNotebook) -> None:
    studio = StudioPage(open_notebook(STUDIO, "answer = 6 * 7\nanswer")).start()
    studio.blob("orange", x=0.3)
    long_run(studio)
    studio.press("play")
    studio.until(lambda: studio.step() > 3)
    studio.blob("blue", x=0.7)
    studio.until(lambda: near(studio.shown(0.7, 0.5), BLUE))
    studio.book.run_cell(1)
    studio.page.get_by_text("42", exact=True).wait_for()
    studio.book.python("studio.controls['sketch_to_image'].controls['epsilon'].widget.value = 20")
    assert studio.state() == "running"

    studio.press("play")
    studio.until(lambda: studio.python("len(studio.traces)") == "2")
    assert "Stopped the previous run" in studio.python("studio.status.text")
    assert studio.python("studio.traces[1].parameters['epsilon']") == "20.0"
    studio.press("stop")
    studio.wait_for_state("stopped")


def test_a_cell_run_again_keeps_the_painting_and_the_run(open_notebook: OpenNotebook) -> None:
    studio = StudioPage(open_notebook(STUDIO)).start()
    studio.blob("orange")
    studio.until(lambda: near(studio.shown(0.5, 0.5), ORANGE))
    long_run(studio)
    studio.press("play")
    studio.until(lambda: studio.step() > 3)
    studio.book.python("first = studio")
    studio.start()
    studio.until(lambda: near(studio.shown(0.5, 0.5), ORANGE))
    assert studio.python("studio is first") == "True"
    studio.until(lambda: studio.state() == "running" and studio.step() > 3)
    studio.press("stop")
    studio.wait_for_state("stopped")


def test_a_reload_and_a_kernel_restart_bring_the_painting_back(open_notebook: OpenNotebook) -> None:
    studio = StudioPage(open_notebook(STUDIO)).start()
    studio.blob("orange")
    studio.until(lambda: near(studio.shown(0.5, 0.5), ORANGE))
    studio.book.command("docmanager:save")
    studio.page.wait_for_timeout(1000)

    studio.page.reload(wait_until="domcontentloaded")
    studio.book.ready()
    studio.start()
    studio.until(lambda: near(studio.shown(0.5, 0.5), ORANGE))
    studio.shot("after-reload")

    studio.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    studio.page.wait_for_timeout(2000)
    studio.book.ready()
    studio.start()
    studio.until(lambda: near(studio.shown(0.5, 0.5), ORANGE))
    assert "Restored your painting" in studio.python("studio.status.text")


def test_the_keyboard_paints_no_cells_into_the_notebook(open_notebook: OpenNotebook) -> None:
    studio = StudioPage(open_notebook(STUDIO)).start()
    cells = studio.page.locator(".jp-Cell").count()
    studio.pad.focus()
    for key, tool in (("e", "eraser"), ("g", "fill"), ("i", "eyedropper"), ("b", "brush")):
        studio.page.keyboard.press(key)
        studio.until(lambda tool=tool: studio.python("studio.surface.pad.tool") == tool)
    studio.page.keyboard.press("]")
    studio.until(lambda: float(studio.python("studio.surface.pad.brush_size")) > 36)
    assert studio.page.locator(".jp-Cell").count() == cells
    studio.page.keyboard.press("Tab")
    assert not studio.pad.evaluate("element => element === document.activeElement")


def test_what_goes_wrong_is_said_in_the_widget(open_notebook: OpenNotebook) -> None:
    studio = StudioPage(open_notebook(STUDIO)).start()
    studio.press("play")
    studio.page.get_by_role("status").filter(has_text="The canvas is empty").wait_for()
    studio.blob("orange")
    studio.choose("goldfisch")
    studio.press("play")
    studio.page.get_by_role("status").filter(has_text="There is no class 'goldfisch'").wait_for()
    studio.shot("unknown-class")
    assert studio.python("len(studio.traces)") == "0"
    studio.until(lambda: near(studio.shown(0.5, 0.5), ORANGE))


def test_generate_makes_pictures_from_seeds(open_notebook: OpenNotebook) -> None:
    cell = (
        "import robust_widgets as rw\nstudio = rw.Studio(task='generate', model='default')\n"
        "studio.controls['generate'].set({'n': 4, 'steps': 10})\nstudio"
    )
    studio = StudioPage(open_notebook(cell)).start()
    assert studio.page.locator(".rw-pad-surface").count() == 0
    studio.choose("mushroom")
    studio.press("play")
    studio.wait_for_state("done")
    assert studio.python("studio.trace.frames.shape") == "(11, 4, 64, 64, 3)"
    assert studio.python("studio.trace.target") == "mushroom"
    studio.shot("generate")

    badge = studio.page.locator(".jp-OutputArea details").filter(has_text=re.compile(r"^robust, L2 \d+\.\d at 224"))
    badge.wait_for(timeout=WAIT)
    assert "According to its file" not in badge.inner_text()
    badge.locator("summary").click()
    badge.get_by_text("According to its file: trained for l2 1.").wait_for()
    studio.shot("badge")
