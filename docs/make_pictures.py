"""Paint the pictures of the README and the docs anew with the shipped default model: python docs/make_pictures.py"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

import robust_widgets as rw
from robust_widgets.models.class_seeds import draw_seeds
from robust_widgets.models.noise import smooth_noise
from robust_widgets.pictures import Pixels
from robust_widgets.runs.trace import Trace

PICTURES = Path(__file__).parent / "pictures"
SHEET_CLASSES = ("bird", "cat", "coral", "elephant", "fruit", "hoofed", "mushroom", "pizza", "tower")
TILE, GAP, WORDS, LINE = 144, 6, 180, 26
GIF_SIDE, PAIR_SIDE, GIF_COLOURS = 192, 176, 256
INK = "#222222"
MIDDLE = slice(20, 44)
LARGER_CLASSES = ("lion", "bridge", "shore", "goldfish")


def main() -> None:
    model = rw.load_model(device="cpu")
    sheet(model).save(PICTURES / "contact-sheet.png", optimize=True)
    tasks(model).save(PICTURES / "tasks.jpg", quality=90)
    larger(model).save(PICTURES / "larger.jpg", quality=90)
    cleaner(model).save(PICTURES / "cleaner.jpg", quality=90)
    animate(rw.sketch_to_image(PICTURES / "blob.png", "goldfish", model=model), PICTURES / "sketch-to-goldfish.gif")
    lion = rw.generate("lion", seed=3, model=model)[-1].pixels[0]
    animate(rw.translate(lion, "bear", model=model), PICTURES / "lion-to-bear.gif", columns=2, side=PAIR_SIDE)
    enlarged = rw.super_resolve(lion, "lion", factor=4, model=model)
    animate(enlarged, PICTURES / "enlarged-lion.gif", columns=2, side=PAIR_SIDE)


def sheet(model: rw.RobustClassifier) -> Image.Image:
    """A column a class: the first seed, and the three pictures that three seeds became."""
    side = 96
    picture = Image.new("RGB", (side * len(SHEET_CLASSES), LINE + 4 * side), "white")
    draw = ImageDraw.Draw(picture)
    for column, name in enumerate(SHEET_CLASSES):
        trace = rw.generate(name, n=3, model=model)
        draw.text((column * side + 4, LINE / 2), name, fill=INK, font=font(13), anchor="lm")
        for row, pixels in enumerate([trace[0].pixels[0], *trace[-1].pixels]):
            picture.paste(shown(pixels, side), (column * side, LINE + row * side))
    return picture


def larger(model: rw.RobustClassifier) -> Image.Image:
    """A row a class: 64 pixels enlarged, all steps at 256 pixels, coarse to fine; seed 0 of each."""
    side = 256
    rows: list[Pixels] = []
    for name in LARGER_CLASSES:
        native = rw.generate(name, seed=0, model=model)[-1].pixels[0]
        direct = rw.run(rw.make_problem("generate", name, seed=0, size=side, model=model))[-1].pixels[0]
        fine = rw.generate(name, seed=0, size=side, model=model)[-1].pixels[0]
        rows.append(np.concatenate([np.asarray(shown(native, side)), direct, fine], 1))
    return Image.fromarray(np.concatenate(rows))


def cleaner(model: rw.RobustClassifier) -> Image.Image:
    """The same seeds with white and with smooth noise; the same holes as in the paper and by default."""
    white: list[Pixels] = []
    smooth: list[Pixels] = []
    mean: list[Pixels] = []
    harmonic: list[Pixels] = []
    mask = np.zeros((64, 64), bool)
    mask[MIDDLE, MIDDLE] = True
    assert model.seeds is not None
    for name in SHEET_CLASSES:
        index, generator = model.class_index(name), torch.Generator().manual_seed(0)
        torch.randn(model.seeds["factor"].shape[1], generator=generator)
        noise = torch.randn((1, 64, 64), generator=generator)
        generator = torch.Generator().manual_seed(0)
        torch.randn(model.seeds["factor"].shape[1], generator=generator)
        change = model.seeds["noise"][index].float() * (noise - smooth_noise(1, 64, generator))
        start = (draw_seeds(model, index, 1, 0) + change).clamp(0, 1)
        problem = rw.make_problem("generate", name, model=model)
        white.append(rw.run(replace(problem, start=start))[-1].pixels[0])
        smooth.append(rw.run(problem)[-1].pixels[0])
        old = rw.inpaint(smooth[-1], mask, name, model=model, fill="mean", epsilon=21.6, steps=144)
        mean.append(old[-1].pixels[0])
        harmonic.append(rw.inpaint(smooth[-1], mask, name, model=model)[-1].pixels[0])
    rows = (white, smooth, mean, harmonic)
    return Image.fromarray(
        np.concatenate([np.concatenate([np.asarray(shown(pixels, 96)) for pixels in row], 1) for row in rows])
    )


def tasks(model: rw.RobustClassifier) -> Image.Image:
    """A row a task: its start, two steps on the way, its result; from the second row on, made of one picture."""
    lion = rw.generate("lion", seed=3, model=model)
    picture = lion[-1].pixels[0]
    middle, below = np.zeros((2, *picture.shape[:2]), bool)
    middle[MIDDLE, MIDDLE] = True
    below[44:] = True
    rows = {
        "sketch to goldfish": rw.sketch_to_image(PICTURES / "blob.png", "goldfish", model=model),
        "generate a lion": lion,
        "translate to bear": rw.translate(picture, "bear", model=model),
        "enlarge 4 times": rw.super_resolve(picture, "lion", factor=4, model=model),
        "fill in": rw.inpaint(picture, middle, "lion", model=model),
        "paint a shore feature": rw.paint_features(picture, below, "shore 1", model=model),
    }
    return strips(rows)


def strips(rows: dict[str, Trace]) -> Image.Image:
    picture = Image.new("RGB", (WORDS + 4 * (TILE + GAP), len(rows) * (TILE + GAP) - GAP), "white")
    draw = ImageDraw.Draw(picture)
    for row, (words, trace) in enumerate(rows.items()):
        top = row * (TILE + GAP)
        draw.text((0, top + TILE / 2), words, fill=INK, font=font(15), anchor="lm")
        for column, step in enumerate(on_the_way(trace)):
            picture.paste(shown(trace[step].pixels[0], TILE), (WORDS + GAP + column * (TILE + GAP), top))
    return picture


def animate(trace: Trace, path: Path, columns: int = 1, side: int = GIF_SIDE) -> None:
    """Some thirty steps as a GIF that is small enough for a page; the last is shown for two seconds.

    Of two columns the left one keeps the start. All steps share their colours, so that what stands still costs nothing.
    """
    pictures = []
    for step in range(0, len(trace), max(2, len(trace) // 30)):
        picture = Image.new("RGB", (columns * (side + GAP) - GAP, side), "white")
        picture.paste(shown(trace[0].pixels[0], side))
        picture.paste(shown(trace[step].pixels[0], side), ((columns - 1) * (side + GAP), 0))
        pictures.append(picture)
    all_steps = Image.fromarray(np.concatenate([np.asarray(picture) for picture in pictures]))
    colours = all_steps.quantize(GIF_COLOURS)
    frames = [picture.quantize(palette=colours, dither=Image.Dither.NONE) for picture in pictures]
    durations = [80] * (len(frames) - 1) + [2000]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0)


def on_the_way(trace: Trace) -> Sequence[int]:
    """The first step, two on the way as the distance goes, and the last."""
    distance = np.array([trace.mean("distance", step) for step in range(len(trace))])
    return [0, *(int(np.argmax(distance >= share * distance.max())) for share in (0.35, 0.7)), len(trace) - 1]


def shown(pixels: Pixels, side: int) -> Image.Image:
    """A square picture, smoothly enlarged."""
    return Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)


def font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), size)


if __name__ == "__main__":
    main()
