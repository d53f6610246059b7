"""What each choice of training does to the numbers and to the pictures: short runs that differ in one thing.

    python benchmarks/explore.py restricted-tiny-imagenet --judge tests/data/judge.safetensors --out exploration

Each variant trains `smoothresnet-tiny` for a few epochs; `--pictures` takes fewer, for a weak machine. DIR then holds
each model, `table.md` with the figures, and `sheet.png`, a row of the same seeds for each variant. A variant whose
model is there already is not trained again, so a stopped exploration goes on.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont

import robust_widgets as rw
from robust_widgets.evaluation.evaluator import choose
from robust_widgets.evaluation.model_card import table
from robust_widgets.evaluation.spectrum import axial, power, radial, ratio
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.grid import enlarged
from robust_widgets.training.accuracy import accuracy, spread
from robust_widgets.training.sample_grid import SampleGrid

BASE: dict[str, Any] = {"architecture": "smoothresnet-tiny", "radius": 1.0, "inner_steps": 1, "seed": 0}
VARIANTS: dict[str, dict[str, Any]] = {
    "base: SiLU, radius 1, 1 inner step": {},
    "radius 0.5": {"radius": 0.5},
    "radius 2": {"radius": 2.0},
    "ReLU": {"architecture": "smoothresnet-tiny-relu"},
    "no smoothing of the input": {"architecture": "blurresnet-tiny"},
    "strided convolutions": {"architecture": "smoothresnet-tiny-strided"},
    "wide augmentation": {"augmentation": "wide"},
    "label smoothing 0.1": {"label_smoothing": 0.1},
    "GELU": {"architecture": "smoothresnet-tiny-gelu"},
    "3 inner steps": {"inner_steps": 3},
    "twice as wide": {"architecture": "smoothresnet-small"},
    "7 inner steps": {"inner_steps": 7},
}
COLUMNS = ("variant", "minutes", "clean", "PGD-20, 1.0", "PGD-20, 0.5", "judge", "rings", "axes")
PANEL, EACH, PICTURE = 9, 2, 96
SIDE, NYQUIST = 64, 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--judge", required=True, help="a model that looks at the pictures")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), help="some of the variants, by name")
    parser.add_argument("--pictures", type=int, help="training pictures, spread evenly; all by default")
    parser.add_argument("--limit", type=int, default=675, help="validation pictures for the accuracies")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    everything, val_set = rw.open_data(arguments.data, SIDE)
    chosen = spread(len(everything), arguments.pictures)
    train_set = rw.PictureSet(everything.pictures[chosen], everything.labels[chosen], everything.classes)
    judge = rw.load_model(arguments.judge)
    panel = SampleGrid(train_set, PANEL)
    many = SampleGrid(train_set, EACH * len(train_set.classes))
    photographs = choose(val_set, len(many.labels)).pictures.permute(0, 2, 3, 1).numpy()
    rows: list[tuple[str, ...]] = []
    painted: list[tuple[str, Pixels]] = []
    for index, (name, changes) in enumerate(VARIANTS.items()):
        if name not in arguments.only:
            continue
        path = arguments.out / f"{index:02}.safetensors"
        model = trained(path, train_set, val_set, name, {**BASE, "epochs": arguments.epochs, **changes})
        rows.append((name, minutes(path), *figures(model, judge, many, photographs, val_set, arguments.limit)))
        painted.append((name, panel.paint(model)))
        (arguments.out / "table.md").write_text("\n".join(table(COLUMNS, rows)) + "\n")
        sheet(painted, panel.names).save(arguments.out / "sheet.png")
        print(*table(COLUMNS, rows)[-1:], flush=True)


def trained(
    path: Path, train_set: rw.PictureSet, val_set: rw.PictureSet, name: str, settings: dict[str, Any]
) -> rw.RobustClassifier:
    """The model of a variant, trained where it is not there yet."""
    if path.exists():
        return rw.load_model(str(path))
    began = time.perf_counter()
    resume = path.with_suffix(".checkpoint.pt").exists()
    model = rw.train(train_set, path, val=val_set, name=name, resume=resume, progress=False, **settings)
    path.with_suffix(".minutes").write_text(f"{(time.perf_counter() - began) / 60:.0f}")
    return model


def minutes(path: Path) -> str:
    """How long a variant took, where that was noted."""
    noted = path.with_suffix(".minutes")
    return noted.read_text() if noted.exists() else ""


def figures(
    model: rw.RobustClassifier,
    judge: rw.RobustClassifier,
    many: SampleGrid,
    photographs: Pixels,
    val_set: rw.PictureSet,
    limit: int,
) -> tuple[str, ...]:
    """Accuracies, what the judge recognises, and the ratio of power to photographs' that is furthest from 1."""
    whole = accuracy(model, val_set, radius=1.0, steps=20, limit=limit, progress=False)
    half = accuracy(model, val_set, radius=0.5, steps=20, limit=limit, progress=False)
    pixels = many.paint(model)
    with torch.no_grad():
        answers = judge(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255).argmax(1)
    hit = float((answers == many.labels).float().mean())
    ours, theirs = power(pixels), power(photographs)
    worst = [ratio(kind(ours), kind(theirs)).up_to(NYQUIST) for kind in (radial, axial)]
    shares = (whole["clean"], whole["l2 1, 20 steps"], half["l2 0.5, 20 steps"], hit)
    return (*(f"{share:.1%}" for share in shares), *(f"{figure.worst:.2f} at {figure.frequency}" for figure in worst))


def sheet(painted: list[tuple[str, Pixels]], names: tuple[str, ...]) -> Image.Image:
    """A row of pictures for each variant, under the names of the classes."""
    font, left = ImageFont.load_default(13), 230
    picture = Image.new("RGB", (left + PICTURE * len(names), 22 + PICTURE * len(painted)), "white")
    draw = ImageDraw.Draw(picture)
    for column, name in enumerate(names):
        draw.text((left + column * PICTURE + 4, 3), name, fill="black", font=font)
    for row, (name, pixels) in enumerate(painted):
        draw.text((6, 22 + row * PICTURE + PICTURE // 2 - 8), name, fill="black", font=font)
        for column, pixel in enumerate(pixels):
            tile = enlarged(pixel, PICTURE).resize((PICTURE, PICTURE))
            picture.paste(tile, (left + column * PICTURE, 22 + row * PICTURE))
    return picture


if __name__ == "__main__":
    main()
