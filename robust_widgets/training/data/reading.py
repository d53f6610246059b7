"""Labelled pictures in memory, and what all readers of data sets share."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from robust_widgets._deprecated import renamed_attribute
from robust_widgets.errors import DataError
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.io import as_rgb, open_picture
from robust_widgets.pictures.limits import LARGEST_PIXELS

PICTURE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".tif", ".tiff"})
FEWEST_PICTURES = 10


@dataclass(frozen=True)
class PictureSet:
    """Labelled pictures in memory.

    Attributes:
        pictures: uint8 (n, 3, size, size).
        labels: int64 (n,), indices into ``classes``.
        classes: class names; sorted if they come from folders.
        skipped: files or items of a data set that could not be read as pictures.
    """

    pictures: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    skipped: tuple[Path | str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def size(self) -> int:
        """Width and height of the pictures in pixels."""
        return int(self.pictures.shape[-1])

    side = renamed_attribute("side", "size")

    def floats(self, index: Tensor | slice = slice(None)) -> Tensor:
        """Some of the pictures, or all of them, as float32 (n, 3, size, size) in [0, 1]."""
        return self.pictures[index].float().div_(255)


def split(pictures: PictureSet, fraction: float, seed: int) -> tuple[PictureSet, PictureSet]:
    """Split off ``fraction`` of each class, at least one picture; returns the rest and that part."""
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
    """Shuffled indices, as many as there are labels, with every class equally often.

    Class counts differ by at most one; which classes get one more is random. Small classes are repeated, in a new order
    each time; large ones are subsampled.

    Args:
        labels: int64 (n,), on the CPU.
        generator: source of all random numbers.

    Returns:
        int64 (n,), indices into ``labels``.
    """
    present = labels.unique()
    if not len(present):
        return torch.empty(0, dtype=torch.long)
    share, remainder = divmod(len(labels), len(present))
    counts = torch.full((len(present),), share)
    counts[torch.randperm(len(present), generator=generator)[:remainder]] += 1
    chosen: list[Tensor] = []
    for label, count in zip(present.tolist(), counts.tolist(), strict=True):
        members = (labels == label).nonzero()[:, 0]
        passes = [members[torch.randperm(len(members), generator=generator)] for _ in range(-(-count // len(members)))]
        chosen.append(torch.cat(passes)[:count])
    order = torch.cat(chosen)
    return order[torch.randperm(len(order), generator=generator)]


# Common names of a data set's parts; a folder of nothing else doesn't hold classes.
PART_NAMES = frozenset({"train", "val", "valid", "validation", "test"})


class ReadPicture(NamedTuple):
    """A file or item: its name, its pixels (size, size, 3) or None if unreadable, and its class."""

    name: Path | str
    pixels: Pixels | None
    label: int


class _Memory:
    """Lets several threads decode pictures as long as all of these together are no larger than the largest."""

    def __init__(self, pixels: int) -> None:
        self._free = pixels
        self._changed = threading.Condition()

    @contextmanager
    def of(self, pixels: int) -> Generator[None]:
        """Wait until there is room for one more picture."""
        with self._changed:
            self._changed.wait_for(lambda: self._free >= pixels)
            self._free -= pixels
        try:
            yield
        finally:
            with self._changed:
                self._free += pixels
                self._changed.notify_all()


_memory = _Memory(LARGEST_PIXELS)


def decode(file: Path | IO[bytes], size: int) -> Pixels | None:
    """A picture file as uint8 (size, size, 3), or None if it cannot be read as a picture."""
    try:
        with open_picture(file) as picture, _memory.of(picture.width * picture.height):
            return square(as_rgb(picture), size)
    except MemoryError:
        raise
    except Exception:  # Damaged bytes make PIL raise almost anything.
        return None


def square(picture: Image.Image, size: int) -> Pixels:
    """An RGB picture, scaled by its shorter side and centre-cropped, uint8 (size, size, 3)."""
    if picture.size != (size, size):
        scale = size / min(picture.size)
        scaled = (max(size, round(picture.width * scale)), max(size, round(picture.height * scale)))
        picture = picture.resize(scaled, Image.Resampling.LANCZOS)
        left, top = (picture.width - size) // 2, (picture.height - size) // 2
        picture = picture.crop((left, top, left + size, top + size))
    return np.asarray(picture)


def is_shown(name: str) -> bool:
    """Whether a file or folder is neither hidden nor macOS metadata."""
    return not name.startswith(".") and name != "__MACOSX"


def is_picture_name(name: str) -> bool:
    """Whether a file name has a picture's extension."""
    return is_shown(name) and Path(name).suffix.lower() in PICTURE_ENDINGS


def check_class_folders(names: Sequence[str], where: str) -> None:
    """Reject fewer than two class folders, and folders that are not classes.

    Args:
        names: the folders, sorted.
        where: the folder or archive that holds them, as the beginning of a sentence.

    Raises:
        DataError: there are fewer than two class folders, or they are parts of a data set.
    """
    if names and PART_NAMES.issuperset(names):
        raise DataError(
            f"{where} holds the folders {', '.join(names)}, which are not classes; name the two parts train and val, "
            "or give one of them."
        )
    if len(names) < 2:
        raise DataError(f"{where} holds {len(names)} class folders; give one with at least two, one for each class.")


def assemble(read: Iterable[ReadPicture], classes: Sequence[str], size: int, *, where: str, fewest: int) -> PictureSet:
    """Combine the pictures that were read into one set, and list the unreadable ones in it.

    Args:
        read: files or items, in order.
        classes: names of the classes.
        size: width and height of the pictures in pixels.
        where: their folder, archive or data set, as named within a sentence.
        fewest: a class with fewer readable pictures is an error.

    Raises:
        DataError: a class has too few pictures, or no picture is readable.
    """
    readable: list[tuple[Pixels, int]] = []
    skipped: list[Path | str] = []
    for name, pixels, label in read:
        if pixels is None:
            skipped.append(name)
        else:
            readable.append((pixels, label))
    if not readable:
        raise DataError(
            f"No picture in {where} can be read; give JPEG, PNG or WebP pictures, at least {fewest} for each class."
        )
    labels = np.array([label for _, label in readable], dtype=np.int64)
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
    pictures = np.empty((len(readable), 3, size, size), dtype=np.uint8)
    for row, (pixels, _) in enumerate(readable):
        pictures[row] = pixels.transpose(2, 0, 1)
    return PictureSet(torch.from_numpy(pictures), torch.from_numpy(labels), tuple(classes), tuple(skipped))
