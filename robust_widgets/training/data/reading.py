"""Labelled pictures in memory, and what all readers of data sets share."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from robust_widgets._deprecated import renamed_attribute
from robust_widgets.errors import DataError
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.files import kinds_of
from robust_widgets.pictures.io import as_rgb, open_picture
from robust_widgets.pictures.limits import LARGEST_PIXELS

FEWEST_PICTURES = 10


@dataclass(frozen=True)
class PictureSet:
    """Labelled pictures in memory.

    Attributes:
        pictures: uint8 (n, 3, size, size).
        labels: int64 (n,), indices into ``classes``.
        classes: class names; sorted if they come from folders.
        skipped: files or items of a data set that could not be read as pictures.
        left_out: files that were not read: no pictures by their names, or in no class folder.
    """

    pictures: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    skipped: tuple[Path | str, ...] = ()
    left_out: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def size(self) -> int:
        """Width and height of the pictures in pixels."""
        return int(self.pictures.shape[-1])

    @property
    def pixels(self) -> Tensor:
        """The pictures, by the name under which whatever takes pictures looks for them."""
        return self.pictures

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
        return replace(pictures, pictures=pictures.pictures[index], labels=pictures.labels[index])

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
        picture = open_picture(file)
        with _memory.of(picture.width * picture.height):
            try:
                return square(as_rgb(picture), size)
            finally:
                picture.close()  # which frees its pixels; leaving a with block closes only the file
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


# Names of the parts of a data set, which its folders have with additions: training_set, valset, test-images.
TRAIN, VAL, TEST = "train", "val", "test"
WORDS = {
    TRAIN: ("train", "training"),
    VAL: ("val", "valid", "validation", "dev", "eval", "evaluation"),
    TEST: ("test", "testing"),
}
SUFFIXES = ("set", "sets", "data", "images", "pictures", "split")
NAMES = {word: part for part, words in WORDS.items() for word in words}
# Parts only where a data set has nothing else: they may be classes, too, such as the languages Turkish and Telugu.
SHORT = {"tr": TRAIN, "trn": TRAIN, "va": VAL, "vl": VAL, "te": TEST, "ts": TEST, "tst": TEST}


def find_parts(names: Iterable[str]) -> dict[str, str]:
    """The folders of the training and validation pictures.

    ``Train`` and ``Test``, ``training_set`` and ``validation_set``, or ``pets_train`` and ``pets_val`` are known, too,
    and ``tr`` with ``va`` or ``te`` where there is no other folder. Test pictures serve for validation where there are
    no others.

    Args:
        names: the folders of a data set.

    Returns:
        The folder of ``"train"`` and that of ``"val"``, as far as they are there.
    """
    names = tuple(names)
    if are_short(names):
        short = {SHORT[name.casefold()]: name for name in sorted(names)}
        return {TRAIN: short[TRAIN], VAL: short.get(VAL) or short[TEST]}
    by_rest: dict[tuple[str, ...], dict[str, str]] = {}
    # "train" comes before "Training", and that before "train2".
    for name in sorted(names, key=lambda name: (name not in NAMES, name)):
        part, rest = _part(name)
        if part is not None:
            by_rest.setdefault(rest, {}).setdefault(part, name)
    for _, parts in sorted(by_rest.items()):
        if TRAIN in parts and (VAL in parts or TEST in parts):
            return {TRAIN: parts[TRAIN], VAL: parts.get(VAL) or parts[TEST]}
    return {part: name for part, name in by_rest.get((), {}).items() if part != TEST}


def are_short(names: Iterable[str]) -> bool:
    """Whether these are the parts of a data set in short: ``tr`` with ``va``, ``te`` or both, and nothing else."""
    parts = [SHORT.get(name.casefold()) for name in names]
    return TRAIN in parts and len(parts) > 1 and None not in parts and len(set(parts)) == len(parts)


def is_part(name: str) -> bool:
    """Whether a folder is called like a part of a data set, not like a class."""
    part, rest = _part(name)
    return part is not None and not rest


def _part(name: str) -> tuple[str | None, tuple[str, ...]]:
    """Which part a folder's name tells, and the other words of it."""
    words = [word for word in re.findall(r"[^\W\d_]+", name.casefold()) if word not in SUFFIXES]
    words = [_without_suffix(word) for word in words]
    parts = [word for word in words if word in NAMES]
    if len(parts) != 1:
        return None, ()
    return NAMES[parts[0]], tuple(word for word in words if word not in NAMES)


