"""Strokes as SVG: a page writes the same file, which `frontend/page/tests/drawing.test.ts` checks."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robust_widgets.errors import StateError
from robust_widgets.widgets.painting import layers
from robust_widgets.widgets.painting import raster as raster_module
from robust_widgets.widgets.painting.drawing import DrawnLine, missing, to_svg
from robust_widgets.widgets.painting.layers import Undrawn
from robust_widgets.widgets.painting.raster import Raster
from robust_widgets.widgets.painting.surface import Surface
from robust_widgets.widgets.status_line import StatusLine
from tests.widgets.page import Page

FIXTURE = Path(__file__).parents[3] / "frontend" / "page" / "tests" / "fixtures" / "drawing.svg"
RED = "#c81400"


def stroke(raster: Raster, *points: Any, tool: Any = "brush", color: str = RED, size: float = 8, **more: Any) -> None:
    started = raster.begin(tool, color, size, more.pop("softness", 0.0), **more)
    raster.extend(started, points)
    raster.finish(started)


def test_strokes_areas_and_what_was_erased_become_a_drawing() -> None:
    raster = Raster(64)
    stroke(raster, (10, 10, 1), (50, 10.126, 1))
    raster.clear()
    stroke(raster, (10, 20, 1), (50, 20, 1), (50, 40, 1))
    stroke(raster, (20, 50, 1), color="#0000ff", softness=0.5, opacity=0.5)
    stroke(raster, (5, 5, 0.3, 0.5), (10, 5, 0.65, 1), (20, 5, 1, 1), mirror="x")
    raster.paint_area([(30, 30), (40, 30), (40, 45.5)], "#00ff00")
    stroke(raster, (0, 0, 1), (60, 60, 1), tool="eraser", size=4)
    stroke(raster, (32, 32, 1), layer="mask")
    stroke(raster, (1, 1, 1))
    raster.undo()
    svg = to_svg(raster.drawn(), 64)
    assert svg == FIXTURE.read_text("utf-8")
    assert missing(raster.drawn()) == ""
    root = ET.fromstring(svg)
    kinds = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert kinds.count("path") == 1 + 1 + 2 * 2 + 1 and kinds.count("polygon") == 1 and kinds.count("mask") == 1


def test_what_has_no_outline_is_told() -> None:
    raster = Raster(32)
    stroke(raster, (4, 16, 1), (28, 16, 1))
    raster.fill(2, 2, "#00ff00")
    assert missing(raster.drawn()) == "It lacks 1 fill. What has no outline cannot be drawn."
    raster.begin_with(np.full((32, 32, 4), 200, np.uint8))
    raster.fill(2, 2, "#00ff00")
    raster.fill(2, 2, "#0000ff")
    assert "2 fills and what is known as pixels only" in missing(raster.drawn())
    raster.clear()
    assert missing(raster.drawn()) == ""


def test_strokes_that_can_no_longer_be_undone_stay_in_the_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "MAX_HISTORY", 2000)
    raster = Raster(32)
    for index in range(40):
        stroke(raster, (index % 32, 4, 1), (16, 28, 1))
    undone = 0
    while raster.can_undo:
        raster.undo()
        undone += 1
    assert 0 < undone < 40 and len(raster.drawn()) == 40 - undone
    assert to_svg(raster.drawn(), 32).count("<path") == 40 - undone


def test_a_page_cannot_fill_the_memory_with_strokes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster_module, "MAX_STROKE_POINTS", 100)
    raster = Raster(32)
    stroke(raster, *((16 + 10 * np.cos(index / 50), 16 + 10 * np.sin(index / 50), 1) for index in range(1000)))
    (line,) = raster.drawn()
    assert isinstance(line, DrawnLine) and 50 <= len(line.points) <= 100
    assert line.points[0][:2] == (26, 16) and abs(line.points[-1][0] - (16 + 10 * np.cos(999 / 50))) < 0.01
    monkeypatch.setattr(layers, "MAX_HISTORY", 1)
    monkeypatch.setattr(layers, "MAX_DRAWN", 40)
    for _ in range(30):
        stroke(raster, (4, 4, 1), (20, 20, 1))
    drawn = raster.drawn()
    assert drawn[0] == Undrawn("pixels") and len(drawn) <= 1 + 40 // 3 + 1
    assert "pixels only" in missing(drawn)


def test_an_empty_sketch_is_no_drawing(page: Page) -> None:
    del page
    surface = Surface(StatusLine(), side=32)
    with pytest.raises(StateError, match="no stroke"):
        surface.drawing()
