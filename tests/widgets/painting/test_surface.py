"""The surface: what the pad tells gets into the raster and onto the canvas; pictures: test_surface_pictures.py."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
import pytest

from robust_widgets.pictures.limits import MAX_STROKES
from robust_widgets.widgets.painting import layers
from robust_widgets.widgets.painting import raster as raster_module
from robust_widgets.widgets.painting.raster import Raster
from robust_widgets.widgets.painting.surface import MIN_OPACITY, MIN_WIDTH, Surface
from robust_widgets.widgets.status_line import StatusLine
from tests.helpers import at_once
from tests.widgets.page import Page, noise

SIDE = 32


@pytest.fixture
def status(page: Page) -> StatusLine:
    del page
    return StatusLine()


@pytest.fixture
def surface(page: Page, status: StatusLine) -> Surface:
    surface = Surface(status, side=SIDE)
    surface.pad.color, surface.pad.brush_size, surface.pad.softness = "#c81400", 6, 0.0
    page.forget()
    return surface


def acknowledged(page: Page, surface: Surface) -> list[int]:
    return [message.content["id"] for message in page.sent(surface.pad, "painted")]


def undo_all(surface: Surface) -> None:
    while surface.raster.can_undo:
        surface.undo()


def test_at_first_the_page_shows_the_blank_raster(page: Page, status: StatusLine) -> None:
    surface = Surface(status, side=SIDE, display_side=200)
    assert page.shows(surface.canvas, surface.raster) and surface.raster.is_blank
    assert surface.pad.side == SIDE and surface.pad.display_side == 200
    areas = [child.layout.grid_area for child in surface.widget.children]
    assert areas == ["1 / 1 / 2 / 2", "1 / 1 / 3 / 2"], "the pad's buttons are below the canvas"
    assert surface.widget.children[-1] is surface.pad, "the pad lies on top"


def test_a_stroke_is_painted_part_by_part_and_acknowledged_at_its_end(page: Page, surface: Surface) -> None:
    parts = [[(4, 16)], [(10, 16), (16, 20)], [(28, 20)]]
    for phase, points in zip(("begin", "move", "end"), parts, strict=True):
        assert acknowledged(page, surface) == []
        page.part(surface.pad, phase, points, number=7)
        assert page.shows(surface.canvas, surface.raster)
        x, y = points[-1]
        assert surface.raster.color_at(x, y) == (200, 20, 0)
    assert acknowledged(page, surface) == [7]
    expected = Raster(SIDE)
    stroke = expected.begin("brush", "#c81400", 6, 0.0)
    expected.extend(stroke, [(x, y, 1.0) for part in parts for x, y in part])
    np.testing.assert_array_equal(surface.raster.sketch, expected.sketch)


def test_only_the_touched_rectangle_is_drawn(page: Page, surface: Surface) -> None:
    page.part(surface.pad, "begin", [(6, 6)])
    (batch,) = page.batches
    drawn = [arguments for name, arguments in batch if name == "clearRect"]
    assert all(width <= 10 and height <= 10 for _, _, width, height in drawn)


@pytest.mark.parametrize(("pressure", "width"), [(0.0, MIN_WIDTH), (0.5, (1 + MIN_WIDTH) / 2), (1.0, 1.0)])
def test_a_pen_that_barely_touches_still_leaves_a_line(
    page: Page, surface: Surface, pressure: float, width: float
) -> None:
    surface.pad.brush_size = 20
    page.stroke(surface.pad, [(16, 16, pressure)])
    expected = Raster(SIDE)
    expected.extend(expected.begin("brush", "#c81400", 20, 0.0), [(16, 16, width)])
    assert expected.sketch.any()
    np.testing.assert_array_equal(surface.raster.sketch, expected.sketch)


@pytest.mark.parametrize(("sets", "width", "opacity"), [("opacity", 1, True), ("both", 0.65, True), ("none", 1, False)])
def test_a_pens_pressure_sets_size_opacity_both_or_nothing(
    page: Page, surface: Surface, sets: str, width: float, opacity: bool
) -> None:
    brush = {"tool": "brush", "color": "#c81400", "size": 20, "softness": 0, "opacity": 1, "layer": "sketch"}
    content = {
        "kind": "stroke",
        "id": 1,
        "phase": "end",
        "points": [[16, 16, 0.5]],
        "brush": brush | {"pressure": sets},
    }
    page.tell(surface.pad, content)
    alpha = surface.raster.sketch[..., 3]
    share = MIN_OPACITY + (1 - MIN_OPACITY) * 0.5 if opacity else 1
    assert alpha[16, 16] == round(255 * share)
    covered = int((alpha[16] > 127 * share).sum())
    assert abs(covered - 20 * width) <= 1


def test_a_stroke_keeps_the_tool_colour_and_brush_it_began_with(page: Page, surface: Surface) -> None:
    surface.pad.softness = 0.5
    page.part(surface.pad, "begin", [(4, 16)])
    page.set(surface.pad, tool="eraser", color="#0000ff", brush_size=30, softness=0)
    page.part(surface.pad, "end", [(28, 16)])
    expected = Raster(SIDE)
    expected.extend(expected.begin("brush", "#c81400", 6, 0.5), [(4, 16, 1), (28, 16, 1)])
    np.testing.assert_array_equal(surface.raster.sketch, expected.sketch)


def test_the_eraser_takes_paint_away(page: Page, surface: Surface) -> None:
    surface.raster.fill(0, 0, "#00ff00")
    surface.pad.tool = "eraser"
    page.stroke(surface.pad, [(16, 16)])
    assert surface.raster.sketch[16, 16, 3] == 0 and surface.raster.sketch[2, 2, 3] == 255
    assert (page.layers(surface.canvas)[1][16, 16] == 255).all()


def test_two_strokes_at_once_are_both_painted_and_undone_exactly(page: Page, surface: Surface) -> None:
    page.part(surface.pad, "begin", [(4, 8)], number=1)
    page.part(surface.pad, "begin", [(8, 4)], number=2)
    page.part(surface.pad, "move", [(16, 8)], number=1)
    page.part(surface.pad, "move", [(8, 28)], number=2)
    page.part(surface.pad, "end", [(28, 8)], number=1)
    assert acknowledged(page, surface) == [1]
    page.part(surface.pad, "end", [], number=2)
    assert acknowledged(page, surface) == [1, 2]
    assert (surface.raster.sketch[8, 4:28, 3] == 255).all() and (surface.raster.sketch[4:28, 8, 3] == 255).all()
    assert page.shows(surface.canvas, surface.raster)
    undo_all(surface)
    assert not surface.raster.sketch.any() and page.shows(surface.canvas, surface.raster)


def test_a_stroke_whose_end_was_lost_can_be_undone(page: Page, surface: Surface) -> None:
    page.part(surface.pad, "begin", [(4, 8), (28, 8)], number=1)
    page.reload()
    page.tell(surface.pad, {"kind": "hello"})
    page.stroke(surface.pad, [(4, 24), (28, 24)], number=2)
    undo_all(surface)
    assert not surface.raster.sketch.any()


def test_clear_during_a_stroke_can_be_undone_and_the_stroke_continues(page: Page, surface: Surface) -> None:
    page.part(surface.pad, "begin", [(4, 8)])
    surface.clear()
    assert not surface.raster.sketch.any() and page.kinds(surface.pad) == ["clear"]
    page.part(surface.pad, "end", [(20, 20)])
    assert surface.raster.color_at(20, 20) == (200, 20, 0) and acknowledged(page, surface) == [1]
    undo_all(surface)
    assert not surface.raster.sketch.any() and page.shows(surface.canvas, surface.raster)


def test_after_its_end_a_stroke_is_forgotten(page: Page, surface: Surface) -> None:
    page.stroke(surface.pad, [(4, 4)], number=9)
    page.part(surface.pad, "move", [(28, 28)], number=9)
    assert surface.raster.color_at(28, 28) == (200, 20, 0) and surface.raster.color_at(16, 16) == (255, 255, 255)


def test_a_stroke_outside_is_acknowledged_and_is_no_change(page: Page, surface: Surface) -> None:
    changes: list[bool] = []
    surface.on_change(lambda: changes.append(True))
    page.stroke(surface.pad, [(-90, -90), (-40, 500)], number=3)
    assert acknowledged(page, surface) == [3] and changes == [] and not surface.raster.can_undo


def test_a_click_fills_with_the_pads_colour(page: Page, surface: Surface) -> None:
    page.stroke(surface.pad, [(16, -9), (16, 50)])
    surface.pad.color = "#1e90ff"
    page.tell(surface.pad, {"kind": "fill", "point": [3, 3]})
    assert surface.raster.color_at(3, 30) == (30, 144, 255) and surface.raster.color_at(30, 3) == (255, 255, 255)
    assert page.shows(surface.canvas, surface.raster)


def test_the_eyedropper_sets_the_pads_colour_and_outside_leaves_it(
    page: Page, surface: Surface, status: StatusLine
) -> None:
    surface.set_picture(noise(SIDE, SIDE, 3))
    red, green, blue = (int(value) for value in surface.raster.image[20, 9])
    page.tell(surface.pad, {"kind": "pick", "point": [9.5, 20.5]})
    assert surface.pad.color == f"#{red:02x}{green:02x}{blue:02x}"
    before = surface.pad.color
    page.tell(surface.pad, {"kind": "pick", "point": [-1, 20]})
    assert surface.pad.color == before and status.text == ""


def test_a_page_that_reopens_the_pad_is_redrawn(page: Page, surface: Surface) -> None:
    surface.set_picture(noise(SIDE, SIDE, 3))
    page.stroke(surface.pad, [(4, 4), (28, 28)])
    page.reload()
    page.tell(surface.pad, {"kind": "hello"})
    assert page.shows(surface.canvas, surface.raster)


def test_undo_and_redo_of_the_keyboard_change_raster_and_page(page: Page, surface: Surface) -> None:
    page.stroke(surface.pad, [(4, 4), (28, 28)])
    painted = surface.raster.sketch.copy()
    page.act(surface.pad, "undo")
    assert not surface.raster.sketch.any() and page.shows(surface.canvas, surface.raster)
    page.act(surface.pad, "redo")
    np.testing.assert_array_equal(surface.raster.sketch, painted)
    assert page.shows(surface.canvas, surface.raster)


def test_other_keys_are_passed_on(page: Page, surface: Surface) -> None:
    names: list[str] = []
    surface.on_action(names.append)
    for name in ("run", "undo", "stop", "redo", "eraser", "larger"):
        page.act(surface.pad, name)
    assert names == ["run", "stop", "eraser", "larger"]


def test_a_change_is_reported_once_when_it_is_finished(page: Page, surface: Surface) -> None:
    painted: list[int] = []
    surface.on_change(lambda: painted.append(int(surface.raster.sketch[..., 3].sum())))
    page.part(surface.pad, "begin", [(4, 4)])
    page.part(surface.pad, "move", [(20, 4)])
    assert painted == []
    page.part(surface.pad, "end", [(28, 28)])
    assert len(painted) == 1 and painted[0] == surface.raster.sketch[..., 3].sum()
    page.act(surface.pad, "undo")
    page.act(surface.pad, "redo")
    page.tell(surface.pad, {"kind": "fill", "point": [3, 30]})
    surface.clear()
    assert len(painted) == 5
    for nothing in ({"kind": "hello"}, {"kind": "pick", "point": [3, 3]}, {"kind": "fill", "point": [-3, 3]}):
        page.tell(surface.pad, nothing)
    page.act(surface.pad, "redo")
    assert len(painted) == 5


def test_another_raster_can_be_continued_with_its_history(page: Page, surface: Surface) -> None:
    other = Raster(SIDE)
    other.set_image(noise(SIDE, SIDE, 3))
    other.fill(3, 3, "#123456")
    surface.restore(other)
    assert page.shows(surface.canvas, other)
    surface.undo()
    assert not surface.raster.sketch.any() and surface.raster.image.std() > 0
    page.stroke(surface.pad, [(16, 16)])
    assert other.sketch[16, 16, 3] == 255 and page.shows(surface.canvas, other)


def test_an_error_in_a_handler_is_reported_and_the_paint_stays(
    page: Page, surface: Surface, status: StatusLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.stroke(surface.pad, [(16, 16)])
    before = surface.raster.sketch.copy()

    def fail(*_: object) -> None:
        raise RuntimeError("<b>no canvas</b>")

    with monkeypatch.context() as broken:
        broken.setattr(surface.canvas, "draw", fail)
        page.tell(surface.pad, {"kind": "hello"})
    assert status.kind == "error" and "no canvas" in status.text and "<b>" not in status.widget.value
    np.testing.assert_array_equal(surface.raster.sketch, before)
    page.stroke(surface.pad, [(4, 4)])
    assert page.shows(surface.canvas, surface.raster)


def test_handlers_may_be_called_on_any_thread(page: Page, surface: Surface, status: StatusLine) -> None:
    ends: list[int] = []
    inside: list[str] = []
    most: list[int] = []

    def watched(name: str) -> None:
        method = getattr(surface.raster, name)

        def alone(*arguments: object) -> object:
            inside.append(name)
            time.sleep(0.001)
            most.append(len(inside))
            answer = method(*arguments)
            inside.remove(name)
            return answer

        setattr(surface.raster, name, alone)

    for name in ("begin", "extend", "finish", "undo"):
        watched(name)

    def paint(number: int) -> None:
        for turn in range(4):
            stroke = 100 * number + turn
            page.part(surface.pad, "begin", [(2 + number * 7, 2 + turn * 7)], stroke)
            page.part(surface.pad, "move", [(30 - number * 7, 30)], stroke)
            page.part(surface.pad, "end", [(16, 16)], stroke)
            if turn % 2:
                page.act(surface.pad, "undo")
            ends.append(stroke)

    at_once(*(partial(paint, number) for number in range(4)))
    assert max(most) == 1, "the raster is worked on by one thread at a time"
    assert status.text == "" and sorted(acknowledged(page, surface)) == sorted(ends) and len(ends) == 16
    assert page.shows(surface.canvas, surface.raster)
    undo_all(surface)
    assert surface.raster.is_blank and page.shows(surface.canvas, surface.raster)


def test_strokes_that_never_end_are_ended(page: Page, surface: Surface) -> None:
    for number in range(5 * MAX_STROKES):
        page.part(surface.pad, "begin", [(number % SIDE, 16)], number)
    assert len(surface._strokes) == MAX_STROKES
    page.part(surface.pad, "end", [(1, 1)], 0)
    page.part(surface.pad, "end", [(20, 20)], 5 * MAX_STROKES - 1)
    assert acknowledged(page, surface) == [0, 5 * MAX_STROKES - 1]
    undo_all(surface)
    assert surface.raster.is_blank and page.shows(surface.canvas, surface.raster)


def test_the_history_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "MAX_HISTORY", 100_000)
    raster, dice = Raster(SIDE), np.random.default_rng(0)
    for _ in range(200):
        raster.set_image(dice.integers(0, 256, (SIDE, SIDE, 3), np.uint8))
    newest = raster.image.copy()
    assert raster.history.size <= 100_000 and raster.can_undo
    raster.undo()
    raster.redo()
    np.testing.assert_array_equal(raster.image, newest)


def test_no_message_keeps_the_brush_busy_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster_module, "MAX_COVERED", 5 * SIDE * SIDE)
    raster, covered = Raster(SIDE), 0
    stroke = raster.begin("brush", "#000000", 4096, 0.0)
    cover = raster_module.cover

    def count(*arguments: Any) -> Any:
        nonlocal covered
        covered += 1
        return cover(*arguments)

    monkeypatch.setattr(raster_module, "cover", count)
    raster.extend(stroke, [(index % SIDE, 3, 1.0) for index in range(1000)])
    assert covered == 6
    stroke = raster.begin("brush", "#000000", 4, 0.0)
    raster.extend(stroke, [(index % SIDE, 3, 1.0) for index in range(60)])
    assert covered == 66, "a hand's stroke is whole"
