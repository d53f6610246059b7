"""An ablation of training settings: short runs that differ in one setting, with metrics and pictures.

    python benchmarks/explore.py restricted-tiny-imagenet --judge tests/data/judge.safetensors --out exploration

Each variant trains `smoothresnet-tiny` for a few epochs; `--pictures` uses fewer, for a slow machine. The output folder
holds each model, `table.md` with the metrics, and `sheet.png` with a row of the same seeds for each variant. Variants
with a model are not trained again, so an interrupted run can be continued.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont

import robust_widgets as rw
from robust_widgets.evaluation.evaluator import choose_pictures
from robust_widgets.evaluation.report import table
from robust_widgets.evaluation.scores import axial, power, radial, ratio
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.grid import enlarged
from robust_widgets.pictures.tensors import from_pixels
from robust_widgets.training.accuracy import accuracy, evenly_spaced
from robust_widgets.training.sample_grid import SampleGrid

BASE: dict[str, Any] = {"architecture": "smoothresnet-tiny", "epsilon": 1.0, "inner_steps": 1, "seed": 0}
VARIANTS: dict[str, dict[str, Any]] = {
    "base: SiLU, epsilon 1, 1 inner step": {},
    "epsilon 0.5": {"epsilon": 0.5},
    "epsilon 2": {"epsilon": 2.0},
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
GRID_PICTURES, JUDGED_PER_CLASS, PICTURE = 9, 2, 96
SIZE, NYQUIST = 64, 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--judge", required=True, help="a second model that classifies the pictures")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), help="some of the variants, by name")
    parser.add_argument("--pictures", type=int, help="number of training pictures, evenly spaced; all by default")
    parser.add_argument("--limit", type=int, default=675, help="number of validation pictures for accuracy")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    everything, val_set = rw.open_data(arguments.data, SIZE)
    chosen = evenly_spaced(len(everything), arguments.pictures)
    train_set = rw.PictureSet(everything.pictures[chosen], everything.labels[chosen], everything.classes)
    judge = rw.load_model(arguments.judge)
    grid = SampleGrid(train_set, GRID_PICTURES)
    judged = SampleGrid(train_set, JUDGED_PER_CLASS * len(train_set.classes))
    photographs = choose_pictures(val_set, len(judged.labels)).pictures.permute(0, 2, 3, 1).numpy()
    rows: list[tuple[str, ...]] = []
    painted: list[tuple[str, Pixels]] = []
    for index, (name, changes) in enumerate(VARIANTS.items()):
        if name not in arguments.only:
            continue
        path = arguments.out / f"{index:02}.safetensors"
        model = trained(path, train_set, val_set, name, {**BASE, "epochs": arguments.epochs, **changes})
        rows.append((name, minutes(path), *metrics(model, judge, judged, photographs, val_set, arguments.limit)))
        painted.append((name, grid.paint(model)))
        (arguments.out / "table.md").write_text("\n".join(table(COLUMNS, rows)) + "\n")
        sheet(painted, grid.names).save(arguments.out / "sheet.png")
        print(*table(COLUMNS, rows)[-1:], flush=True)


def trained(
    path: Path, train_set: rw.PictureSet, val_set: rw.PictureSet, name: str, settings: dict[str, Any]
) -> rw.RobustClassifier:
    """The model of a variant, trained unless its file exists."""
    if path.exists():
        return rw.load_model(str(path))
    start_time = time.perf_counter()
    resume = path.with_suffix(".checkpoint.pt").exists()
    model = rw.train(train_set, path, val=val_set, name=name, resume=resume, progress=False, **settings)
    path.with_suffix(".minutes").write_text(f"{(time.perf_counter() - start_time) / 60:.0f}")
    return model


def minutes(path: Path) -> str:
    """How long training took, if it was recorded."""
    file = path.with_suffix(".minutes")
    return file.read_text() if file.exists() else ""


def metrics(
    model: rw.RobustClassifier,
    judge: rw.RobustClassifier,
    judged: SampleGrid,
    photographs: Pixels,
    val_set: rw.PictureSet,
    limit: int,
) -> tuple[str, ...]:
    """Accuracies, the judge's accuracy, and the worst ratios of the power spectrum to that of photographs."""
    full = accuracy(model, val_set, epsilon=1.0, steps=20, limit=limit, progress=False)
    half = accuracy(model, val_set, epsilon=0.5, steps=20, limit=limit, progress=False)
    pixels = judged.paint(model)
    with torch.no_grad():
        predictions = judge(from_pixels(pixels)).argmax(1)
    hits = float((predictions == judged.labels).float().mean())
    painted, reference = power(pixels), power(photographs)
    ratios = [ratio(kind(painted), kind(reference)).up_to(NYQUIST) for kind in (radial, axial)]
    shares = (full["clean"], full["l2 1, 20 steps"], half["l2 0.5, 20 steps"], hits)
    return (*(f"{share:.1%}" for share in shares), *(f"{value.worst:.2f} at {value.frequency}" for value in ratios))


def sheet(painted: list[tuple[str, Pixels]], names: tuple[str, ...]) -> Image.Image:
    """A row of pictures for each variant, below the class names."""
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
