"""The mask: painted like the sketch, inverted, cleared and given, on the raster and on the surface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from robust_widgets.errors import PictureError
from robust_widgets.widgets.painting.raster import Raster
from robust_widgets.widgets.painting.surface import Surface
from robust_widgets.widgets.status_line import StatusLine
from tests.widgets.page import Page, is_sentence, noise

SIDE = 32
MASK = {"tool": "brush", "color": "#000000", "size": 8, "softness": 0, "opacity": 1, "layer": "mask"}


@pytest.fixture
def status(page: Page) -> StatusLine:
    del page
    return StatusLine()


@pytest.fixture
def surface(page: Page, status: StatusLine) -> Surface:
    surface = Surface(status, side=SIDE)
    surface.pad.brush_size, surface.pad.softness = 8, 0.0
    surface.layer = "mask"
    page.forget()
    return surface


def test_the_brush_adds_to_the_mask_and_the_eraser_takes_away() -> None:
    raster = Raster(SIDE)
    for tool, size in (("brush", 20), ("eraser", 8)):
        stroke = raster.begin(tool, "#123456", size, 0.0, 1.0, "mask")  # type: ignore[arg-type]
        raster.extend(stroke, [(16, 16, 1)])
        assert raster.finish(stroke)
    assert raster.mask[16, 16] == 0 and raster.mask[16, 9] == 255 and raster.mask[0, 0] == 0
    assert raster.is_blank and raster.has_mask, "the mask is no paint"
    raster.undo()
    assert raster.mask[16, 16] == 255
    raster.undo()
    assert not raster.mask.any() and not raster.has_mask


def test_a_soft_stroke_on_the_mask_adds_up_as_on_the_sketch() -> None:
    raster = Raster(SIDE)
    alphas = []
    for layer in ("sketch", "mask"):
        for _ in range(2):
            stroke = raster.begin("brush", "#123456", 20, 1.0, 0.6, layer)  # type: ignore[arg-type]
            raster.extend(stroke, [(16, 16, 1)])
            raster.finish(stroke)
        alphas.append((raster.sketch[..., 3] if layer == "sketch" else raster.mask).astype(int))
    np.testing.assert_allclose(alphas[0], alphas[1], atol=1)


def test_inverting_twice_is_the_same_and_undo_is_exact() -> None:
    raster = Raster(SIDE)
    raster.set_mask(noise(SIDE, SIDE))
    raster.invert_mask()
    np.testing.assert_array_equal(raster.mask, 255 - noise(SIDE, SIDE))
    raster.invert_mask()
    np.testing.assert_array_equal(raster.mask, noise(SIDE, SIDE))
    raster.clear_mask()
    assert not raster.mask.any()
    for expected in (noise(SIDE, SIDE), 255 - noise(SIDE, SIDE), noise(SIDE, SIDE), np.zeros((SIDE, SIDE))):
        raster.undo()
        np.testing.assert_array_equal(raster.mask, expected)


def test_flatten_is_one_change_of_image_and_sketch_and_leaves_the_mask() -> None:
    raster = Raster(SIDE)
    raster.set_image(noise(SIDE, SIDE, 3))
    raster.paint_area([(4, 4), (20, 4), (20, 20)], "#c81400", 0.7)
    raster.set_mask(noise(SIDE, SIDE))
    image, sketch, seen = raster.image.copy(), raster.sketch.copy(), raster.composite()
    raster.flatten()
    np.testing.assert_array_equal(raster.image, seen)
    np.testing.assert_array_equal(raster.mask, noise(SIDE, SIDE))
    assert not raster.sketch.any()
    change = raster.undo()
    assert change is not None and change.layers == {"image", "sketch"}
    np.testing.assert_array_equal(raster.image, image)
    np.testing.assert_array_equal(raster.sketch, sketch)


def test_the_tools_work_on_the_layer_that_is_chosen(page: Page, surface: Surface) -> None:
    page.stroke(surface.pad, [(4, 16), (28, 16)])
    page.tell(surface.pad, {"kind": "area", "id": 2, "corners": [[0, 0], [6, 0], [6, 6], [0, 6]]})
    page.tell(surface.pad, {"kind": "fill", "point": [30, 30]})
    assert not surface.raster.sketch.any() and page.shows(surface.canvas, surface.raster)
    mask = surface.mask()
    assert mask[16, 16] == mask[3, 3] == mask[30, 30] == 255 and mask[8, 16] == 0
    assert [message.content["id"] for message in page.sent(surface.pad, "painted")] == [1, 2]
    surface.layer = "sketch"
    page.stroke(surface.pad, [(4, 16)], number=5)
    assert surface.raster.sketch.any() and page.shows(surface.canvas, surface.raster)


def test_a_stroke_is_painted_with_the_brush_that_the_browser_showed(page: Page, surface: Surface) -> None:
    """The pad may be set anew while the message is on its way."""
    surface.layer, surface.pad.color, surface.pad.opacity = "sketch", "#0000ff", 0.3
    brush = {**MASK, "color": "#c81400", "layer": "sketch", "size": 4, "opacity": 1}
    rows = [[8, 8, 1], [20, 8, 1]]
    page.tell(surface.pad, {"kind": "stroke", "id": 1, "phase": "end", "points": rows, "brush": brush})
    expected = Raster(SIDE)
    expected.extend(expected.begin("brush", "#c81400", 4, 0), [(8, 8, 1), (20, 8, 1)])
    np.testing.assert_array_equal(surface.raster.sketch, expected.sketch)
    assert [message.content["id"] for message in page.sent(surface.pad, "painted")] == [1]
    page.tell(surface.pad, {"kind": "area", "id": 2, "corners": [[0, 20], [9, 20], [9, 29]], "brush": brush})
    page.tell(surface.pad, {"kind": "fill", "point": [30, 30], "brush": brush})
    assert surface.raster.color_at(8, 21) == surface.raster.color_at(30, 30) == (200, 20, 0)
    page.tell(surface.pad, {"kind": "fill", "point": [30, 30], "brush": MASK})
    assert surface.mask()[30, 30] == 255 and surface.raster.color_at(30, 30) == (200, 20, 0)


def test_the_keys_change_the_layer_and_invert_the_mask(page: Page, surface: Surface) -> None:
    page.act(surface.pad, "layer")
    assert surface.layer == "sketch"
    page.act(surface.pad, "layer")
    assert surface.layer == "mask"
    page.act(surface.pad, "invert")
    assert (surface.mask() == 255).all() and page.shows(surface.canvas, surface.raster)


def test_where_there_is_no_masking_the_keys_leave_the_mask_alone(page: Page, surface: Surface) -> None:
    surface.layer, surface.pad.masking = "sketch", False
    page.act(surface.pad, "layer")
    page.act(surface.pad, "invert")
    assert surface.layer == "sketch" and not surface.has_mask


def test_the_mask_that_is_given_out_has_a_hard_edge(surface: Surface) -> None:
    surface.set_mask(noise(SIDE, SIDE))
    np.testing.assert_array_equal(surface.mask(), np.where(noise(SIDE, SIDE) > 127, 255, 0))
    assert surface.mask().dtype == np.uint8


WHERE = np.zeros((SIDE, SIDE), bool)
WHERE[3:9, 4:30] = True
GREY = Image.fromarray(WHERE.astype(np.uint8) * 255)
FORMS: dict[str, Any] = {
    "bool": WHERE,
    "uint8": WHERE.astype(np.uint8) * 255,
    "0 and 1": WHERE.astype(np.uint8),
    "float": WHERE.astype(float),
    "ints": WHERE.astype(int),
    "list": WHERE.tolist(),
    "(1, h, w)": WHERE[None],
    "red on black": WHERE[..., None] * np.array([255, 0, 0], np.uint8),
    "strokes on transparency": WHERE[..., None] * np.array([0, 0, 0, 255], np.uint8),
    "PIL": GREY,
    "several": [GREY, WHERE],
}


@pytest.mark.parametrize("kind", [*FORMS, "file"])
def test_a_mask_can_be_given_in_the_forms_that_tasks_take(
    page: Page, surface: Surface, kind: str, tmp_path: Path
) -> None:
    GREY.save(tmp_path / "mask.png")
    surface.set_mask(tmp_path / "mask.png" if kind == "file" else FORMS[kind])
    assert surface.has_mask and page.shows(surface.canvas, surface.raster)
    np.testing.assert_array_equal(surface.mask() == 255, WHERE)
    surface.set_mask(None)
    assert not surface.has_mask
    surface.undo()
    np.testing.assert_array_equal(surface.mask() == 255, WHERE)


def test_a_mask_of_another_size_is_scaled_with_a_hard_edge(surface: Surface) -> None:
    surface.set_mask(np.kron(np.eye(2), np.ones((2, 2))))
    mask = surface.raster.mask
    assert (mask[:16, :16] == 255).all() and (mask[:16, 16:] == 0).all() and (mask[16:, 16:] == 255).all()
    wide = np.zeros((10 * SIDE, 14 * SIDE), bool)
    wide[:, 7 * SIDE] = True  # a line that is thinner than a pixel of the canvas
    surface.set_mask(wide)
    np.testing.assert_array_equal(np.flatnonzero(surface.mask().all(0)), [SIDE // 2])
    assert set(np.unique(surface.raster.mask)) == {0, 255}


@pytest.mark.parametrize("mask", [np.zeros(SIDE), np.zeros((0, 0)), np.full((SIDE, SIDE), np.nan), "no such file.png"])
def test_an_invalid_mask_is_refused_in_a_sentence(surface: Surface, mask: Any) -> None:
    surface.set_mask(noise(SIDE, SIDE))
    with pytest.raises(PictureError) as caught:
        surface.set_mask(mask)
    assert is_sentence(str(caught.value))
    np.testing.assert_array_equal(surface.raster.mask, noise(SIDE, SIDE))


def test_a_change_of_the_mask_is_reported_but_is_not_a_stroke(page: Page, surface: Surface) -> None:
    changes: list[str] = []
    surface.on_change(lambda: changes.append("change"))
    surface.on_stroke(lambda: changes.append("stroke"))
    page.stroke(surface.pad, [(4, 16)])
    surface.invert_mask()
    surface.clear_mask()
    page.act(surface.pad, "undo")
    assert changes == ["change"] * 4
    surface.layer = "sketch"
    changes.clear()
    page.stroke(surface.pad, [(4, 16)], number=2)
    page.act(surface.pad, "undo")
    page.tell(surface.pad, {"kind": "area", "id": 3, "corners": [[0, 0], [9, 0], [9, 9]]})
    surface.flatten()
    surface.set_picture(noise(SIDE, SIDE, 3))
    assert changes == ["change", "stroke"] * 5


def test_flatten_takes_a_picture_as_the_image_in_one_change(page: Page, surface: Surface) -> None:
    surface.layer = "sketch"
    page.stroke(surface.pad, [(4, 16)])
    sketch, picture = surface.raster.sketch.copy(), noise(SIDE, SIDE, 3)
    surface.flatten(picture)
    np.testing.assert_array_equal(surface.picture(), picture)
    assert not surface.raster.sketch.any() and page.shows(surface.canvas, surface.raster)
    surface.undo()
    np.testing.assert_array_equal(surface.raster.sketch, sketch)
    assert (surface.raster.image == 255).all() and page.shows(surface.canvas, surface.raster)
    surface.flatten(noise(8, 20, 3))
    assert surface.raster.image.shape == (SIDE, SIDE, 3)


def test_an_area_that_covers_nothing_is_acknowledged_and_is_no_change(page: Page, surface: Surface) -> None:
    page.tell(surface.pad, {"kind": "area", "id": 7, "corners": [[90, 90], [99, 90], [99, 99]]})
    assert [message.content["id"] for message in page.sent(surface.pad, "painted")] == [7]
    assert not surface.raster.can_undo


def test_a_continued_raster_keeps_its_mask_and_history(page: Page, surface: Surface) -> None:
    other = Raster(SIDE)
    other.set_mask(noise(SIDE, SIDE))
    surface.restore(other)
    assert page.shows(surface.canvas, other)
    surface.undo()
    assert not surface.has_mask
    surface.redo()
    np.testing.assert_array_equal(surface.raster.mask, noise(SIDE, SIDE))


def test_colours_are_reported_when_used(page: Page, surface: Surface) -> None:
    colors: list[str] = []
    surface.on_color(colors.append)
    surface.pad.color = "#0000ff"
    page.stroke(surface.pad, [(4, 16)])
    assert colors == [], "the mask has no colour"
    surface.layer = "sketch"
    page.stroke(surface.pad, [(4, 16)], number=2)
    page.set(surface.pad, color="#00ff00")
    page.tell(surface.pad, {"kind": "fill", "point": [30, 30]})
    page.set(surface.pad, tool="eraser", color="#ff0000")
    page.stroke(surface.pad, [(4, 16)], number=3)
    assert colors == ["#0000ff", "#00ff00"]
