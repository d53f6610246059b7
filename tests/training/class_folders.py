"""Folders of random pictures, and archives of them."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 16


def fill(folder: Path, count: int = 10, side: int = SIDE, seed: int = 0) -> list[np.ndarray]:
    """Write pictures into a folder; returns them in the order of their names."""
    folder.mkdir(parents=True, exist_ok=True)
    random, written = np.random.default_rng(seed), []
    for index in range(count):
        pixels = random.integers(0, 256, (side, side, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:03}.png")
        written.append(pixels)
    return written


def fill_parts(folder: Path, train: int = 10, val: int = 2, classes: tuple[str, ...] = ("cat", "dog")) -> Path:
    """A folder with train and val."""
    for part, count in (("train", train), ("val", val)):
        for seed, name in enumerate(classes):
            fill(folder / part / name, count, seed=seed + 10 * (part == "val"))
    return folder


def packed(folder: Path, archive: Path, top: str = ".") -> Path:
    """A folder as an archive, compressed according to its extension."""
    mode = {".tar": "w", ".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}[archive.suffix]
    with tarfile.open(archive, mode) as tar:  # type: ignore[call-overload]
        tar.add(folder, top)
    return archive
