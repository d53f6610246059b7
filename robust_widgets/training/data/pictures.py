"""Labelled pictures in memory, and how a set of them is split in two."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

PICTURE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".tif", ".tiff"})
FEWEST_PICTURES = 10


@dataclass(frozen=True)
class PictureSet:
    """Labelled pictures in memory.

    Attributes:
        pictures: uint8 (n, 3, side, side).
        labels: int64 (n,), indices into ``classes``.
        classes: class names; sorted where they are the names of folders.
        skipped: what could not be read as a picture: files, or items of a data set.
    """

    pictures: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    skipped: tuple[Path | str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def side(self) -> int:
        """Side of the pictures in pixels."""
        return int(self.pictures.shape[-1])


def split(pictures: PictureSet, fraction: float, seed: int) -> tuple[PictureSet, PictureSet]:
    """Two disjoint sets, the second with ``fraction`` of each class, at least one picture of each."""
    generator = np.random.default_rng(seed)
    held_out = np.zeros(len(pictures), dtype=bool)
    labels = pictures.labels.numpy()
    for label in range(len(pictures.classes)):
        members = generator.permutation(np.flatnonzero(labels == label))
        held_out[members[: max(1, round(fraction * len(members)))]] = True

    def part(mask: np.ndarray) -> PictureSet:
        index = torch.from_numpy(np.flatnonzero(mask))
        return PictureSet(pictures.pictures[index], pictures.labels[index], pictures.classes, pictures.skipped)

    return part(~held_out), part(held_out)