def _without_suffix(word: str) -> str:
    stems = (word.removesuffix(suffix) for suffix in SUFFIXES)
    return next((stem for stem in stems if stem in NAMES), word)


def composed(name: str) -> str:
    """A name with its accents as parts of their letters: macOS stores the others."""
    return unicodedata.normalize("NFC", name)


def class_folders(names: Iterable[str], where: str) -> list[str]:
    """The class folders in the order of their classes, which are called like them, `composed`.

    Args:
        names: the folders.
        where: the folder or archive that holds them, as the beginning of a sentence.

    Raises:
        DataError: there are fewer than two class folders, two have the same name, or they are parts of a data set.
    """
    ordered = sorted(names, key=composed)
    if ordered and all(map(is_part, ordered)):
        raise DataError(
            f"{where} holds the folders {', '.join(ordered)}, which are not classes; name the two parts train and val, "
            "or give one of them."
        )
    if len(ordered) < 2:
        raise DataError(f"{where} holds {len(ordered)} class folders; give one with at least two, one for each class.")
    for name, following in pairwise(map(composed, ordered)):
        if name == following:
            raise DataError(f"{where} holds two folders that read {name!r}; give each class a name of its own.")
    return ordered


def assemble(
    read: Iterable[ReadPicture],
    classes: Sequence[str],
    size: int,
    *,
    where: str,
    fewest: int,
    left_out: Sequence[Path] = (),
) -> PictureSet:
    """Combine the pictures that were read into one set, and list the unreadable ones in it.

    Args:
        read: files or items, in order.
        classes: names of the classes.
        size: width and height of the pictures in pixels.
        where: their folder, archive or data set, as named within a sentence.
        fewest: a class with fewer readable pictures is an error.
        left_out: files that were not read.

    Raises:
        DataError: a class has too few pictures, or no picture is readable.
    """
    besides = f" ({kinds_of(left_out)} are left out)" if left_out else ""
    readable: list[tuple[Pixels, int]] = []
    skipped: list[Path | str] = []
    for name, pixels, label in read:
        if pixels is None:
            skipped.append(name)
        else:
            readable.append((pixels, label))
    if not readable:
        raise DataError(
            f"No picture in {where} can be read{besides}; give JPEG, PNG or WebP pictures, at least {fewest} for each "
            "class."
        )
    labels = np.array([label for _, label in readable], dtype=np.int64)
    counts = np.bincount(labels, minlength=len(classes))
    few = [(name, int(count)) for name, count in zip(classes, counts, strict=True) if count < fewest]
    if len(few) == 1:
        name, count = few[0]
        raise DataError(
            f"The class {name!r} in {where} has {count} readable pictures{besides}; a class needs at least {fewest}."
        )
    if few:
        listed = ", ".join(f"{name!r} ({count})" for name, count in few)
        raise DataError(
            f"These classes in {where} have too few readable pictures: {listed}{besides}; a class needs at least "
            f"{fewest}."
        )
    pictures = np.empty((len(readable), 3, size, size), dtype=np.uint8)
    for row, (pixels, _) in enumerate(readable):
        pictures[row] = pixels.transpose(2, 0, 1)
    return PictureSet(
        torch.from_numpy(pictures), torch.from_numpy(labels), tuple(classes), tuple(skipped), tuple(left_out)
    )
