"""The same channels of the same network, by this package and by lucent: python benchmarks/beside_lucent.py OUT.jpg

Needs ``pip install torch-lucent``, which is no dependency. Both get the same weights, as this package loads them,
and the same channels. This package takes plain gradient steps from smooth noise. lucent is run with its own defaults
for a small picture: Adam on decorrelated Fourier coefficients, under random shifts, scales and rotations, 256 steps.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from lucent.optvis import param, render
from PIL import Image, ImageDraw, ImageFont

import robust_widgets as rw

MODELS = ("default", "standard")
LAYERS = {"stage2": "network_stages_1", "stage3": "network_stages_2", "stage4": "network_stages_3"}  # by lucent's names
CHANNELS = (4, 14)
STEPS = 256
SIZE, WORDS, LINE = 112, 150, 18


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=STEPS, help="of lucent")
    arguments = parser.parse_args()
    rows: list[tuple[str, list[np.ndarray]]] = []
    for name in MODELS:
        model = rw.load_model(name, device="cpu", fast=False)
        packages: dict[str, Callable[[str, int], np.ndarray]] = {
            "this package": lambda layer, channel, model=model: ours(model, layer, channel),
            "lucent": lambda layer, channel, model=model: lucents(model, layer, channel, arguments.steps),
        }
        for package, paint in packages.items():
            rows.append((f"{name}\n{package}", [paint(layer, channel) for layer, channel in channels()]))
            print(name, package, flush=True)
    sheet(rows).save(arguments.out, quality=90)


def channels() -> list[tuple[str, int]]:
    return [(layer, channel) for layer in LAYERS for channel in CHANNELS]


def ours(model: rw.RobustClassifier, layer: str, channel: int) -> np.ndarray:
    return rw.dream(layer, channel=channel, model=model).pixels[0]


def lucents(model: rw.RobustClassifier, layer: str, channel: int, steps: int) -> np.ndarray:
    torch.manual_seed(0)
    (picture,) = render.render_vis(
        model,
        f"{LAYERS[layer]}:{channel}",
        lambda: param.image(model.input_size),
        thresholds=(steps,),
        preprocess=False,  # the model normalises
        fixed_image_size=model.input_size,
        progress=False,
        show_image=False,
    )
    return (picture[0] * 255).round().clip(0, 255).astype(np.uint8)


def sheet(rows: list[tuple[str, list[np.ndarray]]]) -> Image.Image:
    """A row for each model and package, a column for each channel."""
    font = ImageFont.load_default(13)
    columns = channels()
    picture = Image.new("RGB", (WORDS + len(columns) * SIZE, LINE + len(rows) * SIZE), "white")
    draw = ImageDraw.Draw(picture)
    for column, (layer, channel) in enumerate(columns):
        draw.text((WORDS + column * SIZE + 2, 2), f"{layer}, {channel}", "#222222", font=font)
    for row, (words, pictures) in enumerate(rows):
        draw.text((0, LINE + (row + 0.35) * SIZE), words, "#222222", font=font)
        for column, pixels in enumerate(pictures):
            enlarged = Image.fromarray(pixels).resize((SIZE - 2, SIZE - 2), Image.Resampling.BICUBIC)
            picture.paste(enlarged, (WORDS + column * SIZE, LINE + row * SIZE))
    return picture


if __name__ == "__main__":
    main()
