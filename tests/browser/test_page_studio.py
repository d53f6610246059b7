"""Robust Studio on a page, as a person uses it: each task, each way to paint, and what is saved."""

from __future__ import annotations

import ast
import base64
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_studio import TASKS, PageStudio
from PIL import Image
from playwright.sync_api import Browser, BrowserContext

from robust_widgets.interface.codegen import to_code
from robust_widgets.interface.examples import sketch

pytest.importorskip("onnxruntime", reason="the extra fast")
pytestmark = pytest.mark.browser

Open = Callable[..., PageStudio]
PICTURE = re.compile(r'= base64\.b64decode\(\n((?:    ".*"\n)+)\)')


@pytest.fixture
def open_page(browser: Browser, page_address: str) -> Iterator[Open]:
    """Opens the page in a browser of its own; in the end, nothing was asked of another host and no error was logged."""
    contexts: list[BrowserContext] = []
    studios: list[PageStudio] = []

    def open_it(hash: str = "", **options: Any) -> PageStudio:
        settings: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}, **options}
        context = browser.new_context(**settings)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=page_address.rstrip("/"))
        contexts.append(context)
        studios.append(PageStudio(context, page_address + hash))
        return studios[-1]

    yield open_it
    for context in contexts:
        context.close()
    host = page_address.partition("://")[2].strip("/")
    assert [studio.said for studio in studios if studio.said] == []
    assert {other for studio in studios for other in studio.hosts} <= {host, ""}


def calls(code: str) -> str:
    """What a run's code does, whatever the order of its keywords, and apart from its pictures."""
    tree = ast.parse(PICTURE.sub('= b""', code))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            node.keywords.sort(key=lambda keyword: keyword.arg or "")
    return ast.dump(tree)


def pictures_in(code: str) -> list[np.ndarray[Any, Any]]:
    """The pictures that a run's code contains."""
    blocks = [re.sub(r'[" \n]', "", block) for block in PICTURE.findall(code)]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(block))).convert("RGB")) for block in blocks]


