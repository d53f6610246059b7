"""Sketches that a studio offers as examples: a few shapes each, drawn by code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from robust_widgets.pictures import Pixels

Place: TypeAlias = tuple[float, float]
OVERSAMPLING = 3
CURVE_POINTS = 12  # between two given points


@dataclass(frozen=True)
class Shape:
    """An area, or a line if it has a width.

    Attributes:
        color: "#rrggbb".
        points: corners, x to the right and y down, 0 to 100; a single one with a width is a dot.
        width: of a line; 0 for an area.
        curved: whether a smooth curve goes through the points.
    """

    color: str
    points: tuple[Place, ...]
    width: float = 0.0
    curved: bool = True


def area(color: str, *points: Place) -> Shape:
    """An area with a curved edge."""
    return Shape(color, points)


def polygon(color: str, *points: Place) -> Shape:
    """An area with straight edges."""
    return Shape(color, points, curved=False)


def ground(color: str, top: float = 0) -> Shape:
    """Everything below a height."""
    return polygon(color, (0, top), (100, top), (100, 100), (0, 100))


def oval(color: str, x: float, y: float, width: float, height: float, degrees: float = 0) -> Shape:
    """An ellipse around a point; it turns clockwise."""
    turn = math.radians(degrees)
    points: list[Place] = []
    for index in range(24):
        angle = 2 * math.pi * index / 24
        along, across = width / 2 * math.cos(angle), height / 2 * math.sin(angle)
        points.append(
            (x + along * math.cos(turn) - across * math.sin(turn), y + along * math.sin(turn) + across * math.cos(turn))
        )
    return Shape(color, tuple(points))


def line(color: str, width: float, *points: Place) -> Shape:
    """A curved line."""
    return Shape(color, points, width)


def mirrored(*shapes: Shape, x: float = 50) -> tuple[Shape, ...]:
    """The shapes, and each once more on the other side of a vertical line."""
    return tuple(
        part
        for shape in shapes
        for part in (
            shape,
            Shape(shape.color, tuple((2 * x - px, py) for px, py in shape.points), shape.width, shape.curved),
        )
    )


def render(sketch: Sequence[Shape], side: int) -> Pixels:
    """Draw a sketch, the first shape at the bottom; uint8 (side, side, 4), transparent where nothing is drawn."""
    size = side * OVERSAMPLING
    image = Image.new("RGBA", (size, size), (255, 255, 255, 0))
    draw = ImageDraw.Draw(image)
    scale = size / 100
    for shape in sketch:
        closed = not shape.width
        points = _curve(shape.points, closed) if shape.curved and len(shape.points) > 2 else list(shape.points)
        scaled = [(x * scale, y * scale) for x, y in points]
        if closed:
            draw.polygon(scaled, fill=shape.color)
            continue
        radius = shape.width * scale / 2
        if len(scaled) > 1:
            draw.line(scaled, fill=shape.color, width=max(1, round(2 * radius)), joint="curve")
        for x, y in (scaled[0], scaled[-1]):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=shape.color)
    return np.asarray(image.resize((side, side), Image.Resampling.LANCZOS))


def _curve(points: Sequence[Place], closed: bool) -> list[Place]:
    """A Catmull-Rom curve through the points."""
    corners = np.array(points, dtype=float)
    around = np.concatenate([corners[-1:], corners, corners[:2]] if closed else [corners[:1], corners, corners[-1:]])
    t = np.linspace(0, 1, CURVE_POINTS, endpoint=False)[:, None]
    curve: list[Place] = []
    for before, start, end, after in zip(around, around[1:], around[2:], around[3:], strict=False):
        part = 0.5 * (
            2 * start
            + (end - before) * t
            + (2 * before - 5 * start + 4 * end - after) * t**2
            + (3 * start - before - 3 * end + after) * t**3
        )
        curve.extend((float(x), float(y)) for x, y in part)
    return curve if closed else [*curve, (float(corners[-1][0]), float(corners[-1][1]))]


SKETCHES: dict[str, tuple[Shape, ...]] = {
    "goldfish": (
        ground("#3d7f86"),
        ground("#2f6a66", 78),
        area("#f0782a", (64, 50), (74, 40), (90, 28), (88, 44), (84, 52), (90, 64), (86, 74), (74, 62)),
        area("#e86a1e", (36, 36), (44, 24), (58, 24), (62, 38)),
        oval("#f28a2e", 44, 51, 52, 33),
        oval("#ffc46a", 44, 59, 38, 14),
        area("#e86a1e", (44, 60), (50, 70), (40, 76), (36, 64)),
        oval("#ffffff", 28, 46, 8, 8),
        oval("#141414", 27, 46, 5, 5),
        line("#c85a18", 1.5, (36, 38), (40, 50), (36, 62)),
    ),
    "butterfly": (
        ground("#5f8f3f"),
        oval("#8fb83f", 20, 80, 50, 40),
        *mirrored(
            area("#1c1a18", (50, 46), (40, 24), (18, 12), (6, 22), (12, 44), (30, 54), (48, 54)),
            area("#f08a1e", (47, 46), (38, 28), (19, 17), (10, 25), (16, 41), (32, 50)),
            area("#1c1a18", (50, 52), (30, 54), (16, 66), (20, 84), (36, 86), (48, 66)),
            area("#f2a032", (47, 55), (31, 58), (21, 68), (24, 80), (35, 81), (45, 66)),
            line("#1c1a18", 1.6, (46, 46), (30, 34), (16, 24)),
            line("#1c1a18", 1.6, (46, 48), (32, 44), (18, 38)),
            line("#1c1a18", 1.6, (46, 58), (36, 68), (32, 80)),
            oval("#ffffff", 11, 21, 4, 3),
            oval("#ffffff", 21, 78, 4, 3),
            line("#1c1a18", 1.2, (50, 34), (46, 22), (38, 14)),
        ),
        oval("#1c1a18", 50, 52, 6, 40),
    ),
    "boat": (
        ground("#9fc6e0"),
        ground("#3f7f9a", 58),
        area("#ffffff", (8, 20), (20, 12), (32, 18), (26, 24), (12, 25)),
        polygon("#b03a24", (14, 56), (88, 54), (78, 74), (24, 74)),
        polygon("#ffffff", (14, 56), (88, 54), (86, 59), (17, 60)),
        polygon("#f4f0e6", (36, 40), (66, 40), (68, 56), (34, 56)),
        polygon("#2f4f6f", (40, 44), (47, 44), (47, 51), (40, 51)),
        polygon("#2f4f6f", (52, 44), (60, 44), (60, 51), (52, 51)),
        polygon("#d8701e", (50, 24), (58, 24), (59, 40), (49, 40)),
        line("#5a3a20", 1.5, (74, 54), (74, 26)),
        line("#d8ecf4", 2.5, (6, 76), (26, 79), (50, 77), (74, 80), (94, 76)),
        line("#d8ecf4", 1.5, (14, 88), (40, 91), (66, 88)),
    ),
    "mushroom": (
        ground("#4f7438"),
        oval("#35552a", 20, 18, 70, 40),
        oval("#35552a", 84, 20, 60, 40),
        ground("#6f8f42", 82),
        area("#efe2c8", (42, 46), (40, 68), (36, 88), (50, 92), (64, 88), (60, 68), (58, 46)),
        area("#d8c4a0", (36, 52), (50, 48), (64, 52), (50, 58)),
        area("#c8321e", (14, 50), (20, 28), (38, 14), (62, 14), (80, 28), (86, 50), (66, 55), (50, 56), (34, 55)),
        oval("#f6ede0", 36, 28, 11, 8, -20),
        oval("#f6ede0", 58, 24, 10, 7, 10),
        oval("#f6ede0", 72, 40, 10, 8, 30),
        oval("#f6ede0", 48, 42, 11, 8),
        oval("#f6ede0", 27, 44, 8, 6, -20),
        line("#8fb85a", 2, (8, 92), (12, 78)),
        line("#8fb85a", 2, (88, 94), (84, 78)),
        line("#8fb85a", 2, (76, 96), (78, 84)),
    ),
    "pizza": (
        ground("#8a6a48"),
        oval("#e8e4dc", 50, 51, 94, 90),
        oval("#c8883a", 50, 50, 82, 78),
        oval("#d8542a", 50, 50, 70, 66),
        oval("#f2cc5a", 50, 50, 64, 60),
        *(
            oval("#b8301e", x, y, 13, 12)
            for x, y in ((38, 34), (60, 32), (30, 52), (50, 52), (70, 50), (40, 69), (61, 68))
        ),
        *(oval("#4f8a3c", x, y, 7, 4, 40 * x) for x, y in ((48, 41), (62, 42), (40, 60), (58, 60), (26, 42), (50, 27))),
        *(oval("#fff0c0", x, y, 6, 5) for x, y in ((50, 35), (34, 43), (66, 59), (50, 64), (72, 40))),
    ),
    "jellyfish": (
        ground("#123a8c"),
        oval("#1f58b8", 50, 26, 120, 50),
        area("#bcd8f4", (22, 46), (28, 24), (50, 14), (72, 24), (78, 46), (66, 50), (50, 47), (34, 50)),
        area("#e4f0fc", (34, 38), (40, 24), (54, 20), (62, 30), (50, 36)),
        *(line("#a8c8f0", 2.2, (x, 48), (x - 3, 62), (x + 3, 76), (x - 1, 92)) for x in (28, 36, 64, 72)),
        *(line("#e4c8e8", 4, (x, 46), (x + 3, 58), (x - 3, 70), (x + 1, 80)) for x in (44, 50, 56)),
    ),
    "fruit": (
        ground("#d8c8b0"),
        ground("#a87a4a", 66),
        oval("#7a5632", 40, 84, 60, 10),
        oval("#c8281e", 36, 56, 50, 50),
        oval("#e0604a", 27, 46, 16, 18, 20),
        line("#5a3a1e", 2.5, (37, 33), (40, 22), (44, 17)),
        area("#4f8a3c", (42, 24), (52, 14), (64, 18), (54, 26)),
        oval("#f0a01e", 68, 66, 40, 38),
        oval("#f8c85a", 61, 58, 12, 12),
    ),
    "tower": (
        ground("#7fb0dc"),
        area("#ffffff", (4, 30), (16, 22), (30, 28), (26, 36), (10, 37)),
        area("#f0f4f8", (70, 20), (84, 12), (98, 18), (92, 26), (76, 26)),
        ground("#5f8a4a", 84),
        polygon("#f4f0ea", (40, 26), (60, 26), (66, 88), (34, 88)),
        polygon("#c8321e", (39, 36), (61, 36), (62.2, 48), (37.8, 48)),
        polygon("#c8321e", (36.6, 60), (63.4, 60), (64.6, 73), (35.4, 73)),
        polygon("#3a3a40", (36, 23), (64, 23), (64, 27), (36, 27)),
        polygon("#f8e48a", (43, 12), (57, 12), (57, 23), (43, 23)),
        polygon("#b02a1c", (40, 13), (50, 4), (60, 13)),
        polygon("#3a3a40", (47, 78), (53, 78), (53, 88), (47, 88)),
    ),
    "spider": (
        ground("#c8a888"),
        oval("#d8bca0", 50, 50, 90, 80),
        *mirrored(
            line("#141210", 3, (46, 42), (28, 26), (16, 30), (8, 14)),
            line("#141210", 3, (46, 46), (26, 40), (12, 46), (4, 38)),
            line("#141210", 3, (46, 52), (26, 54), (14, 64), (6, 78)),
            line("#141210", 3, (46, 56), (32, 66), (26, 80), (18, 92)),
        ),
        oval("#1c1814", 50, 62, 26, 32),
        oval("#2a241e", 50, 42, 18, 16),
        oval("#5a4a3a", 50, 60, 8, 16),
    ),
    "elephant": (
        ground("#b8cce0"),
        ground("#8f9a5a", 74),
        oval("#86867e", 60, 46, 60, 44),
        *(area("#76766e", (x, 56), (x + 13, 56), (x + 12, 88), (x, 88)) for x in (42, 72)),
        *(area("#86867e", (x, 58), (x + 12, 58), (x + 11, 90), (x, 90)) for x in (34, 62)),
        oval("#8e8e86", 28, 38, 34, 34),
        area("#86867e", (16, 40), (10, 56), (12, 74), (18, 80), (22, 76), (19, 62), (26, 48)),
        area("#6e6e66", (34, 22), (50, 24), (52, 44), (42, 56), (34, 48)),
        area("#fbf6e6", (20, 52), (22, 62), (30, 66), (26, 58)),
        oval("#141414", 21, 35, 3.5, 3.5),
        line("#6e6e66", 2, (89, 40), (94, 54), (92, 64)),
    ),
    "lion": (
        ground("#a8b06a"),
        ground("#8a8a4a", 70),
        area(
            "#8a4a1c", (50, 4), (74, 10), (90, 30), (92, 56), (80, 82), (50, 94), (20, 82), (8, 56), (10, 30), (26, 10)
        ),
        oval("#b8702a", 50, 50, 66, 70),
        area("#e0a860", (50, 20), (68, 28), (74, 48), (66, 68), (50, 80), (34, 68), (26, 48), (32, 28)),
        oval("#f4dcb4", 50, 68, 28, 22),
        *mirrored(
            oval("#8a5a2a", 29, 25, 14, 13),
            oval("#f4e8c8", 39, 43, 11, 8),
            oval("#2a1c10", 39.5, 43, 5, 6),
            line("#8a5a2a", 1.6, (33, 38), (39, 35), (45, 38)),
            line("#5a3418", 1.8, (50, 67), (45, 72), (39, 71)),
        ),
        area("#6a3424", (43, 58), (50, 56), (57, 58), (50, 66)),
    ),
    "bus": (
        ground("#b4cce0"),
        polygon("#a0a8a0", (0, 30), (18, 22), (30, 34), (70, 20), (100, 34), (100, 70), (0, 70)),
        ground("#6a6a68", 68),
        area("#e8b020", (8, 28), (12, 22), (86, 22), (92, 30), (94, 74), (8, 74)),
        *(polygon("#2a3a4c", (x, 30), (x + 13, 30), (x + 13, 46), (x, 46)) for x in (13, 29, 45, 61)),
        polygon("#3a4c60", (78, 30), (90, 31), (91, 52), (78, 52)),
        polygon("#c8901a", (8, 54), (93, 54), (93, 58), (8, 58)),
        polygon("#f8f4e0", (86, 63), (93, 63), (93, 68), (86, 68)),
        *(oval("#1c1c1c", x, 75, 17, 17) for x in (28, 74)),
        *(oval("#9a9a9a", x, 75, 7, 7) for x in (28, 74)),
    ),
    "street": (
        ground("#bcd3e4"),
        area("#6d6a68", (43, 51), (57, 51), (100, 109), (0, 109)),
        area("#a5785a", (-8, 8), (23, 23), (41, 47), (41, 55), (-8, 94)),
        area("#8f8a84", (108, 8), (78, 23), (59, 47), (59, 55), (108, 94)),
        polygon("#3d3a3a", (5, 30), (11, 30), (11, 41), (5, 41)),
        polygon("#3d3a3a", (17, 35), (23, 35), (23, 46), (17, 46)),
        polygon("#3d3a3a", (77, 35), (83, 35), (83, 46), (77, 46)),
        polygon("#3d3a3a", (89, 30), (95, 30), (95, 41), (89, 41)),
        line("#e6e2da", 2.0, (50, 62), (50, 74)),
        line("#e6e2da", 2.5, (50, 82), (50, 98)),
    ),
    "parachute": (
        ground("#7db4ea"),
        area("#d8392b", (15, 42), (23, 17), (50, 8), (77, 17), (85, 42), (50, 36)),
        area("#f2c230", (38, 38), (41, 13), (50, 8), (59, 13), (62, 38), (50, 36)),
        line("#2b2b2b", 1.0, (19, 39), (50, 80)),
        line("#2b2b2b", 1.0, (38, 39), (50, 80)),
        line("#2b2b2b", 1.0, (62, 39), (50, 80)),
        line("#2b2b2b", 1.0, (81, 39), (50, 80)),
        oval("#2b2b2b", 50, 83, 6, 12),
    ),
    "church": (
        ground("#8fbbe4"),
        ground("#5b7d45", 80),
        polygon("#c9b28f", (42, 49), (89, 49), (89, 84), (42, 84)),
        area("#7d4a3a", (39, 51), (48, 33), (84, 33), (93, 51)),
        polygon("#d6c29f", (21, 36), (44, 36), (44, 84), (21, 84)),
        area("#5a4038", (18, 38), (32, 3), (47, 38)),
        polygon("#4a4d5c", (53, 59), (59, 59), (59, 73), (53, 73)),
        polygon("#4a4d5c", (66, 59), (71, 59), (71, 73), (66, 73)),
        polygon("#4a4d5c", (78, 59), (84, 59), (84, 73), (78, 73)),
        polygon("#4f3626", (28, 69), (37, 69), (37, 84), (28, 84)),
    ),
    "dog": (
        ground("#8fae7c"),
        area("#8a5a2b", (27, 102), (24, 74), (31, 51), (50, 41), (69, 51), (76, 74), (73, 102)),
        oval("#a9713a", 50, 43, 48, 52),
        area("#5e3a1b", (23, 27), (34, 20), (36, 43), (27, 62), (19, 51)),
        area("#5e3a1b", (77, 27), (66, 20), (64, 43), (73, 62), (81, 51)),
        oval("#e3c9a2", 50, 57, 26, 22),
        oval("#1c1512", 50, 50, 11, 8),
        oval("#1c1512", 40, 37, 7, 8),
        oval("#1c1512", 60, 37, 7, 8),
    ),
    "cat": (
        ground("#b4a08c"),
        area("#8a6b4a", (23, 102), (22, 77), (33, 59), (67, 59), (78, 77), (77, 102)),
        area("#8a6b4a", (24, 38), (23, 10), (44, 26)),
        area("#8a6b4a", (76, 38), (77, 10), (56, 26)),
        oval("#9c7d58", 50, 45, 55, 45),
        oval("#c3cf5a", 38, 42, 12, 11),
        oval("#12120c", 38, 42, 5, 10),
        oval("#c3cf5a", 62, 42, 12, 11),
        oval("#12120c", 62, 42, 5, 10),
        area("#d08b80", (45, 51), (55, 51), (50, 57)),
        oval("#e9dcc6", 50, 61, 21, 12),
        line("#3c2f24", 1.5, (50, 55), (50, 61)),
    ),
    "truck": (
        ground("#a9c9e4"),
        ground("#77756f", 78),
        area("#3f8f4f", (9, 33), (61, 33), (62, 73), (9, 73)),
        area("#e8e8e4", (63, 41), (83, 41), (92, 57), (92, 73), (63, 73)),
        area("#39506a", (69, 45), (80, 45), (87, 57), (69, 57)),
        oval("#1d1d1d", 24, 76, 16, 16),
        oval("#9c9c9c", 24, 76, 6, 6),
        oval("#1d1d1d", 44, 76, 16, 16),
        oval("#9c9c9c", 44, 76, 6, 6),
        oval("#1d1d1d", 78, 76, 16, 16),
        oval("#9c9c9c", 78, 76, 6, 6),
    ),
    "mountain": (
        ground("#9cc3e6"),
        area("#5b6675", (-23, 86), (35, 18), (62, 59), (78, 38), (125, 86)),
        area("#f2f5f8", (25, 31), (35, 18), (45, 34), (36, 38)),
        area("#f2f5f8", (72, 46), (78, 38), (85, 47), (78, 50)),
        ground("#51753f", 77),
    ),
    "sea": (
        ground("#f2b98a"),
        ground("#1f5f86", 50),
        oval("#ffd27a", 69, 44, 17, 17),
        polygon("#1f5f86", (51, 50), (90, 50), (90, 55), (51, 55)),
        line("#d7e7ef", 2.5, (23, 59), (38, 57), (51, 59)),
        line("#d7e7ef", 2.5, (59, 67), (73, 65), (86, 67)),
        line("#d7e7ef", 2.5, (16, 77), (30, 75), (43, 77)),
        line("#d7e7ef", 2.5, (66, 86), (80, 84), (94, 86)),
    ),
    "forest": (
        ground("#b9d2de"),
        ground("#4a6b34", 66),
        polygon("#4a3420", (9, 59), (14, 59), (14, 80), (9, 80)),
        area("#24502a", (12, 26), (-5, 73), (28, 73)),
        polygon("#4a3420", (30, 59), (34, 59), (34, 80), (30, 80)),
        area("#24502a", (32, 10), (16, 73), (48, 73)),
        polygon("#4a3420", (52, 59), (57, 59), (57, 80), (52, 80)),
        area("#24502a", (55, 22), (38, 73), (71, 73)),
        polygon("#4a3420", (74, 59), (79, 59), (79, 80), (74, 80)),
        area("#24502a", (77, 6), (60, 73), (93, 73)),
        polygon("#4a3420", (91, 59), (96, 59), (96, 80), (91, 80)),
        area("#24502a", (94, 26), (77, 73), (110, 73)),
    ),
    "glacier": (
        ground("#a9cbe8"),
        area("#7d8796", (-16, 47), (20, 16), (43, 43), (70, 12), (117, 43), (117, 70), (-16, 70)),
        area("#e9f1f7", (23, 43), (78, 39), (100, 74), (117, 117), (-23, 117), (-8, 74)),
        line("#a9c8de", 2.0, (23, 55), (18, 74), (20, 96)),
        line("#a9c8de", 2.0, (47, 55), (41, 74), (44, 96)),
        line("#a9c8de", 2.0, (70, 55), (65, 74), (67, 96)),
    ),
    "golf ball": (
        ground("#5d9a49"),
        oval("#f4f5f2", 50, 59, 42, 42),
        oval("#d3d7d3", 41, 47, 3, 3),
        oval("#d3d7d3", 38, 53, 3, 3),
        oval("#d3d7d3", 41, 59, 3, 3),
        oval("#d3d7d3", 38, 66, 3, 3),
        oval("#d3d7d3", 47, 47, 3, 3),
        oval("#d3d7d3", 44, 53, 3, 3),
        oval("#d3d7d3", 47, 59, 3, 3),
        oval("#d3d7d3", 44, 66, 3, 3),
        oval("#d3d7d3", 53, 47, 3, 3),
        oval("#d3d7d3", 50, 53, 3, 3),
        oval("#d3d7d3", 53, 59, 3, 3),
        oval("#d3d7d3", 50, 66, 3, 3),
        oval("#d3d7d3", 59, 47, 3, 3),
        oval("#d3d7d3", 56, 53, 3, 3),
        oval("#d3d7d3", 59, 59, 3, 3),
        oval("#d3d7d3", 56, 66, 3, 3),
        oval("#d3d7d3", 66, 47, 3, 3),
        oval("#d3d7d3", 62, 53, 3, 3),
        oval("#d3d7d3", 66, 59, 3, 3),
        oval("#d3d7d3", 62, 66, 3, 3),
        line("#2f6f2f", 3.5, (0, 84), (100, 84)),
    ),
    "buildings": (
        ground("#a8c8e2"),
        *(
            part
            for color, left, top, right in (("#8d8f98", 8, 38, 32), ("#6f7d92", 36, 16, 59), ("#a08d7c", 62, 29, 91))
            for part in (
                polygon(color, (left, top), (right, top), (right, 100), (left, 100)),
                *(
                    polygon("#39424f", (x, y), (x + 3, y), (x + 3, y + 5), (x, y + 5))
                    for x in range(left + 3, right - 5, 7)
                    for y in range(top + 6, 94, 10)
                ),
            )
        ),
    ),
}
