"""Painting in a real JupyterLab: each tool by mouse, by keys and by finger, zoom, pictures, both themes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from easel import Easel, Share
from PIL import Image
from studio_page import near

pytestmark = pytest.mark.browser

WHITE, ORANGE, BLUE, GREEN, RED = (255, 255, 255), (242, 140, 40), (47, 111, 183), (79, 138, 60), (200, 50, 30)


def test_each_tool_paints_by_mouse_what_python_then_has(easel: Easel) -> None:
    easel.color("orange")
    easel.drag((40, 40), (100, 60))
    easel.tool("eraser")
    easel.drag((60, 20), (60, 80))
    easel.tool("line")
    easel.color("blue")
    easel.drag((140, 40), (220, 52), shift=True)
    easel.tool("rectangle")
    easel.color("green")
    easel.drag((30, 120), (90, 160))
    easel.drag((100, 120), (130, 124), shift=True)
    easel.tool("lasso")
    easel.color("red")
    easel.drag((160, 120), (220, 120), (220, 180), (160, 180))
    easel.tool("fill")
    easel.color("sand")
    easel.click(10, 250)
    easel.changed(7)
    easel.until(easel.is_shown)
    easel.shot("each-tool")
    assert easel.shown(40, 40) == ORANGE and easel.shown(60, 47) == (224, 180, 140), "erased, then filled"
    assert easel.shown(150, 40) == easel.shown(210, 40) == BLUE and easel.shown(210, 55) != BLUE, "level with Shift"
    assert easel.shown(31, 121) == easel.shown(88, 158) == GREEN and easel.shown(129, 149) == GREEN, "a square"
    assert easel.shown(170, 130) == easel.shown(218, 178) == RED
    assert easel.python("raster.mask.any(), status.text") == "False"

    easel.tool("eyedropper")
    easel.click(35, 140)
    easel.until(lambda: easel.python("surface.pad.color") == "#4f8a3c")
    easel.tool("brush")
    easel.page.keyboard.down("Alt")
    easel.click(170, 130)
    easel.page.keyboard.up("Alt")
    easel.until(lambda: easel.python("surface.pad.color") == "#c8321e")
    assert easel.python("len(changes)") == "7"


def test_strokes_have_softness_and_opacity_and_the_ink_looks_as_pythons_paint(easel: Easel) -> None:
    easel.book.python("box.softness.value, box.opacity.value, box.size.value = 0.8, 0.5, 60")
    easel.page.wait_for_timeout(300)
    easel.color("blue")
    easel.page.mouse.move(*easel.at(60, 128))
    easel.page.mouse.down()
    easel.page.mouse.move(*easel.at(200, 128), steps=10)
    easel.page.wait_for_timeout(100)
    ink = easel.page.evaluate("() => [60, 100, 130, 150].map((y, at) => easel.seen(100 + at, y))")
    easel.page.mouse.up()
    easel.changed(1)
    easel.until(easel.is_shown)
    paint = easel.page.evaluate("() => [60, 100, 130, 150].map((y, at) => easel.seen(100 + at, y))")
    assert all(near(a, b, 3) for a, b in zip(ink, paint, strict=True)), (ink, paint)
    assert near(paint[2], tuple((255 + c) // 2 for c in BLUE), 2), "half opaque"


def test_the_mask_is_painted_hidden_and_inverted(easel: Easel) -> None:
    easel.color("orange")
    easel.drag((40, 128), (220, 128))
    easel.press("m")
    easel.drag((128, 40), (128, 220))
    easel.changed(2)
    easel.until(easel.is_shown)
    easel.shot("mask")
    assert (
        easel.canvas("mask")[60, 128, 3] > 0
        and easel.python("raster.mask[60, 128], raster.sketch[60, 128, 3]") == "255 0"
    )

    easel.page.keyboard.down("\\")
    assert easel.page.locator(".rw-layer-image").evaluate("image => getComputedStyle(image).visibility") == "visible"
    easel.shot("before")
    easel.page.keyboard.up("\\")
    assert easel.page.locator(".rw-layer-image").evaluate("image => getComputedStyle(image).visibility") == "hidden"
    easel.page.get_by_role("button", name="Show the image without paint").hover()
    easel.page.mouse.down()
    assert easel.page.locator(".rw-before").count() == 1
    easel.page.mouse.up()
    assert easel.page.locator(".rw-before").count() == 0

    easel.press("x")
    easel.until(lambda: easel.python("raster.mask[60, 128], raster.mask[3, 3]") == "0 255")
    easel.page.locator("button[title^='Clear the mask']").click()
    easel.until(lambda: easel.python("surface.has_mask") == "False")
    easel.press("Control+z", "Control+z", "Control+z")
    easel.until(lambda: easel.python("surface.has_mask, raster.sketch.any()") == "False True")
    easel.until(easel.is_shown)

    easel.book.python("box.show_mask_tools(False)")
    easel.until(lambda: not easel.page.locator("button.rw-choose-layer-mask").is_visible())
    easel.press("m", "b")
    assert easel.python("surface.layer") == "sketch"


def test_one_can_paint_without_a_mouse(easel: Easel) -> None:
    cells = easel.page.locator(".jp-Cell").count()
    easel.press("b", "ArrowRight")
    assert easel.page.locator(".rw-pad-cursor").is_visible()
    for key in ("Enter", *["Shift+ArrowRight"] * 3, "Enter"):
        easel.page.keyboard.press(key)
    easel.changed(1)
    assert easel.python("raster.sketch[128, 132:205, 3].min()") == "255"
    for key in ("Shift+ArrowDown", "Shift+ArrowDown", "Space"):
        easel.page.keyboard.press(key)
    easel.changed(2)
    assert easel.python("raster.sketch[180, 210, 3], raster.sketch[154, 210, 3]") == "255 0"

    easel.press("r", "Shift+ArrowDown")
    for key in (
        "Enter",
        "Shift+ArrowLeft",
        "Shift+ArrowDown",
        "Escape",
        "Enter",
        "Shift+ArrowLeft",
        "ArrowDown",
        "Enter",
    ):
        easel.page.keyboard.press(key)
    easel.changed(3)
    easel.until(easel.is_shown)
    easel.press("g", "Enter")
    easel.changed(4)
    easel.page.keyboard.press("]")
    easel.until(lambda: float(easel.python("box.size.value")) == 20)
    for key, tool in (("e", "eraser"), ("u", "line"), ("l", "lasso"), ("i", "eyedropper"), ("b", "brush")):
        easel.page.keyboard.press(key)
        easel.until(lambda tool=tool: easel.python("surface.pad.tool") == tool)
        easel.page.locator(f".rw-choose-tool-{tool}[aria-pressed='true']").wait_for()
    easel.press(*["Control+z"] * 3, "Control+y")
    easel.changed(8)
    easel.until(easel.is_shown)
    assert easel.page.locator(".jp-Cell").count() == cells


def test_the_keys_are_listed_and_tab_goes_on(easel: Easel) -> None:
    easel.press("?")
    dialog = easel.page.get_by_role("dialog", name="Keyboard shortcuts of the painting canvas")
    dialog.wait_for()
    easel.shot("help")
    listed = dialog.inner_text()
    for key in (
        "B",
        "E",
        "U",
        "R",
        "L",
        "G",
        "I",
        "M",
        "X",
        "[",
        "]",
        "Ctrl-Z",
        "Ctrl-Shift-Z",
        "Ctrl-Enter",
        "Esc",
        "?",
    ):
        assert key in listed.split()
    easel.page.keyboard.press("Escape")
    assert dialog.count() == 0 or not dialog.is_visible()
    assert easel.pad.evaluate("pad => pad === document.activeElement")
    stops = []
    for _ in range(8):
        easel.page.keyboard.press("Tab")
        stops.append(
            easel.page.evaluate(
                "() => document.activeElement.getAttribute('aria-label') || document.activeElement.title"
            )
        )
    names = [stop.split(":")[0] for stop in stops]
    assert names[:2] == ["Picture", "Show the image without paint, while held"]
    place = names.index("Zoom out")
    assert names[place + 1].startswith("100%")
    assert names[place + 2 : place + 4] == ["Zoom in", "Keyboard shortcuts"]
    assert easel.page.locator(".rw-paint-box [tabindex='0'].rw-layer").count() == 0
    unnamed = easel.page.evaluate(
        """() => [...document.querySelectorAll('.rw-paint-box button, .rw-paint-box input:not([type=file])')]
          .filter(control => !(control.getAttribute('aria-label') || control.title || control.textContent.trim()
            || control.labels?.length || control.closest('[title]'))).map(control => control.outerHTML)"""
    )
    assert unnamed == []


def test_coordinates_stay_right_when_zoomed_and_moved(easel: Easel) -> None:
    easel.page.mouse.move(*easel.at(192, 64))
    top = easel.page.evaluate("() => document.querySelector('.jp-WindowedPanel-outer, .jp-Notebook').scrollTop")
    easel.page.keyboard.down("Control")
    for _ in range(8):
        easel.page.mouse.wheel(0, -60)
    easel.page.keyboard.up("Control")
    easel.until(lambda: easel.page.locator(".rw-pad-percent").inner_text() == "1600%")
    assert top == easel.page.evaluate("() => document.querySelector('.jp-WindowedPanel-outer, .jp-Notebook').scrollTop")
    easel.book.python("box.size.value = 2")
    easel.page.wait_for_timeout(300)
    easel.click(192, 64)
    easel.changed(1)
    center = "tuple(float(v.mean()) + 0.5 for v in __import__('numpy').nonzero(raster.sketch[..., 3])[::-1])"
    x, y = eval(easel.python(center))
    assert abs(x - 192) <= 0.6 and abs(y - 64) <= 0.6, "the point under the pointer stays where it is"
    easel.shot("zoomed")

    easel.press("0", "Control+z", "+", "+")
    assert easel.page.locator(".rw-pad-percent").inner_text() == "200%"
    easel.changed(2)
    easel.page.keyboard.down("Space")
    easel.drag((128, 128), (178, 108))
    easel.page.keyboard.up("Space")
    easel.page.mouse.move(*easel.at(128, 128))
    easel.page.mouse.down(button="middle")
    easel.page.mouse.move(*easel.at(138, 128), steps=3)
    easel.page.mouse.up(button="middle")
    assert easel.python("len(changes)") == "2", "moving the view paints nothing"
    easel.click(128, 128)
    easel.changed(3)
    x, y = eval(easel.python(center))
    assert abs(x - (128 - 30)) <= 1 and abs(y - (128 + 10)) <= 1, (x, y)
    assert easel.canvas("painting")[round(y - 0.5), round(x - 0.5), 2] < 255
    easel.press("-", "-", "-")
    assert easel.page.locator(".rw-pad-percent").inner_text() == "100%"


def test_two_fingers_move_the_view_and_take_back_what_one_began(easel: Easel) -> None:
    touch = easel.page.context.new_cdp_session(easel.page)

    def fingers(kind: str, *points: tuple[float, float]) -> None:
        places = [dict(zip("xy", easel.at(*point), strict=True), id=number) for number, point in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    fingers("touchStart", (100, 128))
    fingers("touchMove", (104, 128))
    fingers("touchStart", (104, 128), (152, 128))
    for step in range(1, 9):
        fingers("touchMove", (104 - 6 * step, 128), (152 + 6 * step, 128))
    fingers("touchEnd")
    zoom = int(easel.page.locator(".rw-pad-percent").inner_text().rstrip("%"))
    assert 250 < zoom < 350
    easel.page.wait_for_timeout(300)
    assert easel.python("len(changes)") == "0" and not easel.inks()
    easel.press("0")
    fingers("touchStart", (60, 60))
    fingers("touchMove", (120, 60))
    fingers("touchEnd")
    easel.changed(1)
    assert easel.python("raster.sketch[60, 60:120, 3].min()") == "255"


def test_a_pens_pressure_sets_the_width(easel: Easel) -> None:
    for pressure, y in ((0.1, 60), (1.0, 180)):
        easel.page.evaluate(
            """([pressure, y]) => {
              const more = { pointerType: 'pen', pressure };
              easel.point('pointerdown', 60, y, more);
              easel.point('pointermove', 200, y, more);
              easel.point('pointerup', 200, y, { ...more, pressure: 0 });
            }""",
            [pressure, y],
        )
    easel.changed(2)
    thin, thick = (int(easel.python(f"(raster.sketch[{y - 30}:{y + 30}, 130, 3] > 127).sum()")) for y in (60, 180))
    assert thick == 16 and 4 <= thin <= 8


def test_a_picture_is_brought_by_the_button(easel: Easel, tmp_path: Path) -> None:
    pixels = np.zeros((600, 1600, 3), np.uint8)
    pixels[:, 500:1100] = RED
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    (tmp_path / "red.png").write_bytes(file.getvalue())
    with easel.page.expect_file_chooser() as chooser:
        easel.page.get_by_role("button", name="Add a picture").click()
    chooser.value.set_files(tmp_path / "red.png")
    easel.page.wait_for_selector(".rw-pad-place:not([hidden])")
    assert easel.shown(128, 128) == WHITE, "it is not on the canvas before it is put down"
    easel.page.keyboard.press("Enter")
    easel.changed(1)
    easel.until(easel.is_shown)
    assert easel.shown(128, 128) == RED == easel.shown(20, 240), "the middle square"
    assert "red.png is under your sketch" in easel.python("status.text")
    easel.press("Control+z")
    easel.changed(2)
    easel.until(lambda: easel.shown(128, 128) == WHITE)


def test_a_picture_is_moved_and_scaled_before_it_is_put_down(easel: Easel, tmp_path: Path) -> None:
    """By a handle, by the mouse, by keys and by two fingers; Escape leaves it out."""
    Image.new("RGB", (200, 100), RED).save(tmp_path / "red.png")

    def bring() -> None:
        with easel.page.expect_file_chooser() as chooser:
            easel.page.get_by_role("button", name="Add a picture").click()
        chooser.value.set_files(tmp_path / "red.png")
        easel.page.wait_for_selector(".rw-pad-place:not([hidden])")

    def place() -> list[float]:
        return [float(value) for value in str(layer.get_attribute("data-place")).split()]

    layer = easel.page.locator(".rw-pad-place")
    bring()
    assert place() == [-128, 0, 512, 256]
    easel.shot("placing")
    easel.page.keyboard.press("Escape")
    assert not layer.is_visible() and easel.python("raster.is_blank") == "True"

    bring()
    easel.page.keyboard.press("1")
    assert place() == [0, 64, 256, 128]
    easel.drag((254, 190), (126, 126))
    left, top, width, height = place()
    assert (left, top) == (0, 64) and abs(width - 2 * height) < 0.5 and 120 < width < 136
    easel.drag((30, 80), (130, 180))
    assert [round(value) for value in place()[:2]] == [100, 164]
    easel.page.keyboard.press("Shift+ArrowLeft")
    assert [round(value) for value in place()[:2]] == [84, 164]
    easel.click(20, 20)
    easel.changed(1)
    easel.until(lambda: easel.shown(100, 180) == RED)
    assert easel.shown(60, 180) == WHITE == easel.shown(100, 150)
    easel.press("Control+z")
    easel.changed(2)
    easel.until(lambda: easel.shown(100, 180) == WHITE)

    bring()
    easel.page.keyboard.press("1")
    fingers = easel.page.context.new_cdp_session(easel.page)

    def touch(kind: str, *points: Share) -> None:
        touches = [{"x": easel.at(*point)[0], "y": easel.at(*point)[1], "id": i} for i, point in enumerate(points)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    touch("touchStart", (108, 128), (148, 128))
    for step in range(1, 6):
        touch("touchMove", (108 + 2 * step, 128), (148 - 2 * step, 128))
    touch("touchEnd")
    assert abs(place()[2] - 128) < 8 and abs(place()[0] + place()[2] / 2 - 128) < 8
    easel.page.get_by_role("button", name="Put down").click()
    easel.changed(3)
    easel.until(lambda: easel.shown(128, 128) == RED)
    assert easel.shown(128, 84) == WHITE


def test_a_drawing_looks_like_the_painting(easel: Easel) -> None:
    """The SVG of lines, areas and erased strokes, drawn by the browser."""
    easel.color("red")
    easel.drag((30, 40), (200, 60), (60, 120))
    easel.changed(1)
    easel.tool("rectangle")
    easel.color("blue")
    easel.drag((100, 100), (220, 230))
    easel.changed(2)
    easel.tool("eraser")
    easel.drag((90, 165), (240, 165))
    easel.changed(3)
    pixels = easel.page.evaluate(
        """async svg => {
          const image = new Image();
          image.src = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
          await image.decode();
          const canvas = new OffscreenCanvas(256, 256), context = canvas.getContext('2d');
          context.fillStyle = '#fff';
          context.fillRect(0, 0, 256, 256);
          context.drawImage(image, 0, 0);
          return [...context.getImageData(0, 0, 256, 256).data];
        }""",
        easel.python("surface.drawing()[0]"),
    )
    drawn = np.array(pixels, np.int16).reshape(256, 256, 4)[..., :3]
    painted = easel.array("raster.composite()")
    differs = np.abs(drawn - painted).max(axis=2) > 40
    assert differs.mean() < 0.01 and (painted != 255).any(axis=2).mean() > 0.2


def test_what_is_pressed_and_written_can_be_read_in_both_themes(easel: Easel) -> None:
    contrast = """selector => {
      const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
      const luminance = text => {
        const [red, green, blue] = text.match(/[\\d.]+/g).map(Number);
        return 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
      };
      return [...document.querySelectorAll(selector)].map(element => {
        const style = getComputedStyle(element);
        const [a, b] = [luminance(style.color), luminance(style.backgroundColor)].sort((a, b) => b - a);
        return (a + 0.05) / (b + 0.05);
      });
    }"""
    easel.press("m")
    easel.drag((60, 60), (200, 200))
    easel.changed(1)
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        easel.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        easel.page.wait_for_timeout(1500)
        easel.shot(theme.lower().replace(" ", "-"))
        for selector in (
            ".rw-pad-button:not([hidden])",
            "button.rw-tool.mod-active",
            "button.rw-tool:not(.mod-active)",
        ):
            ratios = easel.page.evaluate(contrast, selector)
            assert ratios and min(ratios) >= 4.5, (theme, selector, ratios)
        width = easel.page.locator(".rw-paint-box").evaluate("box => box.scrollWidth")
        assert width <= 284
