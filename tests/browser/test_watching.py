"""Watching runs in a real JupyterLab: steps, history, comparing, and what is left without a kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from lab import PATIENCE, Notebook, new_page, until
from playwright.sync_api import Browser, FrameLocator, Locator, Page
from studio_page import SHOTS, WAIT

from robust_widgets.runs.notebook import MIME

pytestmark = pytest.mark.browser

OpenNotebook = Callable[..., Notebook]
MEGABYTE = 1 << 20

HERE = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})"
RUNNER = f"""
{HERE}
import ipywidgets
from IPython.display import display
from scripted import ScriptedSession, trace
from robust_widgets.interface.session import RunRequest
from robust_widgets.widgets.status_line import StatusLine
from robust_widgets.widgets.runner import Runner
from robust_widgets.widgets.player.snapshot import Snapshot
wanted = {{"target": "goldfish", "steps": 60}}
session = ScriptedSession()
make_request = lambda: RunRequest("sketch_to_image", wanted["target"], {{"steps": wanted["steps"]}})
runner, branched, snapshot = Runner(session, StatusLine(), make_request), [], Snapshot()
runner.on_branch(lambda trace, step: branched.append((trace.target, step)))
runner.on_end(lambda trace, event: snapshot.update(runner.traces))
display(ipywidgets.HBox([runner.view, ipywidgets.VBox([runner.run_button, runner.stop_button])]))
snapshot.show()
"""


class Watching:
    """A view on a page."""

    def __init__(self, book: Notebook) -> None:
        self.book = book
        self.page: Page = book.page
        book.run_cell(0)
        self.page.wait_for_selector(".rw-view", timeout=WAIT)
        self.view = self.page.locator(".rw-view").first

    def part(self, name: str) -> Locator:
        return self.view.locator(f".rw-view-{name}")

    def run(self, target: str = "goldfish", steps: int = 60, wait: bool = True) -> None:
        before = int(self.python("len(runner.traces)"))
        self.book.python(f"wanted.update(target={target!r}, steps={steps}); runner.run()")
        self.until(lambda: int(self.python("len(runner.traces)")) == before + 1)
        if wait:
            self.until(lambda: self.python("runner.running") == "False", 120)
            self.page.wait_for_selector(".rw-view[data-state='done'][data-recorded='true']", timeout=WAIT)

    def python(self, expression: str) -> str:
        return self.book.python(f"print({expression})").strip()

    def step(self) -> int:
        return int(self.view.get_attribute("data-step") or -1)

    def at(self, step: int) -> None:
        self.until(lambda: self.step() == step)

    def picture(self) -> str:
        """What the view shows, to tell it from other pictures."""
        return str(self.view.locator("canvas").evaluate("canvas => canvas.toDataURL()"))

    def until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        until(self.page, condition, seconds)

    def shot(self, name: str) -> None:
        if SHOTS:
            self.view.screenshot(path=f"{SHOTS}/{name}.png")


def test_every_step_is_reached_by_mouse_and_by_keyboard(open_notebook: OpenNotebook) -> None:
    watching = Watching(open_notebook(RUNNER))
    page, press = watching.page, watching.page.keyboard.press
    assert watching.part("play").is_disabled() and watching.part("still").first.is_disabled()
    watching.run()
    watching.at(60)
    for name, step in (("first", 0), ("next", 1), ("last", 60), ("previous", 59)):
        watching.part(name).click()
        watching.at(step)
    watching.until(lambda: watching.python("runner.shown_step") == "59")
    watching.part("still").nth(4).click()
    watching.at(34)
    assert watching.part("still").nth(4).get_attribute("aria-current") == "true"
    plot = watching.view.locator(".rw-chart-plot:visible").first
    box = plot.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 5)
    watching.at(30)

    cells = page.locator(".jp-Cell").count()
    watching.part("slider").focus()
    for key, step in (("ArrowRight", 31), ("ArrowLeft", 30), ("Home", 0), ("End", 60)):
        press(key)
        watching.at(step)
    assert "step 60 of 60" in (watching.part("slider").get_attribute("aria-valuetext") or "")
    watching.part("speed").select_option("4")
    watching.part("slider").focus()
    press("Space")
    assert watching.part("play").get_attribute("aria-label") == "pause"
    watching.until(lambda: watching.part("play").get_attribute("aria-label") == "play")
    assert watching.step() == 60, "without the loop it ends at the last step"
    watching.part("loop").click()
    assert watching.part("loop").get_attribute("aria-pressed") == "true"
    watching.part("play").click()
    steps = set()
    watching.until(lambda: steps.add(watching.step()) or (max(steps) > 50 and min(steps) < 10 and len(steps) > 6))
    press("Space")
    assert watching.part("play").get_attribute("aria-label") == "play"
    assert page.locator(".jp-Cell").count() == cells
    seen = []
    watching.part("slider").focus()
    for _ in range(16):
        press("Tab")
        inside = page.evaluate("() => !!document.activeElement.closest('.rw-view')")
        seen.append(page.evaluate("() => document.activeElement.className"))
        if not inside:
            break
    assert not inside, f"Tab is trapped: {seen}"
    watching.shot("stepped")


def test_start_gradient_and_branch(open_notebook: OpenNotebook) -> None:
    watching = Watching(open_notebook(RUNNER))
    watching.run()
    watching.at(60)
    end = watching.picture()
    watching.part("first").click()
    watching.at(0)
    start = watching.picture()
    watching.part("last").click()
    watching.at(60)
    watching.page.keyboard.down("\\")
    watching.until(lambda: watching.picture() == start)
    assert watching.part("badge").inner_text() == "start"
    watching.page.keyboard.up("\\")
    watching.until(lambda: watching.picture() == end)

    watching.part("previous").click()
    watching.at(59)
    plain = watching.picture()
    watching.part("gradient").click()
    assert watching.part("gradient").get_attribute("aria-pressed") == "true"
    watching.until(lambda: watching.picture() != plain)
    assert watching.part("scale").is_visible() and not watching.part("badge").is_visible()
    watching.shot("gradient")
    watching.part("last").click()
    watching.until(lambda: watching.part("badge").inner_text() == "gradient of step 59")
    watching.part("gradient").click()
    watching.until(lambda: watching.picture() == end)

    watching.part("slider").focus()
    for _ in range(3):
        watching.page.keyboard.press("ArrowLeft")
    watching.at(57)
    watching.part("branch").click()
    watching.until(lambda: watching.python("branched") == "[('goldfish', 57)]")


def test_curves_are_named_and_told_in_words(open_notebook: OpenNotebook) -> None:
    watching = Watching(open_notebook(RUNNER))
    watching.run()
    tabs = watching.view.get_by_role("tab")
    assert tabs.all_inner_texts() == ["Loss & target", "Top 5", "Distance"]
    labels = watching.view.locator(".rw-chart-label:visible")
    assert [label.split("\n")[0] for label in labels.all_inner_texts()] == ["loss", "goldfish"]
    tabs.nth(0).focus()
    watching.page.keyboard.press("ArrowRight")
    assert tabs.nth(1).get_attribute("aria-selected") == "true" and labels.count() == 5
    dashes = {path.evaluate("path => getComputedStyle(path).strokeDasharray") for path in lines(watching)}
    assert len(dashes) == 5, "told apart without colour, too"
    watching.shot("top-5")
    watching.page.keyboard.press("ArrowRight")
    assert labels.all_inner_texts()[0].startswith("distance")
    assert watching.view.locator(".rw-chart-rule:visible").get_attribute("data-name") == "ε 40"
    status = watching.view.get_by_role("status").inner_text()
    assert status.startswith("goldfish: 60 steps in")


def lines(watching: Watching) -> list[Locator]:
    return watching.view.locator(".rw-chart-plot:visible svg path").all()


def test_any_run_is_gone_back_to_while_another_goes_on(open_notebook: OpenNotebook) -> None:
    watching = Watching(open_notebook(RUNNER))
    for target in ("goldfish", "dog"):
        watching.run(target)
    dog = watching.picture()
    watching.run("barn", 5000, wait=False)
    watching.until(lambda: watching.step() > 5)
    runs = watching.view.locator(".rw-view-run")
    assert [run.get_attribute("data-state") for run in runs.all()] == ["running", "done", "done"]
    runs.nth(1).click()
    watching.page.wait_for_selector(".rw-view[data-state='done']")
    watching.until(lambda: watching.picture() == dog)
    assert watching.python("(runner.running, runner.shown_trace is runner.traces[1])") == "(True, True)"
    assert runs.nth(1).get_attribute("aria-current") == "true"
    watching.part("first").click()
    watching.at(0)
    runs.nth(1).focus()
    watching.page.keyboard.press("ArrowLeft")
    watching.page.keyboard.press("Enter")
    watching.page.wait_for_selector(".rw-view[data-state='running']")
    watching.until(lambda: watching.step() > 5)
    assert runs.nth(0).get_attribute("aria-label") == "run 3: barn, sketch to image (running)"
    watching.shot("history")
    watching.book.python("runner.stop()")
    watching.page.wait_for_selector(".rw-view[data-state='stopped']")
    watching.until(lambda: runs.nth(0).get_attribute("data-state") == "stopped")


def test_runs_are_compared_step_by_step(open_notebook: OpenNotebook) -> None:
    cell = f"{HERE}\nfrom scripted import trace\nfrom robust_widgets.widgets.player.compare import Compare\n"
    book = open_notebook(f"{cell}Compare(trace(1), trace(2, steps=40, target='dog'), labels=['one', 'two'])")
    book.run_cell(0)
    page = book.page
    page.wait_for_selector(".rw-compare[data-recorded]", timeout=WAIT)
    runs = page.locator(".rw-compare-run")

    def at(*steps: int) -> None:
        for index, step in enumerate(steps):
            page.wait_for_selector(f".rw-compare-run:nth-child({index + 1})[data-step='{step}']", timeout=WAIT)

    at(60, 40)
    page.locator(".rw-compare .rw-view-slider").focus()
    page.keyboard.press("Home")
    at(0, 0)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    at(3, 3)
    assert "probability" in runs.first.inner_text() and "one" in runs.first.inner_text()
    labels = page.locator(".rw-compare .rw-chart-label:visible")
    assert [label.split("\n")[0] for label in labels.all_inner_texts()] == ["one", "two"]
    page.keyboard.press("Space")
    at(60, 40)
    if SHOTS:
        page.locator(".rw-compare").screenshot(path=f"{SHOTS}/compare.png")


def check_player(player: FrameLocator | Locator, page: Page) -> None:
    """The player scrubs, by mouse and by keyboard."""
    root = player.locator(".rw-watch")
    root.wait_for(timeout=WAIT)
    picture = player.locator(".rw-player-picture")
    last = picture.get_attribute("src")
    player.locator(".rw-view-first").click()
    player.locator(".rw-watch[data-step='0']").wait_for()
    assert picture.get_attribute("src") != last and "step 0 of" in root.locator(".rw-player-line").inner_text()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 64
    player.locator(".rw-view-slider").focus()
    page.keyboard.press("ArrowRight")
    player.locator(".rw-watch[data-step='1']").wait_for()
    page.keyboard.press("End")
    player.locator(".rw-watch[data-step='60']").wait_for()
    assert picture.get_attribute("src") == last


def test_a_saved_notebook_shows_its_runs_without_a_kernel(
    open_notebook: OpenNotebook, lab_folder: Path, lab_address: str, browser: Browser
) -> None:
    watching = Watching(open_notebook(RUNNER, "trace(7)"))
    for target in ("goldfish", "dog"):
        watching.run(target)
    assert watching.python("snapshot.flush()") == "True"
    snapshot = watching.page.locator(".rw-keepsake")
    snapshot.locator(".rw-watch").wait_for(state="attached")
    assert not snapshot.is_visible(), "the live view shows the runs already"
    assert watching.page.locator(".jp-OutputArea-child:visible").count() == 1, "and no gap stands under it"
    watching.book.run_cell(1)
    check_player(watching.page.locator(".rw-output >> visible=true"), watching.page)
    watching.book.command("docmanager:save")
    path = lab_folder / Path(watching.page.url.split("?")[0]).name
    watching.until(lambda: "rw-player" in path.read_text())
    watching.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")

    page = new_page(browser, viewport={"width": 1280, "height": 1400})
    page.goto(f"{lab_address}/lab/tree/{path.name}?reset")
    player = page.locator(".rw-keepsake")
    check_player(player, page)
    player.locator(".rw-player-run").nth(0).click()
    assert "goldfish" in player.locator(".rw-player-title").inner_text()
    player.locator("summary").click()
    assert "goldfish" in player.locator(".rw-run-facts").inner_text()
    assert page.locator("iframe").count() == 0, "JupyterLab draws the player itself"
    page.locator(".jupyter-widgets").wait_for(state="hidden")  # "model not found" is not what a reader needs
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/without-kernel.png")
    page.close()

    stranger = json.loads(path.read_text())
    for cell in stranger["cells"]:
        cell["metadata"].pop("trusted", None)
    # As an earlier version left it, and as JupyterLab sees it without the extension.
    for output in stranger["cells"][0]["outputs"]:
        output["data"].pop(MIME, None)
    stranger["metadata"]["signed"] = "elsewhere"
    (lab_folder / "stranger.ipynb").write_text(json.dumps(stranger))
    page = new_page(browser, viewport={"width": 1280, "height": 1400})
    page.goto(f"{lab_address}/lab/tree/stranger.ipynb?reset")
    page.locator(".rw-keepsake > img").wait_for(timeout=WAIT)
    assert page.locator("iframe.rw-player").count() == 0, "not trusted: the strip stands in for the player"
    check_player(page.locator(".rw-output"), page)  # which runs nothing, and needs no trust
    page.close()

    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(path)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    context = browser.new_context(offline=True, color_scheme="dark", viewport={"width": 1000, "height": 1400})
    page = context.new_page()
    page.goto(path.with_suffix(".html").as_uri(), wait_until="domcontentloaded")
    check_player(page.frame_locator(".rw-keepsake iframe"), page)
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/exported-dark.png")
    context.close()


def resident(browser: Browser) -> int:
    """Bytes that the pages' processes hold."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return sum(psutil.Process(one["id"]).memory_info().rss for one in processes if one["type"] == "renderer")


