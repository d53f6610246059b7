"""The README's picture: one row for each task, from its start to its result, with the bundled model.

python benchmarks/task_sheet.py docs/pictures/tasks.jpg
"""

from __future__ import annotations

import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import robust_widgets as rw
from robust_widgets.runs.trace import Trace

TILE = 144
GAP = 6
LABEL_WIDTH = 150
FRACTIONS = (0.0, 0.15, 0.4, 1.0)


def runs(model: rw.RobustClassifier) -> list[tuple[str, Trace]]:
    """A run of each task; most others start from the generated lion."""
    rows, columns = np.mgrid[:64, :64]
    sketch = np.full((64, 64, 3), (30, 90, 150), np.uint8)
    sketch[(rows - 32) ** 2 / 150 + (columns - 30) ** 2 / 400 < 1] = (240, 130, 30)
    hole, below = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    hole[20:40, 20:44] = True
    below[42:] = True
    lion = rw.generate("lion", seed=1, model=model)
    picture = lion.pictures[0]
    return [
        ("sketch to goldfish", rw.sketch_to_image(sketch, "goldfish", model=model)),
        ("generate a lion", lion),
        ("translate to bear", rw.translate(picture, "bear", model=model)),
        ("enlarge 4 times", rw.super_resolve(picture, "lion", factor=4, model=model)),
        ("fill in", rw.inpaint(picture, hole, "lion", model=model)),
        ("paint a coral feature", rw.paint_features(picture, below, "coral 1", model=model)),
    ]


def sheet(traces: list[tuple[str, Trace]]) -> Image.Image:
    """A row for each run: its name, and its picture at a few fractions of its steps."""
    width, height = LABEL_WIDTH + len(FRACTIONS) * (TILE + GAP), len(traces) * (TILE + GAP) - GAP
    page = Image.new("RGB", (width - GAP, height), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    for row, (name, trace) in enumerate(traces):
        top = row * (TILE + GAP)
        draw.text((0, top + TILE // 2), name, fill="#333333", font=font, anchor="lm")
        for column, fraction in enumerate(FRACTIONS):
            picture = Image.fromarray(trace[round(fraction * (len(trace) - 1))].pixels[0])
            page.paste(
                picture.resize((TILE, TILE), Image.Resampling.BICUBIC), (LABEL_WIDTH + column * (TILE + GAP), top)
            )
    return page


if __name__ == "__main__":
    sheet(runs(rw.load_model())).save(sys.argv[1], quality=88, subsampling=0)
