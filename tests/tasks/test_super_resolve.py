"""Super-resolution: its start, and how close the result stays to the small picture."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from robust_widgets.interface.report import report
from robust_widgets.pictures.tensors import to_batch, to_pixels
from robust_widgets.runs.trace import Trace
from robust_widgets.tasks.super_resolve import (
    comparison_strip,
    low_resolution,
    low_resolution_error,
    low_size,
    super_resolve,
)
from tests.helpers import smooth_model

FACTORS = [2, 3, 4, 5, 7, 8, 12]


def small_picture(side: int) -> np.ndarray:
    return np.random.default_rng(side).integers(0, 256, (side, side, 3)).astype(np.uint8)


def enlarged(side: int, factor: float, picture: np.ndarray, **parameters: object) -> Trace:
    """As published: from blocks, without noise."""
    published = {"steps": 1, "enlargement": "nearest", "seed": None}
    return super_resolve(picture, "dog", factor=factor, model=smooth_model(side), **published | parameters)  # type: ignore[arg-type]


def smooth_picture(side: int) -> np.ndarray:
    """A picture far enough from black and white that enlarging it clips nothing."""
    return (small_picture(side) // 2 + 64).astype(np.uint8)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("side", [56, 64])
def test_published_frame_zero_is_the_nearest_neighbour_enlargement(side: int, factor: int) -> None:
    low = max(4, round(side / factor))
    small = small_picture(low)
    trace = enlarged(side, factor, small)
    row = [math.floor(i * low / side) for i in range(side)]
    np.testing.assert_array_equal(trace.frames[0, 0], small[row][:, row])
    np.testing.assert_array_equal(low_resolution(trace)[0], small)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("side", [56, 64])
def test_frame_zero_is_the_bicubic_enlargement_by_default(side: int, factor: int) -> None:
    small = smooth_picture(low_size(side, factor))
    trace = super_resolve(small, "dog", factor=factor, steps=1, seed=None, model=smooth_model(side))
    wanted = np.asarray(Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(trace.frames[0, 0] - wanted).max() <= 1
    np.testing.assert_allclose(low_resolution(trace)[0].astype(int), small, atol=1)


def test_noise_is_added_to_the_start_by_default() -> None:
    flat = np.full((8, 8, 3), 128, np.uint8)
    start = super_resolve(flat, "dog", factor=4, steps=1, model=smooth_model(32)).frames[0, 0]
    assert 0.005 < (start / 255).std() < 0.015
    np.testing.assert_allclose(low_resolution(super_resolve(flat, "dog", steps=1, model=smooth_model(32))), 128, atol=5)


@pytest.mark.parametrize(("side", "factor"), [(74, 12), (82, 20), (92, 6.5), (92, 4.6)])
def test_no_origin_is_rounded_down_by_mistake(side: int, factor: float) -> None:
    low = low_size(side, factor)
    small = small_picture(low)
    row = np.arange(side) * low // side
    trace = enlarged(side, factor, small)
    np.testing.assert_array_equal(trace.frames[0, 0], small[row][:, row])
    np.testing.assert_array_equal(low_resolution(trace)[0], small)


def test_whole_factors_make_whole_blocks() -> None:
    small = small_picture(8)
    np.testing.assert_array_equal(
        enlarged(56, 7, small).frames[0, 0], np.kron(small, np.ones((7, 7, 1), np.uint8)), strict=True
    )


def test_a_larger_picture_is_scaled_down_first() -> None:
    large = small_picture(64)
    np.testing.assert_array_equal(low_resolution(enlarged(32, 4, large))[0], to_pixels(to_batch(large, 8))[0])


def test_the_smallest_low_resolution_is_four() -> None:
    assert [low_size(64, f) for f in (2, 4, 7, 8, 16, 64)] == [32, 16, 9, 8, 4, 4]


@pytest.mark.parametrize(("side", "factor"), [(32, 4), (33, 4), (56, 7), (30, 7)])
def test_the_low_resolution_error_by_hand(side: int, factor: int) -> None:
    low = low_size(side, factor)
    small = small_picture(low)
    trace = enlarged(side, factor, small, steps=6, step_size=3.0)
    total = 0.0
    for i in range(low):
        for j in range(low):
            rows = [r for r in range(side) if r * low // side == i]
            columns = [c for c in range(side) if c * low // side == j]
            block = trace.frames[-1, 0][np.ix_(rows, columns)].astype(float).mean((0, 1))
            total += float(np.square((block - small[i, j]) / 255).sum())
    wanted = math.sqrt(total / (3 * low * low))
    assert wanted > 0.001
    assert low_resolution_error(trace) == pytest.approx(wanted, rel=1e-9)
    assert report(trace)["low_resolution_error"] == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("enlargement", ["bicubic", "nearest"])
def test_a_start_that_was_not_moved_has_no_error(enlargement: str) -> None:
    still = enlarged(32, 4, smooth_picture(8), epsilon=0.0, steps=3, enlargement=enlargement)
    assert low_resolution_error(still) < 0.6 / 255, "the small picture is rounded"


def test_the_low_resolution_error_of_a_bicubic_run_by_least_squares() -> None:
    trace = enlarged(32, 4, smooth_picture(8), steps=6, step_size=3.0, enlargement="bicubic")
    columns = []
    for pixel in range(64):
        unit = Image.fromarray(np.eye(64, dtype=np.float32)[pixel].reshape(8, 8))
        columns.append(np.asarray(unit.resize((32, 32), Image.Resampling.BICUBIC)).ravel())
    result = trace.frames[-1, 0].reshape(32 * 32, 3).astype(float)
    again = np.linalg.lstsq(np.stack(columns, 1).astype(float), result, rcond=None)[0]
    wanted = math.sqrt(np.square((again - low_resolution(trace)[0].reshape(64, 3)) / 255).mean())
    assert wanted > 0.001
    assert low_resolution_error(trace) == pytest.approx(wanted, rel=1e-4)


def test_a_run_recorded_before_there_was_a_choice_started_from_blocks() -> None:
    trace = enlarged(32, 4, small_picture(8))
    del trace.parameters["enlargement"]
    np.testing.assert_array_equal(low_resolution(trace)[0], small_picture(8))


def test_a_smaller_epsilon_stays_closer_to_the_small_picture() -> None:
    errors = [
        low_resolution_error(enlarged(32, 4, small_picture(8), epsilon=e, steps=20, step_size=2.0)) for e in (2, 8, 32)
    ]
    assert errors[0] < errors[1] < errors[2]


def test_noise_in_the_start_hardly_reaches_the_low_resolution() -> None:
    small = np.clip(small_picture(8), 60, 200)
    noisy = low_resolution(enlarged(64, 8, small, seed=1))[0].astype(int)
    assert np.abs(noisy - small).max() <= 3, "the mean of 64 pixels"


def test_the_strip_shows_low_resolution_bicubic_and_result_of_each_picture() -> None:
    pair = [small_picture(8), small_picture(8)[::-1].copy()]
    parameters = {"factor": 4, "steps": 8, "step_size": 5.0, "enlargement": "nearest", "seed": None}
    trace = super_resolve(pair, "cat", model=smooth_model(32), **parameters)  # type: ignore[arg-type]
    strip = np.asarray(comparison_strip(trace, size=64))
    assert strip.shape == (2 * 64 + 4, 3 * 64 + 2 * 4, 3)
    for row, small in enumerate(pair):
        top = row * 68
        columns = [strip[top : top + 64, left : left + 64] for left in (0, 68, 136)]
        np.testing.assert_array_equal(columns[0], np.kron(small, np.ones((8, 8, 1), np.uint8)))
        flat = [np.abs(np.diff(column.astype(int), axis=0)).reshape(63, -1) for column in columns[:2]]
        assert (flat[0] == 0).mean() > 0.8 > 0.3 > (flat[1] == 0).mean(), "blocks, then none"
        off = [float(np.abs(c.astype(int) - _scaled(trace.frames[-1, row], 64)).mean()) for c in columns]
        assert off[2] < off[1] and off[2] < off[0] and off[2] < 1
    assert (strip[:, 64:68] == 255).all() and (strip[64:68] == 255).all()


def _scaled(pixels: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)).astype(int)


def test_the_old_keyword_of_the_strip_works_for_this_release() -> None:
    trace = enlarged(32, 4, small_picture(8))
    with pytest.warns(DeprecationWarning, match="use size="):
        strip = comparison_strip(trace, side=16)  # pyright: ignore[reportCallIssue]
    assert strip.size == (3 * 16 + 2 * 4, 16)
