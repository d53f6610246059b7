"""Each task once in the studio, in a real JupyterLab, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab import Notebook
from studio_page import StudioPage

pytestmark = pytest.mark.browser

OpenNotebook = Callable[..., Notebook]
RUN = 180  # seconds; the first one waits for torch, the model and what is measured of it, beside other tests
STUDIO = """import numpy as np
import robust_widgets as rw
from robust_widgets.interface.tasks import task_specs
studio = rw.Studio(model="default")
for controls in studio.controls.values():
    controls.set({'steps': 6})
studio"""
# The trace's pictures where the hard mask says that nothing changes, as the run itself saw the mask.
UNCHANGED = (
    "(lambda t: bool((t.frames[:, 0] == t.frames[:1, 0])[:, ~rw.to_mask(t.inputs['mask'], 64)[0, 0].numpy()].all()))"
    "(studio.trace)"
)


@pytest.fixture
def studio(open_notebook: OpenNotebook) -> StudioPage:
    return StudioPage(open_notebook(STUDIO)).start()


def task(studio: StudioPage, label: str) -> None:
    """Choose a task by mouse, and wait until the kernel knows it.

    JupyterLab sends a widget's messages over the kernel's main thread until it has a subshell for them, and messages of
    a studio's first second, sent over both, may arrive in another order than they were sent.
    """
    studio.page.get_by_role("button", name=label, exact=True).click()
    studio.until(lambda: studio.python("task_specs()[studio.task].label") == label)


def run(studio: StudioPage, runs: int) -> None:
    """Press Run by keyboard, with the canvas focused, and wait for the end."""
    studio.pad.focus()
    studio.page.keyboard.press("Control+Enter")
    studio.until(lambda: studio.python("len(studio.traces)") == str(runs), RUN)
    studio.until(lambda: studio.python("studio.runner.running") == "False", RUN)
    studio.wait_for_state("done")
    assert studio.python("studio.status.kind") != "error", studio.python("studio.status.text")


def mark(studio: StudioPage, x: float, y: float) -> None:
    """Mark a spot of the mask by mouse, after M chose the mask's layer."""
    studio.pad.focus()
    if studio.python("studio.surface.layer") != "mask":
        studio.page.keyboard.press("m")
        studio.until(lambda: studio.python("studio.surface.layer") == "mask")
    studio.page.keyboard.press("b")
    studio.page.mouse.move(*studio.at(x - 0.12, y))
    studio.page.mouse.down()
    for step in range(1, 13):
        studio.page.mouse.move(*studio.at(x - 0.12 + 0.02 * step, y + (0.06 if step % 2 else -0.06)), steps=2)
    studio.page.mouse.up()
    studio.until(lambda: studio.python("studio.surface.has_mask") == "True")


def test_each_task_from_the_studio_what_one_makes_is_the_next_ones_input(studio: StudioPage) -> None:
    page = studio.page
    task(studio, "Generate")
    studio.choose("lion")
    run(studio, 1)
    studio.shot("task-generate")
    page.get_by_role("button", name="Use as input").click()
    studio.until(lambda: studio.python("studio.surface.raster.is_blank") == "False")
    studio.until(lambda: studio.shown(0.5, 0.5) != (255, 255, 255))
    canvas = studio.shown(0.5, 0.5)

    task(studio, "Translate")
    studio.choose("bear")
    run(studio, 2)
    assert studio.python("studio.trace.task, studio.trace.target") == "translate bear"
    studio.shot("task-translate")

    task(studio, "Super-resolve")
    studio.choose("lion")
    run(studio, 3)
    studio.until(lambda: page.locator(".jp-OutputArea img[src^='blob:']").last.is_visible())
    assert "differs from the low-resolution input" in page.locator(".jp-OutputArea").first.inner_text()
    studio.shot("task-enlarge")

    task(studio, "Inpaint")
    page.keyboard.press("Escape")
    studio.pad.focus()
    page.keyboard.press("Control+Enter")
    studio.until(lambda: "mask is empty" in studio.python("studio.status.text"))
    studio.shot("task-fill-in-without-a-mask")
    assert studio.shown(0.5, 0.5) == canvas
    mark(studio, 0.5, 0.5)
    studio.shot("task-fill-in-masked")
    run(studio, 4)
    assert studio.python(UNCHANGED) == "True"
    studio.shot("task-fill-in")

    task(studio, "Paint features")
    tile = page.locator(".rw-palette [role=option]").nth(2)
    tile.click()
    studio.until(lambda: studio.python("studio.target.palette.value") == str(tile.get_attribute("data-name")))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    third = str(page.locator(".rw-palette [role=option]").nth(3).get_attribute("data-name"))
    studio.until(lambda: studio.python("studio.target.palette.value") == third)
    run(studio, 5)
    assert studio.python("studio.trace.task, studio.trace.target") == f"paint_features {third}"
    assert studio.python(UNCHANGED) == "True"
    studio.shot("task-features")

    task(studio, "Sketch to image")
    studio.choose("goldfish")
    studio.blob("orange")
    run(studio, 6)
    studio.shot("task-sketch")

    # Nothing already made is lost: the first run comes back by a click on its thumbnail.
    assert studio.python("[t.task for t in studio.traces]").count("'") == 12
    page.locator(".rw-view-history button:visible").last.click()
    studio.until(lambda: studio.python("studio.runner.shown_trace is studio.traces[0]") == "True")


def test_searching_the_palette_and_choosing_by_keyboard_alone(studio: StudioPage) -> None:
    task(studio, "Paint features")
    page = studio.page
    page.get_by_label("find a feature").click()
    page.keyboard.type("pizza")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    studio.until(lambda: "pizza" in studio.python("rw.model_features()[0] and studio.target.palette.value"))
    page.keyboard.press("Tab")
    assert page.evaluate("() => !document.activeElement.closest('.rw-palette')"), "Tab leaves the palette"


def test_live_mode_goes_on_by_itself_after_each_stroke(studio: StudioPage) -> None:
    studio.fill("dark blue")
    studio.page.get_by_role("button", name="Live").click()
    studio.blob("orange")
    studio.until(lambda: studio.python("len(studio.traces)") == "1", RUN)
    studio.wait_for_state("done")
    studio.swatch("white")
    studio.page.mouse.move(*studio.at(0.8, 0.2))
    studio.page.mouse.down()
    studio.page.mouse.move(*studio.at(0.85, 0.2), steps=4)
    studio.page.mouse.up()
    studio.until(lambda: studio.python("len(studio.traces)") == "2", RUN)
    studio.until(lambda: studio.python("studio.runner.running") == "False", RUN)
    assert studio.python("'start' in studio.traces[-1].inputs") == "True"
    studio.shot("live")


def test_a_branch_and_the_code_of_a_run(studio: StudioPage) -> None:
    task(studio, "Generate")
    run(studio, 1)
    studio.page.get_by_role("button", name="Branch from here").click()
    studio.until(lambda: studio.python("len(studio.traces)") == "2", RUN)
    studio.until(lambda: studio.python("studio.runner.running") == "False", RUN)
    studio.page.get_by_role("button", name="Copy code").click()
    area = studio.page.locator(".jp-OutputArea textarea").last
    area.wait_for(state="visible")
    assert "rw.make_problem(" in area.input_value()
    again = studio.book.python(area.input_value() + "\nprint(bool((trace.frames == studio.traces[-1].frames).all()))")
    assert again.strip().endswith("True"), again
