"""The page paints, searches and plays what Python does: the fixtures of its unit tests are what Python gives.

`ROBUST_WIDGETS_FIXTURES=write pytest tests/page/test_painting_parity.py` writes them again after a change in Python.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robust_widgets.interface.class_search import ClassSearch
from robust_widgets.runs.playback import curves, evenly
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.widgets.painting.raster import Raster

FOLDER = Path(__file__).parents[2] / "frontend" / "page" / "tests" / "fixtures"
SIDE = 40

# Each step paints with one tool of the page; coordinates and sizes are raster pixels.
BRUSH = {"tool": "brush", "color": "#f28c28", "size": 9, "softness": 0.3, "opacity": 1, "layer": "sketch"}
STEPS: list[dict[str, Any]] = [
    {"do": "stroke", "brush": BRUSH, "points": [[5, 6, 1], [20.5, 9.25, 0.4], [33, 30, 0.8], [45, 31, 1]]},
    {"do": "stroke", "brush": {**BRUSH, "color": "#2f6fb7", "softness": 1, "opacity": 0.6}, "points": [[30, 5, 1]]},
    {
        "do": "area",
        "brush": {**BRUSH, "color": "#4f8a3c", "opacity": 0.75},
        "points": [[3, 20], [25.5, 22], [9, 39], [24, 37.25], [2.25, 24.5]],
    },
    {"do": "stroke", "brush": {**BRUSH, "tool": "eraser", "size": 6}, "points": [[1, 30, 1], [38, 12, 1]]},
    {"do": "fill", "brush": {**BRUSH, "color": "#141414", "opacity": 0.9}, "points": [[36, 4]]},
    {"do": "image"},
    {"do": "undo"},
    {"do": "redo"},
    {"do": "stroke", "brush": {**BRUSH, "layer": "mask", "size": 14}, "points": [[8, 8, 1], [20, 20, 1]]},
    {"do": "fill", "brush": {**BRUSH, "layer": "mask", "opacity": 0.5}, "points": [[38, 38]]},
    {"do": "invert"},
    {"do": "flatten"},
    {
        "do": "stroke",
        "brush": {**BRUSH, "color": "#ffffff", "size": 3, "softness": 0},
        "points": [[3, 3, 1], [9, 4, 1]],
    },
]

CLASSES = ["tench, Tinca tinca", "goldfish", "great white shark", "polar bear", "bear", "school bus", "Müller's café"]
SYNONYMS = [["carp"], ["gold carp"], ["man-eater"], ["ice bear"], [], ["coach"], []]
QUERIES = ["", "bear", "gold", "fish", "shark great", "bus", "carp", "3", "ice-bear", "MÜLLER", "'", "zebra", "  tinca"]


def paint(raster: Raster, step: dict[str, Any]) -> None:
    brush, points = step.get("brush", {}), step.get("points", [])
    match step["do"]:
        case "stroke":
            stroke = raster.begin(**brush)
            raster.extend(stroke, points[:2])
            raster.extend(stroke, points[2:])
            raster.finish(stroke)
        case "area":
            raster.paint_area(points, brush["color"], brush["opacity"], brush["layer"])
        case "fill":
            raster.fill(points[0][0], points[0][1], brush["color"], brush["opacity"], brush["layer"])
        case "image":
            values = np.arange(SIDE * SIDE * 3) * 7 // 40 % 256
            raster.set_image(values.astype(np.uint8).reshape(SIDE, SIDE, 3))
        case "undo":
            raster.undo()
        case "redo":
            raster.redo()
        case "invert":
            raster.invert_mask()
        case _:
            raster.flatten()


def packed(values: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(zlib.compress(values.tobytes(), 9)).decode()


def raster_fixture() -> Any:
    raster = Raster(SIDE)
    after: list[dict[str, str]] = []
    for step in STEPS:
        paint(raster, step)
        # As differences to white, to nothing and to nothing, which compress well.
        after.append(
            {"image": packed(255 - raster.image), "sketch": packed(raster.sketch), "mask": packed(raster.mask)}
        )
    return {"side": SIDE, "steps": STEPS, "after": after, "seen": packed(255 - raster.composite())}


def search_fixture() -> Any:
    search = ClassSearch(CLASSES, SYNONYMS)
    results = {query: [[match.name, match.other] for match in search.find(query)] for query in QUERIES}
    return {"classes": CLASSES, "synonyms": SYNONYMS, "results": results}


def curves_fixture() -> Any:
    trace = Trace("generate", {"epsilon": 40.0}, 0, "tiny", classes=tuple("abcdefg"), radius=40 * 16 / 224)
    random = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for step in range(7):
        loss, probability, distance = np.round(random.random((3, 2)), 7)
        numbers = {"loss": loss, "probability": probability, "distance": distance}
        probabilities = random.dirichlet(np.ones(7), 2).astype(np.float32)
        pixels = np.zeros((2, 2, 2, 3), np.uint8)
        trace.append(Frame(step, pixels, loss, probability, distance, step / 8, probabilities))
        lists = {name: values.tolist() for name, values in numbers.items()}
        rows.append({**lists, "probabilities": probabilities.ravel().tolist()})
    chosen = evenly(len(trace), 5)
    even = [[count, most, evenly(count, most)] for count, most in ((61, 8), (241, 240), (3, 8), (1, 5), (1001, 240))]
    return {"frames": rows, "chosen": chosen, "curves": curves(trace, chosen).message(), "evenly": even}


@pytest.mark.parametrize(
    ("name", "made"),
    [("raster", raster_fixture), ("classSearch", search_fixture), ("curves", curves_fixture)],
)
def test_the_fixtures_of_the_page_are_what_python_gives(name: str, made: Callable[[], Any]) -> None:
    file = FOLDER / f"{name}.json"
    values = json.loads(json.dumps(made()))
    if os.environ.get("ROBUST_WIDGETS_FIXTURES") == "write":
        file.write_text(json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    assert unpacked(json.loads(file.read_text("utf-8"))) == unpacked(values)


def unpacked(value: Any) -> Any:
    """With the bytes of layers instead of their compressed form, which depends on the version of zlib."""
    if isinstance(value, dict):
        return {
            key: zlib.decompress(base64.b64decode(item))
            if key in ("image", "sketch", "mask", "seen")
            else unpacked(item)
            for key, item in value.items()
        }
    return [unpacked(item) for item in value] if isinstance(value, list) else value
