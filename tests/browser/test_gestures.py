"""What happens in the middle of a stroke, in a real browser: another tool, zoom, a palm, a wheel, and a cut file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from easel import Easel, opened
from lab import Notebook, until
from playwright.sync_api import Browser, Page, expect
from test_viewer import open_file, saved

pytestmark = pytest.mark.browser

WHITE, ORANGE, BLUE = (255, 255, 255), (242, 140, 40), (47, 111, 183)


def test_a_stroke_keeps_the_brush_that_it_began_with(easel: Easel) -> None:
    easel.color("orange")
    mouse = easel.page.mouse
    mouse.move(*easel.at(40, 128))
    mouse.down()
    mouse.move(*easel.at(100, 128), steps=5)
    easel.book.python(
        "surface.pad.tool, surface.pad.color, surface.pad.layer = 'eraser', '#2f6fb7', 'mask'; box.size.value = 60"
    )
    easel.page.wait_for_timeout(300)
    mouse.move(*easel.at(160, 128), steps=5)
    mouse.up()
    easel.changed(1)
    easel.until(easel.is_shown)
    assert easel.shown(60, 128) == easel.shown(150, 128) == ORANGE
    assert easel.shown(150, 145) == WHITE, "no wider than it began"
    assert easel.python("surface.has_mask, len(changes)") == "False 1"
    easel.drag((40, 128), (160, 128))
    easel.changed(1)
    easel.until(easel.is_shown)
    assert easel.shown(60, 128) == ORANGE, "the next stroke is of the new layer"


def test_zoom_in_the_middle_of_a_stroke_goes_on_at_the_pointer(easel: Easel) -> None:
    easel.color("blue")
    page = easel.page
    page.mouse.move(*easel.at(64, 128))
    page.mouse.down()
    page.mouse.move(*easel.at(128, 128), steps=5)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -60)
    page.keyboard.up("Control")
    easel.until(lambda: page.locator(".rw-pad-percent").inner_text() != "100%")
    page.mouse.move(*easel.at(192, 128), steps=5)
    page.mouse.up()
    easel.changed(1)
    easel.press("0")
    easel.until(easel.is_shown)
    sketch = easel.array("raster.sketch[..., 3]")
    columns = sketch[128].nonzero()[0]
    assert columns.min() <= 60 and 140 < columns.max() < 192, "half as far at twice the size"
    assert sketch.nonzero()[0].min() >= 118 and sketch.nonzero()[0].max() <= 138, "one straight stroke"
    assert easel.python("len(changes)") == "1"


SLIDERS = """
import ipywidgets
from robust_widgets.interface.parameters import EPSILON, STEP_SIZE, STEPS
from robust_widgets.widgets.controls import SliderControl
sliders = [SliderControl(parameter, 248) for parameter in (EPSILON, STEP_SIZE, STEPS)]
for slider in sliders:
    slider.widget.observe(lambda change: changes.append(change['new']), 'value')
