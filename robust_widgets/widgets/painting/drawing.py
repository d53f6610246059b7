"""What was painted on the sketch as lines and areas, and a drawing of them as SVG."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from robust_widgets.widgets.painting.layers import Mirror, Undrawn
from robust_widgets.widgets.painting.strokes import Point, mirrored

# Widths that differ less than this, as a fraction of the brush, are one.
SAME_WIDTH = 0.02


@dataclass(frozen=True)
class DrawnLine:
    """A stroke; its attributes are those of `strokes.Stroke`, its points those that were painted."""

    tool: Literal["brush", "eraser"]
    color: tuple[int, int, int]
    size: float
    softness: float
    opacity: float
    mirror: Mirror
    points: tuple[Point, ...]


@dataclass(frozen=True)
class DrawnArea:
    """A polygon, filled by the even-odd rule."""

    color: tuple[int, int, int]
    opacity: float
    mirror: Mirror
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Emptied:
    """All paint was removed."""


Drawn: TypeAlias = DrawnLine | DrawnArea | Undrawn | Emptied


def since_emptied(drawn: Sequence[Drawn]) -> list[Drawn]:
    """What is still there: all after the last time that the sketch was emptied."""
    last = max((index for index, item in enumerate(drawn) if isinstance(item, Emptied)), default=-1)
    return list(drawn[last + 1 :])


def missing(drawn: Sequence[Drawn]) -> str:
    """A sentence about the paint that a drawing lacks; ``""`` if it lacks none."""
    kinds = [item.what for item in since_emptied(drawn) if isinstance(item, Undrawn)]
    fills, parts = kinds.count("fill"), list[str]()
    if fills:
        parts.append("1 fill" if fills == 1 else f"{fills} fills")
    if "pixels" in kinds:
        parts.append("what is known as pixels only, such as an example or a painting of before")
    if not parts:
        return ""
    return f"It lacks {' and '.join(parts)}. What has no outline cannot be drawn."


def to_svg(drawn: Sequence[Drawn], side: int) -> str:
    """An SVG file of the strokes and areas on a sketch of ``side`` pixels, without the picture below.

    An eraser's stroke hides what was drawn before it. A soft edge becomes a blur, which is nearly the same, and a
    stroke whose opacity varies gets its mean.
    """
    defined: list[str] = []
    body = ""
    for number, item in enumerate(since_emptied(drawn)):
        if isinstance(item, DrawnArea):
            body += _area(item, side)
        elif isinstance(item, DrawnLine) and item.points:
            line, filter = _line(item, side, f"soft{number}")
            defined.extend(filter)
            if item.tool == "brush":
                body += line
            else:
                whole = f'<rect width="{side}" height="{side}" fill="#fff"/>'
                size = f'x="0" y="0" width="{side}" height="{side}"'
                defined.append(f'<mask id="erased{number}" maskUnits="userSpaceOnUse" {size}>{whole}{line}</mask>')
                body = f'<g mask="url(#erased{number})">{body}</g>'
    definitions = f"<defs>{''.join(defined)}</defs>" if defined else ""
    size = f'width="{side}" height="{side}" viewBox="0 0 {side} {side}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{definitions}{body}</svg>\n'


def _line(line: DrawnLine, side: int, name: str) -> tuple[str, list[str]]:
    """A stroke, and the filter that softens it."""
    strengths = [point[3] if len(point) > 3 else 1.0 for point in line.points]
    opacity = line.opacity * sum(strengths) / len(strengths)
    color = _hex(line.color) if line.tool == "brush" else "#000"
    filter, softened = list[str](), ""
    blur = line.softness * line.size / 8
    if blur > 0:
        size = f'filterUnits="userSpaceOnUse" x="0" y="0" width="{side}" height="{side}"'
        filter = [f'<filter id="{name}" {size}><feGaussianBlur stdDeviation="{_text(blur)}"/></filter>']
        softened = f' filter="url(#{name})"'
    paths = "".join(_path(image, line.size * (1 - line.softness / 2)) for image in _images(line.points, line, side))
    look = f'fill="none" stroke="{color}" stroke-linecap="round" stroke-linejoin="round" opacity="{_text(opacity)}"'
    return f"<g {look}{softened}>{paths}</g>", filter


def _path(points: Sequence[Sequence[float]], size: float) -> str:
    widths = [point[2] for point in points]
    if max(widths) - min(widths) < SAME_WIDTH:
        places = " L".join(f"{_text(x)} {_text(y)}" for x, y, *_ in points)
        dot = "h0" if len(points) == 1 else ""
        return f'<path d="M{places}{dot}" stroke-width="{_text(size * sum(widths) / len(widths))}"/>'
    return "".join(
        f'<path d="M{_text(start[0])} {_text(start[1])} L{_text(end[0])} {_text(end[1])}" '
        f'stroke-width="{_text(size * (start[2] + end[2]) / 2)}"/>'
        for start, end in itertools.pairwise(points)
    )


def _area(area: DrawnArea, side: int) -> str:
    polygons = "".join(
        f'<polygon points="{" ".join(f"{_text(x)},{_text(y)}" for x, y in image)}"/>'
        for image in _images(area.corners, area, side)
    )
    return f'<g fill="{_hex(area.color)}" fill-rule="evenodd" opacity="{_text(area.opacity)}">{polygons}</g>'


def _images(
    points: Iterable[tuple[float, ...]], item: DrawnLine | DrawnArea, side: int
) -> list[list[tuple[float, ...]]]:
    return mirrored(list(points), item.mirror, side)


def _hex(color: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)


def _text(value: float) -> str:
    return f"{round(value, 2):g}"