def test_each_task_is_painted_by_mouse_and_saved_as_it_was_shown(open_page: Open, tmp_path: Path) -> None:
    studio = open_page()
    for name in TASKS:
        studio.page.evaluate(f"location.hash = 'task={name}&steps=3&seed=1'")
        studio.page.locator(f"main[data-task={name}]").wait_for()
        if name in ("sketch_to_image", "inpaint"):
            studio.paint(0.6 if name == "inpaint" else 0.5)
        studio.run()
        trace = studio.saved_run(tmp_path)
        assert (trace.task, len(trace), trace.seed, trace.parameters["steps"]) == (name, 4, 1, 3)
        assert trace.target == ("scales 1" if name == "paint_features" else "goldfish")
        assert trace.pixels.shape == (1, 64, 64, 3)
        # The result is enlarged, so its pixels differ a little from those of the run.
        difference = np.abs(np.array(studio.shown(64)) - trace.pixels.reshape(-1, 3).astype(int))
        assert np.median(difference) <= 3
        picture = np.asarray(Image.open(studio.save("Picture", tmp_path)))
        np.testing.assert_array_equal(picture, trace.pixels[0])
        code, expected = studio.copied_code(), to_code(trace, "tiny")
        assert calls(code) == calls(expected)
        for mine, theirs in zip(pictures_in(code), pictures_in(expected), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_a_run_goes_on_from_any_step_and_a_saved_one_opens_again(open_page: Open, tmp_path: Path) -> None:
    studio = open_page("#task=generate&steps=4&n=2&seed=5")
    studio.run()
    studio.page.locator(".rw-view-previous").click()
    studio.page.wait_for_selector(".rw-view[data-step='3']")
    studio.page.wait_for_timeout(250)  # the page is told a moment after the last step back
    first = studio.saved_run(tmp_path)
    assert first.pixels.shape == (2, 64, 64, 3)
    grid = np.asarray(Image.open(studio.save("Picture", tmp_path)))
    np.testing.assert_array_equal(grid, np.concatenate([*first[3].pixels], axis=1))
    studio.page.get_by_role("button", name="Branch from here").click()
    studio.wait_for_run(2)
    branch = studio.saved_run(tmp_path)
    np.testing.assert_array_equal(branch[0].pixels, first[3].pixels)
    np.testing.assert_array_equal(branch.inputs["start"], first[3].pixels)
    studio.page.get_by_role("button", name="Compare").click()
    studio.page.wait_for_selector(".rw-compare[data-recorded=true]")
    assert studio.page.locator(".rw-compare-run").count() == 2
    studio.page.keyboard.press("Escape")
    gif = Image.open(studio.save("Animation", tmp_path))
    assert getattr(gif, "n_frames", 0) == 5
    with studio.page.expect_file_chooser() as chooser:
        studio.page.get_by_role("button", name="Open a picture").click()
    chooser.value.set_files(studio.save("Whole run", tmp_path))
    studio.wait_for_run(3)
    again = studio.saved_run(tmp_path)
    np.testing.assert_array_equal(again.frames, branch.frames)
    for name, values in branch.metrics.items():
        np.testing.assert_array_equal(again.metrics[name], values)


def test_a_picture_is_placed_and_layers_and_drawings_are_there(open_page: Open, tmp_path: Path) -> None:
    studio = open_page("#task=sketch_to_image&steps=2")
    page = studio.page
    Image.new("RGB", (200, 100), (200, 50, 30)).save(tmp_path / "red.png")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open a picture").click()
    chooser.value.set_files(tmp_path / "red.png")
    page.wait_for_selector(".rw-pad-place:not([hidden])")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    studio.wait_for_status("^red.png is under your sketch")
    pixel = """([x, y]) => [...document.querySelector('.rw-layer-painting').getContext('2d')
      .getImageData(x, y, 1, 1).data].slice(0, 3)"""
    assert page.evaluate(pixel, [128, 128]) == [200, 50, 30]
    assert page.evaluate(pixel, [128, 40]) == [255, 255, 255]
    studio.paint()
    page.locator(".rw-pad-layers summary").click()
    page.get_by_role("button", name="Show the picture").click()
    assert page.evaluate(pixel, [128, 190]) == [255, 255, 255]
    drawing = studio.save("Drawing", tmp_path)
    assert drawing.suffix == ".svg" and "<path" in drawing.read_text("utf-8")


def test_fingers_paint_on_a_phone(open_page: Open, tmp_path: Path) -> None:
    studio = open_page("#task=sketch_to_image&steps=2", viewport={"width": 360, "height": 740}, has_touch=True)
    page = studio.page
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    box = page.locator(".rw-pad-surface").bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)
    for kind, x in (("touchStart", 0.3), ("touchMove", 0.5), ("touchMove", 0.7), ("touchEnd", None)):
        point = [] if x is None else [{"x": box["x"] + x * box["width"], "y": box["y"] + 0.5 * box["height"]}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": point})
    page.locator(".rs-run").tap()
    studio.wait_for_run(1)
    painted = studio.saved_run(tmp_path).inputs["picture"]
    assert (painted[128, 80] != 255).any() and (painted[128, 180] != 255).any()
    assert (painted[20, 128] == 255).all()


def test_the_keyboard_alone_is_enough(open_page: Open, tmp_path: Path) -> None:
    studio = open_page("#task=sketch_to_image&steps=2")
    press = studio.page.keyboard.press
    press("Tab")
    press("Enter")  # the link that skips to the canvas
    press("Enter")
    for _ in range(5):
        press("Shift+ArrowRight")
    press("Enter")
    press("Control+Enter")
    studio.wait_for_run(1)
    painted = studio.saved_run(tmp_path).inputs["picture"]
    assert (painted[128, 128] != 255).any() and (painted[128, 240] != 255).any()
    studio.page.get_by_role("radio", name="Sketch to image").focus()
    press("ArrowRight")
    assert studio.page.locator("main").get_attribute("data-task") == "generate"
    studio.page.get_by_role("combobox", name="class").focus()
    studio.page.keyboard.type("cat")
    press("Enter")
    press("Control+Enter")
    studio.wait_for_run(2)
    assert studio.saved_run(tmp_path).target == "cat"


def test_live_mode_runs_after_each_stroke(open_page: Open, tmp_path: Path) -> None:
    studio = open_page("#task=sketch_to_image&steps=2")
    studio.page.get_by_role("button", name="Live: run after each stroke").click()
    studio.paint(0.4)
    studio.wait_for_run(1)
    studio.paint(0.7)
    studio.wait_for_run(2)
    assert "start" in studio.saved_run(tmp_path).inputs


def test_an_example_is_painted_and_run_at_one_click(open_page: Open, tmp_path: Path) -> None:
    studio = open_page("#task=sketch_to_image&steps=2")
    page = studio.page
    page.evaluate("location.hash = 'task=translate&steps=2'")
    page.locator("main[data-task=translate]").wait_for()
    page.get_by_role("button", name="goldfish", exact=True).click()
    studio.wait_for_run(1)
    trace = studio.saved_run(tmp_path)
    assert (trace.task, trace.target) == ("sketch_to_image", "goldfish")
    drawn = sketch("goldfish", 256).astype(float)
    alpha = drawn[..., 3:] / 255
    on_paper = drawn[..., :3] * alpha + 255 * (1 - alpha)
    assert np.abs(trace.inputs["picture"] - on_paper).max() <= 3
    assert page.locator("details.rs-examples").get_attribute("open") is None
    page.locator(".rw-pad-surface").focus()
    page.keyboard.press("Control+z")
    assert len(set(studio.painting())) == 1


def test_a_surprise_generates_a_class_from_a_seed(open_page: Open, tmp_path: Path) -> None:
    studio = open_page("#task=generate&steps=2")
    studio.page.get_by_role("button", name="surprise").click()
    studio.wait_for_run(1)
    trace = studio.saved_run(tmp_path)
    assert trace.task == "generate" and trace.seed is not None and 0 <= trace.seed < 10_000
    assert trace.target in trace.classes