changes.clear()
ipywidgets.VBox([slider.widget for slider in sliders])
"""


def test_sliders_on_the_page_keep_what_python_sets(easel: Easel, open_notebook: Callable[..., Notebook]) -> None:
    easel.page.evaluate("() => { for (let i = 0; i < 9; i++) easel.key(']') }")
    easel.until(lambda: easel.python("box.size.value") == "119")
    book = open_notebook(f"changes = []\n{SLIDERS}")
    book.run_cell(0)
    book.page.wait_for_selector(".noUi-target")
    for values in ((7.0, 0.7, 7), (12.3, 1.23, 123), (250.5, 0.05, 500)):
        book.python(f"for slider, value in zip(sliders, {values}): slider.value = value")
    book.page.wait_for_timeout(600)
    found = book.python("print(*(slider.value for slider in sliders), len(changes))")
    assert found.split() == ["250.5", "0.05", "500", "9"]
    book.page.locator(".noUi-handle").first.press("ArrowLeft")
    until(book.page, lambda: book.python("print(len(changes), sliders[0].value)").split() == ["10", "250.0"])


def test_a_stroke_that_the_system_cancels_leaves_nothing(easel: Easel) -> None:
    easel.page.evaluate(
        """() => {
          const finger = { pointerType: 'touch', pointerId: 5 };
          easel.point('pointerdown', 60, 60, finger);
          easel.point('pointermove', 120, 60, finger);
          easel.point('pointercancel', 120, 60, { ...finger, buttons: 0 });
        }"""
    )
    easel.page.wait_for_timeout(400)
    assert easel.python("len(changes)") == "0" and not easel.inks()
    easel.drag((60, 60), (120, 60))
    easel.changed(1)
    easel.until(easel.is_shown)


def test_the_palm_of_the_hand_that_holds_the_pen_paints_nothing(easel: Easel) -> None:
    easel.page.evaluate(
        """() => {
          const pen = { pointerType: 'pen', pressure: 1, pointerId: 2 };
          const palm = id => ({ pointerType: 'touch', pointerId: id, isPrimary: id === 7 });
          easel.point('pointerdown', 200, 220, palm(7));
          easel.point('pointermove', 210, 220, palm(7));
          easel.point('pointerdown', 60, 60, pen);
          easel.point('pointerdown', 220, 230, palm(8));
          easel.point('pointermove', 160, 60, pen);
          easel.point('pointermove', 190, 230, palm(8));
          easel.point('pointerup', 160, 60, { ...pen, pressure: 0 });
          for (const id of [7, 8]) easel.point('pointerup', 200, 220, palm(id));
        }"""
    )
    easel.changed(1)
    easel.until(easel.is_shown)
    assert easel.python("raster.sketch[60, 60:160, 3].min(), raster.sketch[150:, :, 3].any(), len(changes)") == (
        "255 False 1"
    )
    assert easel.page.locator(".rw-pad-percent").inner_text() == "100%"


def test_the_wheel_over_the_canvas_scrolls_the_notebook(easel: Easel) -> None:
    page = easel.page
    top = "() => Math.max(...[...document.querySelectorAll('.jp-NotebookPanel *')].map(part => part.scrollTop))"
    page.set_viewport_size({"width": 1280, "height": 420})
    page.wait_for_timeout(300)
    before = page.evaluate(top)
    page.locator(".rw-pad-surface").scroll_into_view_if_needed()
    box = easel.pad.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, max(box["y"] + 20, 200))
    try:
        for way in (-1, 1):
            before = page.evaluate(top)
            page.mouse.wheel(0, 90 * way)
            page.wait_for_timeout(300)
            if page.evaluate(top) != before:
                break
        assert page.evaluate(top) != before
        assert page.locator(".rw-pad-percent").inner_text() == "100%"
    finally:
        page.set_viewport_size({"width": 1280, "height": 1100})


def test_a_cut_run_says_so_again_after_a_reload(lab_page: Page, lab_folder: Path) -> None:
    page = lab_page
    saved(lab_folder)
    (lab_folder / "noise.rwtrace").write_bytes(bytes(range(256)) * 40)
    (lab_folder / "empty.rwtrace").write_bytes(b"")
    for name in ("cut.rwtrace", "noise.rwtrace", "empty.rwtrace"):
        open_file(page, name)
        notice = page.locator(".jp-MainAreaWidget:not(.lm-mod-hidden) .rw-run-notice[role='alert']")
        until(page, lambda notice=notice, name=name: notice.count() == 1 and name in notice.inner_text())
    page.evaluate("() => window.jupyterapp.commands.execute('filebrowser:go-to-path', {path: ''})")
    page.wait_for_timeout(1000)  # JupyterLab saves its layout
    page.goto(page.url.partition("?")[0], wait_until="domcontentloaded")
    page.wait_for_selector(".rw-run-notice[role='alert']", state="attached", timeout=120_000)
    open_file(page, "fish.rwtrace")
    page.locator(".rw-viewer .rw-watch").wait_for()


TWO_BOXES = """
import ipywidgets
from robust_widgets.widgets.status_line import StatusLine
from robust_widgets.widgets.painting.paint_box import PaintBox
from robust_widgets.widgets.painting.surface import Surface
surfaces, boxes, changes = [], [], []
for number in range(2):
    surface = Surface(StatusLine())
    surface.on_change(lambda number=number: changes.append(number))
    box = PaintBox(surface, StatusLine())
    box.size.value, box.softness.value = 16, 0
    surfaces.append(surface); boxes.append(box)
ipywidgets.HBox([box.widget for box in boxes])
"""


def test_two_fingers_on_two_canvases_paint_on_both(lab_folder: Path, lab_address: str, browser: Browser) -> None:
    with opened(lab_folder, lab_address, browser, "two-canvases.ipynb", cell=TWO_BOXES) as book:
        book.run_cell(0)
        page = book.page
        pads = page.locator(".rw-pad-surface")
        expect(pads).to_have_count(2)
        page.wait_for_timeout(500)
        touch = page.context.new_cdp_session(page)

        def fingers(kind: str, *columns: float) -> None:
            places: list[dict[str, float]] = []
            for number, column in enumerate(columns):
                box = pads.nth(number).bounding_box()
                assert box is not None
                x, y = box["x"] + column / 256 * box["width"], box["y"] + (64 + 64 * number) / 256 * box["height"]
                places.append({"x": x, "y": y, "id": number})
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

        fingers("touchStart", 60)
        fingers("touchStart", 60, 100)
        for step in range(1, 7):
            fingers("touchMove", 60 + 20 * step, 100 + 10 * step)
        fingers("touchEnd")
        until(page, lambda: book.python("print(sorted(changes))").strip() == "[0, 1]")
        sketch = "surfaces[{}].raster.sketch[{}, {}, 3].min()"
        drawn = [sketch.format(0, 64, "62:178"), sketch.format(1, 128, "102:158")]
        assert book.python(f"print({drawn[0]}, {drawn[1]})").split() == ["255", "255"]


@pytest.mark.parametrize("zoom", [0.5, 2])
def test_the_brush_paints_under_the_pointer_at_any_zoom_of_the_page(zoom: float, easel: Easel) -> None:
    easel.page.evaluate("zoom => { document.documentElement.style.zoom = zoom; }", zoom)
    try:
        easel.page.wait_for_timeout(300)
        easel.pad.scroll_into_view_if_needed()
        easel.drag((60, 100), (200, 100))
        easel.changed(1)
        easel.until(easel.is_shown)
        sketch = easel.array("raster.sketch[..., 3]")
        rows, columns = sketch.nonzero()
        assert [rows.min(), rows.max()] == pytest.approx([92, 107], abs=1)
        assert [columns.min(), columns.max()] == pytest.approx([52, 207], abs=1)
    finally:
        easel.page.evaluate("() => { document.documentElement.style.zoom = ''; }")
