"""Rectangles, lassos, fills and opacity: what they cover, against the rule written out pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from robust_widgets.widgets.painting.raster import Raster, flood_fill
from robust_widgets.widgets.painting.strokes import SUBROWS, area_coverage
from tests.widgets.page import noise

SIDE = 16
corner = st.tuples(st.floats(-6, 22), st.floats(-6, 22))


def inside(corners: list[tuple[float, float]], x: float, y: float) -> bool:
    """The even-odd rule for one point."""
    odd = False
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (ay <= y) != (by <= y) and x > ax + (y - ay) / (by - ay) * (bx - ax):
            odd = not odd
    return odd


@settings(max_examples=40, deadline=None)
@given(st.lists(corner, min_size=3, max_size=7))
def test_an_area_covers_as_much_of_each_pixel_as_lies_inside(corners: list[tuple[float, float]]) -> None:
    expected = np.zeros((SIDE, SIDE))
    fine = 8
    for row in range(SIDE * SUBROWS):
        for column in range(SIDE * fine):
            point = (column + 0.5) / fine, (row + 0.5) / SUBROWS
            expected[row // SUBROWS, column // fine] += inside(corners, *point) / (fine * SUBROWS)
    # Each edge is counted exactly along a line, and here in eighths of a pixel.
    np.testing.assert_allclose(area_coverage(corners, SIDE), expected, atol=len(corners) / fine)


def test_a_rectangle_on_whole_pixels_covers_them_and_no_others() -> None:
    raster = Raster(SIDE)
    assert raster.paint_area([(3, 2), (9, 2), (9, 12), (3, 12)], "#c81400") == (3, 2, 9, 12)
    expected = np.zeros((SIDE, SIDE, 4), np.uint8)
    expected[2:12, 3:9] = (200, 20, 0, 255)
    np.testing.assert_array_equal(raster.sketch, expected)


def test_a_rectangle_drawn_in_any_direction_is_the_same() -> None:
    corners = [(3.3, 2.0), (9.0, 2.0), (9.0, 12.6), (3.3, 12.6)]
    first = area_coverage(corners, SIDE)
    np.testing.assert_allclose(area_coverage(corners[::-1], SIDE), first, atol=1e-6)
    assert first[5, 3] == pytest.approx(0.7, abs=1e-6)


def test_a_self_crossing_lasso_follows_the_even_odd_rule() -> None:
    star = [(2.0, 2.0), (14.0, 14.0), (14.0, 2.0), (2.0, 14.0)]
    coverage = area_coverage(star, SIDE)
    assert coverage[8, 2] == coverage[8, 13] == 0 or coverage[2, 8] == coverage[13, 8] == 0
    assert coverage.max() == 1


@pytest.mark.parametrize("corners", [[], [(1, 1)], [(1, 1), (9, 9)], [(20, 20), (30, 20), (30, 30)], [(5, 5)] * 4])
def test_an_area_of_nothing_or_outside_is_no_change(corners: list[tuple[float, float]]) -> None:
    raster = Raster(SIDE)
    assert raster.paint_area(corners, "#000000") is None
    assert raster.is_blank and not raster.can_undo


def test_an_area_larger_than_the_raster_covers_it() -> None:
    raster = Raster(SIDE)
    assert raster.paint_area([(-900, -900), (900, -900), (900, 900), (-900, 900)], "#0a0b0c") == raster.whole
    assert (raster.sketch == (10, 11, 12, 255)).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.3, 1), st.integers(1, 40), st.integers(1, 40))
def test_a_fill_reaches_the_same_pixels_as_pillows_flood_fill(seed: int, share: float, height: int, width: int) -> None:
    random = np.random.default_rng(seed)
    like = random.random((height, width)) < share
    row, column = int(random.integers(height)), int(random.integers(width))
    like[row, column] = True
    picture = Image.fromarray(like.astype(np.uint8)).copy()
    ImageDraw.floodfill(picture, (column, row), 2)
    np.testing.assert_array_equal(flood_fill(like, column, row), np.asarray(picture) == 2)


def test_a_fill_finds_its_way_through_a_spiral() -> None:
    like = np.zeros((33, 33), bool)
    top, left, bottom, right = 0, 0, 32, 32
    while left < right:
        like[top, left : right + 1] = like[top : bottom + 1, right] = True
        like[bottom, left + 2 : right + 1] = like[top + 2 : bottom + 1, left + 2] = True
        top, left, bottom, right = top + 2, left + 2, bottom - 2, right - 2
    picture = Image.fromarray(like.astype(np.uint8)).copy()
    ImageDraw.floodfill(picture, (0, 0), 2)
    np.testing.assert_array_equal(flood_fill(like, 0, 0), np.asarray(picture) == 2)


@pytest.mark.parametrize("softness", [0.0, 0.5, 1.0])
def test_a_fill_leaves_no_pale_rim_at_soft_paint_and_does_not_cross_it(softness: float) -> None:
    raster = Raster(64)
    stroke = raster.begin("brush", "#000000", 20, softness)
    raster.extend(stroke, [(32, -20, 1), (32, 80, 1)])
    raster.finish(stroke)
    right = raster.sketch[:, 34:].copy()
    raster.fill(3, 3, "#c80000")
    seen = raster.composite()[32].astype(int)
    assert (np.diff(seen[:31, 0]) <= 0).all() and not seen[:31, 1:].any(), "from red to black, with no white between"
    np.testing.assert_array_equal(raster.sketch[:, 34:], right)
    raster.undo()
    assert (raster.composite()[:, 3] == 255).all()


def test_on_the_mask_a_fill_ends_where_the_colour_changes_and_where_the_mask_does() -> None:
    raster, picture = Raster(SIDE), np.full((SIDE, SIDE, 3), 255, np.uint8)
    picture[:, 10:] = 0
    raster.set_image(picture)
    raster.mask[6, :] = 255
    assert raster.fill(2, 2, "#000000", layer="mask") == (0, 0, 10, 6)
    expected = np.zeros((SIDE, SIDE), np.uint8)
    expected[:6, :10] = expected[6] = 255
    np.testing.assert_array_equal(raster.mask, expected)
    assert not raster.sketch.any()


@pytest.mark.parametrize("opacity", [0.25, 0.5, 1.0])
def test_opacity_is_the_most_that_a_stroke_covers_however_often_it_crosses_itself(opacity: float) -> None:
    raster = Raster(SIDE)
    stroke = raster.begin("brush", "#c81400", 6, 0.0, opacity)
    raster.extend(stroke, [(3, 8, 1), (13, 8, 1), (3, 8, 1), (13, 8, 1)])
    raster.finish(stroke)
    assert raster.sketch[..., 3].max() == raster.sketch[8, 8, 3] == round(255 * opacity)


def test_two_half_opaque_strokes_add_up_and_areas_and_fills_have_opacity_too() -> None:
    raster = Raster(SIDE)
    for _ in range(2):
        raster.paint_area([(0, 0), (8, 0), (8, SIDE), (0, SIDE)], "#c81400", 0.5)
    assert (raster.sketch[:, :8, 3] == 192).all() or (raster.sketch[:, :8, 3] == 191).all()
    raster.fill(12, 3, "#0000ff", 0.5)
    assert tuple(raster.sketch[3, 12]) == (0, 0, 255, 128) and raster.sketch[3, 3, 2] == 0


def test_a_half_opaque_eraser_leaves_half() -> None:
    raster = Raster(SIDE)
    raster.set_image(noise(SIDE, SIDE, 3))
    raster.paint_area([(-1, -1), (20, -1), (20, 20), (-1, 20)], "#c81400")
    stroke = raster.begin("eraser", "#000000", 60, 0.0, 0.5)
    raster.extend(stroke, [(8, 8, 1), (9, 9, 1)])
    assert (raster.sketch[..., 3] == 128).all()
