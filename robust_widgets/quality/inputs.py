"""What the measurements start from: chosen photographs, crude sketches and masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, zip_longest

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from robust_widgets.images import resize, to_pixels
from robust_widgets.quality.bench import floats
from robust_widgets.session import Feature
from robust_widgets.training.data import PictureSet

SKETCH_SIDE = 8
SKETCH_COLOURS = 6
BLOB_SHARE = 1 / 4


def choose(data: PictureSet, count: int, seed: int = 0) -> PictureSet:
    """Pictures drawn at random, from one class after the other until there are enough."""
    generator = np.random.default_rng(seed)
    labels = data.labels.numpy()
    by_class = [generator.permutation(np.flatnonzero(labels == label)) for label in range(len(data.classes))]
    in_turn = [index for turn in zip_longest(*by_class) for index in turn if index is not None]
    index = torch.tensor(in_turn[:count])
    return replace(data, pictures=data.pictures[index], labels=data.labels[index])


def crude_sketches(pictures: Tensor) -> Tensor:
    """Photographs reduced to 8 x 8 pixels of six colours, enlarged and softened; float (n, 3, side, side)."""
    side = pictures.shape[-1]
    sketches: list[np.ndarray] = []
    for pixels in to_pixels(resize(pictures, SKETCH_SIDE, SKETCH_SIDE)):
        few = Image.fromarray(pixels).quantize(SKETCH_COLOURS, dither=Image.Dither.NONE).convert("RGB")
        large = few.resize((side, side), Image.Resampling.NEAREST)
        sketches.append(np.asarray(large.filter(ImageFilter.GaussianBlur(side / 32))))
    return floats(np.stack(sketches))


def colour_blobs(data: PictureSet) -> Tensor:
    """For each class an ellipse in the mean colour of its pictures' middles, on that of their rims.

    Float (classes, 3, side, side) in [0, 1].
    """
    side = data.side
    middle = square(side, BLOB_SHARE)
    across = (torch.arange(side) + 0.5) / side * 2 - 1
    ellipse = (across[None] / 0.65) ** 2 + (across[:, None] / 0.5) ** 2 < 1
    blobs: list[Tensor] = []
    for label in range(len(data.classes)):
        mean = data.pictures[data.labels == label].float().mean(0) / 255
        inner, outer = mean[:, middle].mean(1), mean[:, ~middle].mean(1)
        blobs.append(torch.where(ellipse, inner[:, None, None], outer[:, None, None]))
    return torch.stack(blobs)


def square(side: int, share: float) -> Tensor:
    """A mask, bool (side, side), of a square in the middle that has this share of the area."""
    inner = round(side * share**0.5)
    first = (side - inner) // 2
    mask = torch.zeros(side, side, dtype=torch.bool)
    mask[first : first + inner, first : first + inner] = True
    return mask


def in_turn(entries: Sequence[Feature], count: int) -> list[Feature]:
    """The first entry of each class, then the second of each, and so on."""
    by_class: dict[str, list[Feature]] = {}
    for entry in entries:
        by_class.setdefault(entry.classes[0], []).append(entry)
    turns = chain.from_iterable(zip_longest(*by_class.values()))
    return [entry for entry in turns if entry is not None][:count]


def of_other_classes(labels: Tensor, targets: Tensor, seed: int) -> Tensor:
    """For each target, the index of a picture that shows something else, in random order."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed)).tolist()
    picks: list[int] = []
    for target in targets.tolist():
        pick = next((index for index in order if labels[index] != target), order[0])
        order.remove(pick)
        order.append(pick)
        picks.append(pick)
    return torch.tensor(picks)
