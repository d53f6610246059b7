"""What players are handed: evenly spaced steps, pictures as JPEG, and curves."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from robust_widgets.pictures.grid import tile
from robust_widgets.runs.playback import (
    LEADERS,
    THUMBNAIL_SIDE,
    curves,
    evenly,
    finite,
    heat_jpeg,
    jpeg,
    leading,
    thumbnail,
)
from robust_widgets.runs.trace import Trace
from tests.runs.test_trace import frame, recorded
from tests.widgets.page import decoded, noise


@pytest.mark.parametrize("count", [1, 4, 5])
def test_a_frame_is_a_jpeg_of_all_its_pictures(count: int) -> None:
    rough = noise(count, 3, 3, 3).repeat(8, axis=1).repeat(8, axis=2)
    file = jpeg(rough)
    assert file[:2] == b"\xff\xd8"
    shown = decoded(file)
    assert shown.shape == tile(rough).shape
    assert np.abs(shown.astype(int) - tile(rough)).mean() < 4
    assert np.abs(shown.astype(int) - tile(rough))[1:7, 1:7].max() < 12, "colours are kept at full resolution"


def test_a_jpeg_is_made_smaller_but_never_larger() -> None:
    assert decoded(jpeg(noise(1, 40, 80, 3), side=20)).shape == (10, 20, 3)
    assert decoded(jpeg(noise(1, 40, 80, 3), side=200)).shape == (40, 80, 3)


def test_a_short_run_is_taken_whole_and_a_long_one_evenly_with_both_ends() -> None:
    assert evenly(1, 240) == [0] and evenly(5, 1) == [4]
    assert evenly(240, 240) == list(range(240))
    steps = evenly(1001, 240)
    assert len(steps) == 240 and steps[0] == 0 and steps[-1] == 1000
    assert set(np.diff(steps)) <= {4, 5}
    assert all(type(step) is int for step in steps), "JSON has no numpy numbers"
    assert evenly(11, 3) == [0, 5, 10]


def test_curves_hold_the_numbers_of_the_steps_asked_for() -> None:
    trace = recorded(6)
    trace.radius = 3.5
    kept = curves(trace, [0, 2, 6])
    assert kept.steps == [0, 2, 6] and kept.radius == 3.5 and kept.top == {}
    for name in ("loss", "probability", "distance"):
        assert getattr(kept, name) == pytest.approx([trace.mean(name, step) for step in (0, 2, 6)], rel=1e-5)
    assert json.loads(json.dumps(kept.message(), allow_nan=False))["steps"] == [0, 2, 6]


@pytest.mark.parametrize(
    ("epsilon", "limit", "unit", "shown"),
    [(40.0, 10.0, 4, 40), (40, 10.0, 4, 40), (None, 10.0, 1, 10), (0.0, 0.0, 1, 0), (40.0, None, 1, None)],
)
def test_distances_are_told_in_the_unit_of_the_slider(
    epsilon: float | None, limit: float | None, unit: float, shown: float | None
) -> None:
    trace = recorded(2)
    trace.parameters, trace.radius = {"epsilon": epsilon}, limit
    told = curves(trace, [0, 1, 2])
    assert told.radius == shown
    assert told.distance == pytest.approx([unit * trace.mean("distance", step) for step in range(3)], rel=1e-5)


def test_the_leading_classes_are_those_that_came_highest_the_last_highest_first() -> None:
    trace = Trace("generate", {}, classes=tuple("abcdefgh"))
    rows = [[0.9, 0, 0.02, 0.02, 0.03, 0.03, 0, 0], [0.2, 0, 0.04, 0.05, 0.06, 0.65, 0, 0]]
    for step, row in enumerate(rows):
        trace.append(dataclasses.replace(frame(step), probabilities=np.array([row, row], np.float32)))
    trace.append(frame(2))
    top = curves(trace, [0, 1, 2]).top
    assert list(top) == ["f", "a", "e", "d", "c"] and len(top) == LEADERS
    assert top["a"] == [pytest.approx(0.9), pytest.approx(0.2), None], "None where it was not recorded"


def test_probabilities_without_names_are_not_shown() -> None:
    trace = Trace("generate", {}, classes=("a",))
    trace.append(dataclasses.replace(frame(0), probabilities=np.ones((2, 3), np.float32)))
    assert curves(trace, [0]).top == {}
    assert leading(frame(0)) == []


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None])
def test_numbers_that_json_does_not_have_are_nothing(bad: float | None) -> None:
    assert finite(bad) is None


def test_a_thumbnail_is_small() -> None:
    assert thumbnail(Trace("generate", {})) == b""
    assert max(decoded(thumbnail(recorded(1, side=300))).shape) == THUMBNAIL_SIDE


def test_the_gradient_is_tiled_as_the_pictures_are() -> None:
    assert heat_jpeg(frame(0)) == b""
    gradient = np.zeros((3, 8, 8), np.uint8)
    gradient[1] = 255
    shown = decoded(heat_jpeg(dataclasses.replace(frame(0), gradient=gradient)))
    assert shown.shape == (16, 16)
    assert shown[:8, 8:].min() > 240 and shown[:8, :8].max() < 15
