"""Brush, eraser, fill and eyedropper on the raster; the history is in test_raster_history.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robust_widgets.pictures import Pixels
from robust_widgets.widgets.painting.raster import FILL_TOLERANCE, Box, Point, Raster, union
from tests.widgets.page import noise

SIDE = 24


def paint(
    raster: Raster, *points: Point, tool: str = "brush", color: str = "#c81400", size: float = 8, softness: float = 0.0
) -> Box | None:
    stroke = raster.begin(tool, color, size, softness)
    box = raster.extend(stroke, points)
    raster.finish(stroke)
    return box


def expected_coverage(points: list[Point], size: float, softness: float) -> np.ndarray:
    """The rule written out for one pixel at a time: the largest cover of any segment, measured at pixel centres."""
    cover = np.zeros((SIDE, SIDE))
    for (ax, ay, ap), (bx, by, bp) in zip([points[0], *points], points, strict=False):
        for row in range(SIDE):
            for column in range(SIDE):
                x, y = column + 0.5 - ax, row + 0.5 - ay
                length = (bx - ax) ** 2 + (by - ay) ** 2
                along = min(1.0, max(0.0, (x * (bx - ax) + y * (by - ay)) / length)) if length else 0.0
                radius = size / 2 * (ap + along * (bp - ap))
                distance = math.hypot(x - along * (bx - ax), y - along * (by - ay))
                inside = (radius + 0.5 - distance) / (1 + softness * radius)
                cover[row, column] = max(cover[row, column], min(1.0, inside))
    return cover


@pytest.mark.parametrize("softness", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    "points",
    [
        [(12.0, 11.5, 1.0)],
        [(3.2, 4.0, 1.0), (20.0, 15.7, 1.0), (20.0, 3.0, 1.0)],
        [(4.0, 12.0, 0.3), (20.0, 12.0, 1.0)],
        [(20.0, 12.0, 1.0), (4.0, 12.0, 0.3)],
        [(-9.0, 3.0, 1.0), (30.0, 28.0, 0.6)],
    ],
    ids=["dot", "bent line", "growing pressure", "falling pressure", "partly outside"],
)
def test_a_stroke_covers_as_the_rule_says(points: list[Point], softness: float) -> None:
    raster = Raster(SIDE)
    paint(raster, *points, size=9, softness=softness)
    expected = expected_coverage(points, 9, softness) * 255
    np.testing.assert_allclose(raster.sketch[..., 3], expected, atol=0.51)
    painted = raster.sketch[raster.sketch[..., 3] > 0]
    assert len(painted) and (painted[:, :3] == (200, 20, 0)).all()


def test_a_hard_brush_is_full_to_its_rim_and_nothing_beyond() -> None:
    raster = Raster(SIDE)
    paint(raster, (12, 12, 1), size=10)
    alpha = raster.sketch[12, :, 3]
    assert (alpha[8:16] == 255).all() and not alpha[:6].any() and not alpha[18:].any()


def test_a_soft_brush_falls_off_steadily_from_the_full_colour_of_its_centre() -> None:
    raster = Raster(SIDE)
    paint(raster, (12.5, 12.5, 1), size=20, softness=0.5)
    alpha = raster.sketch[12, 12:, 3].astype(int)
    assert (alpha[:5] == 255).all() and alpha[-1] == 0
    rim = alpha[(alpha > 0) & (alpha < 255)]
    assert len(rim) >= 5 and (np.diff(rim) < 0).all()


def test_pressure_sets_the_width() -> None:
    widths = []
    for pressure in (0.25, 0.5, 1.0):
        raster = Raster(SIDE)
        paint(raster, (12, 12, pressure), size=16)
        widths.append(int((raster.sketch[12, :, 3] > 127).sum()))
    assert widths == [4, 8, 16]


def test_one_strokes_overlaps_do_not_add_up() -> None:
    once, often, in_parts = Raster(SIDE), Raster(SIDE), Raster(SIDE)
    there, back = (5.0, 12.0, 1.0), (19.0, 12.0, 1.0)
    paint(once, there, back, softness=1)
    paint(often, there, back, there, back, there, softness=1)
    stroke = in_parts.begin("brush", "#c81400", 8, 1)
    for point in (there, back, there, back):
        in_parts.extend(stroke, [point])
    np.testing.assert_array_equal(often.sketch, once.sketch)
    np.testing.assert_array_equal(in_parts.sketch, once.sketch)


def test_two_strokes_add_up() -> None:
    raster = Raster(SIDE)
    paint(raster, (12, 12, 1), size=16, softness=1)
    first = raster.sketch[..., 3].astype(int)
    paint(raster, (12, 12, 1), size=16, softness=1)
    second = raster.sketch[..., 3].astype(int)
    rim = (first > 20) & (first < 200)
    assert rim.any() and (second[rim] > first[rim] + 10).all()
    cover = first / 255
    np.testing.assert_allclose(second / 255, cover + cover * (1 - cover), atol=0.005)


def test_a_second_colour_is_laid_over_the_first() -> None:
    raster = Raster(SIDE)
    paint(raster, (12, 12, 1), color="#ff0000", size=40)
    paint(raster, (12.5, 12.5, 1), color="blue", size=16, softness=1)
    assert (raster.sketch[..., 3] == 255)[2:22, 2:22].all()
    row = raster.sketch[12, 12:20].astype(int)
    assert row[0, 2] > 230 and (np.diff(row[:, 2]) <= 0).all() and (np.diff(row[:, 0]) >= 0).all()
    np.testing.assert_allclose(row[:, 0] + row[:, 2], 255, atol=1)


def test_a_stroke_wholly_outside_changes_nothing_and_is_no_change() -> None:
    raster = Raster(SIDE)
    stroke = raster.begin("brush", "#000000", 6, 0.5)
    assert raster.extend(stroke, [(-20, 5, 1), (-30, -400, 1), (9e5, -9e5, 1)]) is None
    assert raster.finish(stroke) is False
    assert raster.is_blank and not raster.can_undo


def test_a_stroke_can_leave_and_re_enter_the_raster() -> None:
    raster = Raster(SIDE)
    stroke = raster.begin("brush", "#000000", 4, 0)
    assert raster.extend(stroke, [(12, 4, 1), (12, -300, 1)]) is not None
    assert raster.extend(stroke, [(-300, -300, 1), (-300, 12, 1)]) is None
    assert raster.extend(stroke, [(4, 12, 1)]) is not None
    assert raster.finish(stroke)
    assert raster.sketch[0, 12, 3] == raster.sketch[12, 0, 3] == 255 and raster.sketch[8, 8, 3] == 0


@settings(max_examples=40)
@given(
    points=st.lists(st.tuples(*[st.floats(-15, 40)] * 2, st.floats(0, 1)), min_size=1, max_size=4),
    size=st.floats(1, 30),
    softness=st.floats(0, 1),
)
def test_all_changes_are_inside_the_reported_rectangle(points: list[Point], size: float, softness: float) -> None:
    raster = Raster(SIDE)
    stroke = raster.begin("brush", "#102030", size, softness)
    box = raster.extend(stroke, points)
    changed = raster.sketch.any(axis=2)
    if box is None:
        assert not changed.any()
        return
    left, top, right, bottom = box
    assert 0 <= left < right <= SIDE and 0 <= top < bottom <= SIDE
    changed[top:bottom, left:right] = False
    assert not changed.any()


def test_the_rectangle_is_not_much_larger_than_the_paint() -> None:
    left, top, right, bottom = paint(Raster(SIDE), (6, 8, 1), (12, 8, 1), size=4) or (0, 0, 0, 0)
    assert left >= 2 and top >= 4 and right <= 17 and bottom <= 13


def test_the_eraser_reveals_the_picture_below() -> None:
    raster, picture = Raster(SIDE), noise(SIDE, SIDE, 3)
    raster.set_image(picture)
    raster.fill(3, 3, "#00ff00")
    paint(raster, (12, 12, 1), size=60)
    paint(raster, (12, 12, 1), tool="eraser", size=12)
    np.testing.assert_array_equal(raster.composite()[8:16, 8:16], picture[8:16, 8:16])
    np.testing.assert_array_equal(raster.image, picture)
    assert (raster.composite()[2, 2] == (200, 20, 0)).all()


def test_a_soft_eraser_takes_a_part_of_the_paint_and_leaves_its_colour() -> None:
    raster = Raster(SIDE)
    paint(raster, (12, 12, 1), size=80)
    paint(raster, (12.5, 12.5, 1), tool="eraser", size=20, softness=1)
    alpha = raster.sketch[12, 12:, 3].astype(int)
    assert alpha[0] < 30 and alpha[6] in range(110, 190) and (np.diff(alpha) >= 0).all()
    assert (raster.sketch[12, 14:22, :3] == (200, 20, 0)).all()


def test_fill_takes_a_whole_blank_canvas() -> None:
    raster = Raster(SIDE)
    assert raster.fill(0.5, 23.9, "#0a0b0c") == (0, 0, SIDE, SIDE)
    assert (raster.sketch == (10, 11, 12, 255)).all()


def test_fill_stops_at_a_painted_line() -> None:
    raster = Raster(SIDE)
    paint(raster, (12, -5, 1), (12, 40, 1), size=4)
    before = raster.sketch.copy()
    assert raster.fill(3, 3, "#0000ff") == (0, 0, 10, SIDE)
    assert (raster.sketch[:, :10] == (0, 0, 255, 255)).all()
    np.testing.assert_array_equal(raster.sketch[:, 10:], before[:, 10:])


def test_fill_does_not_leak_through_a_diagonal_line() -> None:
    raster, picture = Raster(SIDE), np.full((SIDE, SIDE, 3), 255, np.uint8)
    picture[np.arange(SIDE), np.arange(SIDE)] = 0
    raster.set_image(picture)
    raster.fill(20, 2, "#0000ff")
    np.testing.assert_array_equal(raster.sketch[..., 3] > 0, np.triu(np.ones((SIDE, SIDE), bool), 1))


def test_fill_takes_near_colours_and_leaves_far_ones() -> None:
    raster, picture = Raster(SIDE), np.full((SIDE, SIDE, 3), 100, np.uint8)
    picture[:, 8:16] = (100 + FILL_TOLERANCE // 2, 100 - FILL_TOLERANCE // 2, 100)
    picture[:, 16:] = (100 + FILL_TOLERANCE // 2 + 1, 100 - FILL_TOLERANCE // 2, 100)
    raster.set_image(picture)
    assert raster.fill(1, 1, "#123456") == (0, 0, 16, SIDE)


def test_fill_leaves_a_like_area_that_is_not_joined() -> None:
    raster, picture = Raster(SIDE), np.full((SIDE, SIDE, 3), 255, np.uint8)
    picture[:, 10:12] = 0
    raster.set_image(picture)
    raster.fill(20, 20, "#123456")
    assert (raster.sketch[:, 12:, 3] == 255).all() and not raster.sketch[:, :12, 3].any()


@pytest.mark.parametrize("point", [(-0.1, 3), (3, -0.1), (SIDE, 3), (3, SIDE), (1e6, -1e6)])
def test_outside_there_is_nothing_to_fill_and_no_colour(point: tuple[float, float]) -> None:
    raster = Raster(SIDE)
    assert raster.fill(*point, "#000000") is None and raster.color_at(*point) is None
    assert not raster.can_undo and raster.is_blank


def test_the_eyedropper_takes_the_colour_that_is_seen() -> None:
    raster, picture = Raster(SIDE), noise(SIDE, SIDE, 3)
    assert raster.color_at(4, 4) == (255, 255, 255)
    raster.set_image(picture)
    assert raster.color_at(5.9, 2.1) == tuple(picture[2, 5])
    paint(raster, (5, 2, 1), size=6)
    assert raster.color_at(5.9, 2.1) == (200, 20, 0)
    raster.sketch[7, 3] = (0, 100, 200, 51)
    expected = np.round(picture[7, 3] * 0.8 + np.array([0, 100, 200]) * 0.2)
    assert raster.color_at(3.5, 7.5) == tuple(int(value) for value in expected)


def test_the_composite_is_the_sketch_over_the_image() -> None:
    raster = Raster(SIDE)
    raster.image, raster.sketch = noise(SIDE, SIDE, 3), noise(SIDE, SIDE, 4, seed=1)
    alpha = raster.sketch[..., 3:] / 255
    expected: Pixels = raster.image * (1 - alpha) + raster.sketch[..., :3] * alpha
    assert raster.composite().dtype == np.uint8
    np.testing.assert_allclose(raster.composite(), expected, atol=0.51)


def test_blank_is_no_paint_and_no_picture() -> None:
    raster = Raster(SIDE)
    assert raster.is_blank
    paint(raster, (12, 12, 1), size=1)
    assert not raster.is_blank
    paint(raster, (12, 12, 1), tool="eraser", size=9)
    assert raster.is_blank
    raster.fill(0, 0, "#ffffff")
    assert not raster.is_blank, "white paint is paint"
    raster.clear()
    assert raster.is_blank
    picture = np.full((SIDE, SIDE, 3), 255, np.uint8)
    picture[3, 3, 2] = 254
    raster.set_image(picture)
    assert not raster.is_blank


def test_the_union_is_the_smallest_rectangle_around_both() -> None:
    assert union((2, 3, 5, 6), (4, 1, 9, 5)) == (2, 1, 9, 6)
    assert union(None, (1, 2, 3, 4)) == union((1, 2, 3, 4), None) == (1, 2, 3, 4)
    assert union(None, None) is None


@pytest.mark.parametrize(
    ("mirror", "places"),
    [
        ("none", {(20, 30)}),
        ("x", {(20, 30), (80, 30)}),
        ("y", {(20, 30), (20, 70)}),
        ("both", {(20, 30), (80, 30), (20, 70), (80, 70)}),
    ],
)
def test_symmetry_repeats_strokes_and_areas_and_one_undo_takes_all_back(mirror: Any, places: set[Any]) -> None:
    everywhere = {(20, 30), (80, 30), (20, 70), (80, 70)}
    raster = Raster(100)
    stroke = raster.begin("brush", "#ff0000", 8, 0, mirror=mirror)
    raster.extend(stroke, [(20, 30, 1.0), (22, 30, 1.0)])
    raster.finish(stroke)
    assert {(x, y) for x, y in everywhere if raster.sketch[y, x, 3]} == places
    raster.undo()
    assert raster.is_blank
    raster.paint_area([(16, 26), (24, 26), (24, 34), (16, 34)], "#00ff00", mirror=mirror)
    assert {(x, y) for x, y in everywhere if raster.sketch[y, x, 3] == 255} == places
    raster.undo()
    assert raster.is_blank
