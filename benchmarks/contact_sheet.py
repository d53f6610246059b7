"""A contact sheet of a model: generated pictures of every class.

    python benchmarks/contact_sheet.py --out sheet.png
    python benchmarks/contact_sheet.py --classes goldfish car pizza --n 4 --out sheet.png

Each class name is followed by the first picture's seed, then the pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import robust_widgets as rw
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.grid import enlarged

LABEL_HEIGHT = 18


def column(model: rw.RobustClassifier, target: str, n: int, size: int, steps: int) -> Image.Image:
    """One class: its name, a seed, and n pictures in a column."""
    trace = rw.generate(target, n=n, model=model, steps=steps)
    pictures: list[Pixels] = [trace[0].pixels[0], *trace[-1].pixels]
    sheet = Image.new("RGB", (size, LABEL_HEIGHT + size * len(pictures)), "white")
    name = f"{target} {trace.mean('probability', -1):.0%}"
    ImageDraw.Draw(sheet).text((4, 2), name, fill="black", font=ImageFont.load_default(12))
    for index, pixels in enumerate(pictures):
        sheet.paste(enlarged(pixels, size).resize((size, size)), (0, LABEL_HEIGHT + index * size))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--classes", nargs="*")
    parser.add_argument("--n", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--size", type=int, default=112, help="size of a picture on the sheet in pixels")
    parser.add_argument("--columns", type=int, default=9)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    model = rw.load_model(arguments.model)
    names = arguments.classes or list(model.classes)
    columns = [column(model, name, arguments.n, arguments.size, arguments.steps) for name in names]
    rows = [columns[index : index + arguments.columns] for index in range(0, len(columns), arguments.columns)]
    width = max(len(row) for row in rows) * arguments.size
    sheet = Image.new("RGB", (width, columns[0].height * len(rows)), "white")
    for row_index, row in enumerate(rows):
        for column_index, picture in enumerate(row):
            sheet.paste(picture, (column_index * arguments.size, row_index * picture.height))
    sheet.save(arguments.out)


if __name__ == "__main__":
    main()