def heap(page: Page) -> int:
    """Bytes of JavaScript objects that are still needed."""
    session: Any = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return int(metrics["JSHeapUsedSize"])


def test_a_thousand_frames_and_fifty_runs_do_not_fill_the_memory(
    open_notebook: OpenNotebook, browser: Browser, lab_folder: Path
) -> None:
    watching = Watching(open_notebook(RUNNER))
    watching.run()
    watching.page.wait_for_timeout(500)
    rss = "import psutil; psutil.Process().memory_info().rss"

    def held() -> dict[str, int]:
        script = heap(watching.page)
        kernel = int(watching.book.python(f"{rss.split(';')[0]}; print({rss.split(';')[1]})"))
        return {"heap": script, "pages": resident(browser), "kernel": kernel}

    before = held()
    watching.book.python("session.seconds = 0.001")
    watching.run("barn", 1000)
    for index in range(49):
        watching.run(("goldfish", "dog", "barn")[index % 3])
    runs = watching.view.locator(".rw-view-run")
    watching.until(lambda: runs.count() == 51)
    for index in range(0, 51, 5):
        runs.nth(index).click()
        watching.until(lambda index=index: runs.nth(index).get_attribute("aria-current") == "true")
    assert watching.python("snapshot.flush()") == "True"
    watching.page.wait_for_timeout(1000)
    after = held()
    grown = {name: (after[name] - before[name]) / MEGABYTE for name in before}
    watching.book.command("docmanager:save")
    path = lab_folder / Path(watching.page.url.split("?")[0]).name
    watching.until(lambda: "rw-player" in path.read_text())
    watching.page.wait_for_timeout(1000)
    size = path.stat().st_size / 1e6
    print(f"grown by MiB {grown}, the notebook has {size:.1f} MB")
    assert all(growth < 200 for growth in grown.values()), grown
    assert size < 5
