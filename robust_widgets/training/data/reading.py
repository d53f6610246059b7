"""Labelled pictures in memory, and how a set of them is split in two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from robust_widgets.errors import DataError
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.io import as_rgb

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


def balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """As many indices as there are labels, shuffled, in which every class appears equally often.

    "Equally" is as near as whole numbers allow: which classes appear once more is drawn. A small class is gone
    through again and again, each time in another order; of a large one only a part is taken.

    Args:
        labels: int64 (n,), on the CPU.
        generator: decides everything that is drawn.

    Returns:
        int64 (n,), indices into ``labels``.
    """
    present = labels.unique()
    if not len(present):
        return torch.empty(0, dtype=torch.long)
    share, left_over = divmod(len(labels), len(present))
    counts = torch.full((len(present),), share)
    counts[torch.randperm(len(present), generator=generator)[:left_over]] += 1
    chosen: list[Tensor] = []
    for label, count in zip(present.tolist(), counts.tolist(), strict=True):
        members = (labels == label).nonzero()[:, 0]
        passes = [members[torch.randperm(len(members), generator=generator)] for _ in range(-(-count // len(members)))]
        chosen.append(torch.cat(passes)[:count])
    order = torch.cat(chosen)
    return order[torch.randperm(len(order), generator=generator)]


# Folders that data sets are commonly divided into; together they are never classes.
PART_NAMES = frozenset({"train", "val", "valid", "validation", "test"})


class ReadPicture(NamedTuple):
    """One file or item: its name, its pixels (side, side, 3) or None where they could not be read, and its class."""

    name: Path | str
    pixels: Pixels | None
    label: int


def decode(file: Path | IO[bytes], side: int) -> Pixels | None:
    """A picture file as uint8 (side, side, 3), or None if it cannot be read as a picture."""
    try:
        with Image.open(file) as picture:
            return square(as_rgb(picture), side)
    except MemoryError:
        raise
    except Exception:  # Damaged bytes make PIL raise almost anything.
        return None


def square(picture: Image.Image, side: int) -> Pixels:
    """An RGB picture scaled by its shorter side and cropped to its centre, uint8 (side, side, 3)."""
    if picture.size != (side, side):
        scale = side / min(picture.size)
        size = (max(side, round(picture.width * scale)), max(side, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        picture = picture.crop((left, top, left + side, top + side))
    return np.asarray(picture)


def is_shown(name: str) -> bool:
    """Whether a file or folder is somebody's, not one that a system hides beside it."""
    return not name.startswith(".") and name != "__MACOSX"


def is_picture_name(name: str) -> bool:
    """Whether a file is called a picture."""
    return is_shown(name) and Path(name).suffix.lower() in PICTURE_ENDINGS


def check_class_folders(names: Sequence[str], where: str) -> None:
    """Refuse what has fewer than two class folders, or folders that are no classes.

    Args:
        names: the folders, sorted.
        where: the folder or archive that holds them, as a sentence begins with it.

    Raises:
        DataError: as said.
    """
    if names and PART_NAMES.issuperset(names):
        raise DataError(
            f"{where} holds the folders {', '.join(names)}, which are not classes; call the two parts train and val, "
            "or give one of them alone."
        )
    if len(names) < 2:
        raise DataError(f"{where} holds {len(names)} class folders; give one with at least two, one a class.")


def assemble(read: Iterable[ReadPicture], classes: Sequence[str], side: int, *, where: str, fewest: int) -> PictureSet:
    """The pictures that were read as one set; those that were not are listed in it.

    Args:
        read: what was read, in order.
        classes: names of the classes.
        side: side of the pictures in pixels.
        where: what held them, as it is named within a sentence.
        fewest: a class with fewer readable pictures is refused.

    Raises:
        DataError: a class has too few pictures, or there is none at all.
    """
    kept: list[tuple[Pixels, int]] = []
    skipped: list[Path | str] = []
    for name, pixels, label in read:
        if pixels is None:
            skipped.append(name)
        else:
            kept.append((pixels, label))
    if not kept:
        raise DataError(
            f"No picture in {where} can be read; give JPEG, PNG or WebP pictures, {fewest} or more a class."
        )
    labels = np.array([label for _, label in kept], dtype=np.int64)
    counts = np.bincount(labels, minlength=len(classes))
    few = [(name, int(count)) for name, count in zip(classes, counts, strict=True) if count < fewest]
    if len(few) == 1:
        name, count = few[0]
        raise DataError(
            f"The class {name!r} in {where} has {count} readable pictures; a class needs at least {fewest}."
        )
    if few:
        listed = ", ".join(f"{name!r} ({count})" for name, count in few)
        raise DataError(
            f"These classes in {where} have too few readable pictures: {listed}; a class needs at least {fewest}."
        )
    pictures = np.empty((len(kept), 3, side, side), dtype=np.uint8)
    for row, (pixels, _) in enumerate(kept):
        pictures[row] = pixels.transpose(2, 0, 1)
    return PictureSet(torch.from_numpy(pictures), torch.from_numpy(labels), tuple(classes), tuple(skipped))
