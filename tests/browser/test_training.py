"""The training monitor in a real JupyterLab: mouse, keyboard, a reload, and what is left without a kernel."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from lab import Notebook, new_page, until
from playwright.sync_api import Browser, Locator, Page, expect
from studio_page import SHOTS, WAIT

pytestmark = pytest.mark.browser

OpenNotebook = Callable[..., Notebook]

MONITOR = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from lessons import Lessons, plan
from robust_widgets.interface.training_session import TrainingEnded, TrainingNote
from robust_widgets.testing import FakeTrainingSession
from robust_widgets.widgets.training import TrainingMonitorWidget
session = FakeTrainingSession(plan(epochs=20, steps=30))
lessons = Lessons(session)
monitor = TrainingMonitorWidget(session)
monitor
"""


class MonitorPage:
    """The monitor in the output of the first cell."""

    def __init__(self, book: Notebook) -> None:
        self.book = book
        self.page: Page = book.page
        self.errors: list[str] = []
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        book.run_cell(0)
        self.page.wait_for_selector(".rw-training", timeout=WAIT)
        self.root = self.page.locator(".rw-training").first

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def wait_for(self, state: str) -> None:
        self.page.wait_for_selector(f".rw-training[data-state='{state}']", timeout=WAIT)

    def step(self) -> int:
        return int(self.root.get_attribute("data-step") or -1)

    def rows(self) -> list[str]:
        return self.root.locator(".rw-training-epoch").all_inner_texts()

    def python(self, expression: str) -> str:
        return self.book.python(f"print({expression})").strip()

    def focused(self) -> str:
        return str(self.page.evaluate("() => document.activeElement.innerText.trim()"))

    def until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        until(self.page, condition, seconds)

    def shot(self, name: str) -> None:
        if SHOTS:
            self.page.screenshot(path=f"{SHOTS}/monitor_{name}.png")


def test_a_run_is_watched_paused_stopped_and_taken_up_again(open_notebook: OpenNotebook) -> None:
    monitor = MonitorPage(open_notebook(MONITOR))
    page, press = monitor.page, monitor.page.keyboard.press
    monitor.shot("idle")
    expect(monitor.button("Pause")).to_be_disabled()
    monitor.button("Start").click()
    monitor.wait_for("running")
    monitor.until(lambda: len(monitor.rows()) >= 3)
    assert monitor.rows()[-1] == "epoch 1" and "10,400 pictures" in monitor.root.inner_text()
    lines = monitor.root.locator(".rw-chart-plot svg path")
    assert lines.count() == 3 and all("L" in (line.get_attribute("d") or "") for line in lines.all())
    classes = monitor.root.locator(".rw-training-class").all_inner_texts()
    assert classes[1].split() == ["goldfish"] and len(classes) == 9

    cells = page.locator(".jp-Cell").count()
    monitor.button("Pause").focus()
    press("Enter")
    monitor.wait_for("paused")
    assert monitor.focused() == "Resume", "the focus stays where it was"
    paused = int(monitor.python("lessons.done"))
    press("Space")
    monitor.wait_for("running")
    monitor.until(lambda: monitor.step() > paused + 5)
    monitor.until(lambda: "left" in monitor.root.locator(".rw-training-progress").inner_text())
    press("Tab")
    assert monitor.focused() == "Stop"
    press("Space")
    monitor.wait_for("stopped")
    assert page.locator(".jp-Cell").count() == cells, "no key went on to the notebook"
    stopped = int(monitor.python("lessons.done"))
    monitor.until(lambda: monitor.step() == stopped)
    assert monitor.root.get_by_role("progressbar").get_attribute("aria-valuenow") == str(stopped)

    monitor.button("Continue").click()
    monitor.wait_for("running")
    monitor.until(lambda: monitor.step() > stopped)
    monitor.book.python("lessons.seconds = 0.001")
    monitor.wait_for("done")
    assert monitor.step() == 600 and monitor.rows()[0] == "epoch 20" and len(monitor.rows()) <= 16
    status = monitor.root.locator(".rw-view-announcer").inner_text()
    assert status == "Done: 600 steps; 'my-animals.safetensors' is written."
    for name in ("Start", "Pause", "Stop"):
        expect(monitor.button(name)).to_be_disabled()
    monitor.shot("done")
    assert monitor.errors == []


def test_values_are_read_and_pictures_enlarged_with_the_pointer_and_the_keys(open_notebook: OpenNotebook) -> None:
    monitor = MonitorPage(open_notebook(MONITOR))
    page, press = monitor.page, monitor.page.keyboard.press
    monitor.book.python("lessons.seconds, lessons.most = 0.001, 470; monitor.start()")
    monitor.until(lambda: monitor.step() == 470)
    monitor.button("Pause").click()
    monitor.book.python("session.emit(TrainingNote('3 of 10,403 files are no pictures and were left out.'))")
    expect(monitor.root.locator(".rw-training-notice")).to_contain_text("3 of 10,403 files")

    plots = monitor.root.get_by_role("slider")
    plots.nth(1).hover(position={"x": 1, "y": 30})
    assert "step 30, epoch 1" in monitor.root.locator(".rw-chart-foot").nth(1).inner_text()
    page.mouse.move(5, 5)
    assert "step 0" in monitor.root.locator(".rw-chart-foot").nth(1).inner_text()
    plots.nth(1).focus()
    press("Home")
    assert plots.nth(1).get_attribute("aria-valuetext") == "step 30, epoch 1: clean 35 %, l2 1.5, 5 steps 18 %"
    press("ArrowRight")
    assert "epoch 2:" in (plots.nth(1).get_attribute("aria-valuetext") or "")
    plots.nth(0).focus()
    press("End")
    assert f"step {monitor.step()}," in (plots.nth(0).get_attribute("aria-valuetext") or "")

    rows = monitor.rows()
    picture = monitor.root.locator(".rw-training-picture")
    picture.nth(2).click()
    enlarged = monitor.root.locator("dialog img")
    expect(enlarged).to_have_attribute("alt", f"golden retriever, {rows[0]}")
    assert enlarged.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
    assert enlarged.evaluate("image => image.decode().then(() => image.naturalWidth)") == 64
    first = enlarged.get_attribute("src")
    press("ArrowLeft")
    expect(enlarged).to_have_attribute("alt", f"golden retriever, {rows[1]}")
    assert enlarged.get_attribute("src") != first
    monitor.shot("enlarged")
    press("Escape")
    expect(enlarged).to_be_hidden()
    label = "() => document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(label) == f"golden retriever, {rows[1]}"
    press("ArrowDown")
    press("ArrowRight")
    assert page.evaluate(label) == f"barn, {rows[2]}"
    assert monitor.root.locator(".rw-training-picture[tabindex='0']").count() == 1
    assert monitor.errors == []

    for theme in ("Light", "Dark"):
        page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", f"JupyterLab {theme}"
        )
        page.wait_for_timeout(1500)
        for width in (1280, 800):
            page.set_viewport_size({"width": width, "height": 1100})
            page.wait_for_timeout(500)
            inside = monitor.root.evaluate("root => root.scrollWidth <= root.clientWidth")
            assert inside, f"nothing sticks out at {width} px"
            monitor.shot(f"{theme.lower()}_{width}")


def test_a_reload_keeps_everything_and_a_saved_notebook_shows_it_without_a_kernel(
    open_notebook: OpenNotebook, lab_folder: Path, lab_address: str, browser: Browser
) -> None:
    monitor = MonitorPage(open_notebook(MONITOR))
    monitor.button("Start").click()
    monitor.until(lambda: len(monitor.rows()) >= 2)
    monitor.button("Stop").click()
    monitor.wait_for("stopped")
    monitor.until(lambda: monitor.step() == int(monitor.python("lessons.done")))
    kept = (monitor.step(), monitor.rows(), monitor.root.locator(".rw-training-progress").inner_text())
    assert monitor.python("monitor.snapshot.flush(300)") == "True"
    snapshot = monitor.page.locator(".rw-keepsake")
    snapshot.locator("img").wait_for(state="attached")
    assert not snapshot.is_visible(), "the live monitor shows all of it already"
    monitor.book.command("docmanager:save")
    path = lab_folder / Path(monitor.page.url.split("?")[0]).name
    monitor.until(lambda: "image/jpeg" in path.read_text())
    monitor.page.reload()
    monitor.book.ready()
    monitor.wait_for("stopped")
    monitor.until(lambda: monitor.rows() == kept[1])
    assert (monitor.step(), monitor.root.locator(".rw-training-progress").inner_text()) == (kept[0], kept[2])
    assert monitor.root.locator(".rw-view-announcer").inner_text() == "", "what is old is no news"
    monitor.button("Continue").click()
    monitor.until(lambda: monitor.step() > kept[0])
    monitor.button("Pause").click()
    monitor.wait_for("paused")
    assert json.loads(monitor.python("len(monitor.steps)")) == int(monitor.python("lessons.done"))
    assert monitor.errors == []
    monitor.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")

    page = new_page(browser, viewport={"width": 1280, "height": 1100})
    page.goto(f"{lab_address}/lab/tree/{path.name}?reset")
    picture = page.locator(".rw-keepsake img")
    picture.wait_for(timeout=2 * WAIT)
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 600
    assert "my animals: stopped at step" in (picture.get_attribute("alt") or "")
    page.locator(".jupyter-widgets").wait_for(state="hidden")  # "model not found" is not what a reader needs
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/monitor_without-kernel.png")
    page.close()
