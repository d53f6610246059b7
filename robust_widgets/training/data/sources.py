"""A torch data set of (picture, label) as a set of pictures."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset, Subset
from tqdm.auto import tqdm

from robust_widgets.errors import DataError, PictureError
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.io import as_rgb, to_square_pixels
from robust_widgets.training.data.archives import Archive
from robust_widgets.training.data.folders import Folder, refuse_unreadable
from robust_widgets.training.data.reading import FEWEST_PICTURES, PictureSet, ReadPicture, assemble, split, square


def load_dataset(
    dataset: Dataset[Any],
    side: int,
    *,
    classes: tuple[str, ...] | None = None,
    progress: bool = True,
    fewest: int = FEWEST_PICTURES,
) -> PictureSet:
    """Read a map-style data set into memory, each item once; random transforms are therefore drawn once.

    Args:
        dataset: has a length and items (picture, label). A picture is a PIL image, a uint8 tensor or array, or a
            float tensor or array in [0, 1], (3, height, width) or (height, width, 3); a label is a whole number from
            0. The classes are called as its ``classes`` says, or "class 0", "class 1", ...
        side: side in pixels that the pictures are brought to.
        classes: what the classes are called if the data set does not say.
        progress: show a progress bar.
        fewest: a class with fewer readable pictures is refused.

    Raises:
        DataError: no such data set, an item that is not a picture and a label (its number is said), fewer than two
            classes, or a class with too few pictures.
    """
    if isinstance(dataset, Mapping) or not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise DataError(
            f"A {type(dataset).__name__} cannot be read as pictures; give a folder of class folders, a tar of one, or "
            "a torch Dataset that has a length."
        )
    names = class_names(dataset) or classes
    count = len(cast(Sized, dataset))
    bar = tqdm(range(count), desc="reading the data set", disable=not progress)
    read = list(_items(dataset, bar, side, len(names) if names else count))
    labels = [item.label for item in read if item.pixels is not None]
    names = names or tuple(f"class {label}" for label in range(max(labels, default=0) + 1))
    if len(names) < 2:
        raise DataError(f"The data set holds {len(names)} classes; give one with at least two.")
    return assemble(read, names, side, where="the data set", fewest=fewest)


def class_names(dataset: Any) -> tuple[str, ...] | None:
    """The classes a data set says it has, or None; those of a part of one are the whole's.

    Raises:
        DataError: two classes of the same name.
    """
    if isinstance(dataset, Subset):
        return class_names(dataset.dataset)
    if isinstance(dataset, ConcatDataset):
        of_each = {class_names(part) for part in dataset.datasets}
        return of_each.pop() if len(of_each) == 1 else None
    classes = getattr(dataset, "classes", None)
    if not isinstance(classes, (list, tuple)) or not classes:
        return None
    # torchvision's ImageNet names a class by a tuple of synonyms.
    names = tuple(", ".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in classes)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"The data set has more than one class {twice[0]!r}; give each a name of its own.")
    return names


def _items(dataset: Any, indices: Any, side: int, labels_below: int) -> Iterator[ReadPicture]:
    for index in indices:
        try:
            item = dataset[index]
        except (OSError, SyntaxError, Image.DecompressionBombError):  # what PIL raises for a broken file
            yield ReadPicture(_name_of(dataset, index), None, 0)
            continue
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise DataError(
                f"Item {index} of the data set is a {_described(item)}; each must be a pair of a picture and the "
                "number of its class."
            )
        picture, given = item
        label = _label(given, index, labels_below)
        try:
            pixels = _pixels(picture, side)
        except (PictureError, OSError, SyntaxError) as error:
            if isinstance(picture, Image.Image):
                pixels = None
            else:
                raise DataError(f"{error} This was item {index} of the data set.") from None
        yield ReadPicture(_name_of(dataset, index), pixels, label)


def _pixels(picture: Any, side: int) -> Pixels:
    if isinstance(picture, Image.Image):
        return square(as_rgb(picture), side)
    if not isinstance(picture, (Tensor, np.ndarray)):
        raise PictureError(f"A {type(picture).__name__} is not a picture; give a PIL image, a tensor or an array.")
    if picture.ndim not in (2, 3):
        raise PictureError(f"The picture has shape {tuple(picture.shape)}; give one of shape (3, height, width).")
    return to_square_pixels(picture, side)


def _label(given: Any, index: int, below: int) -> int:
    try:
        label = operator.index(given)
    except (TypeError, ValueError, RuntimeError):
        raise DataError(
            f"The label of item {index} of the data set is a {_described(given)}; it must be a whole number from 0."
        ) from None
    if not 0 <= label < below:
        raise DataError(f"The label of item {index} of the data set is {label}; it must be from 0 to {below - 1}.")
    return label


def _described(value: Any) -> str:
    sized = isinstance(value, (tuple, list))
    return f"{type(value).__name__} of {len(value)}" if sized else type(value).__name__


def _name_of(dataset: Any, index: int) -> Path | str:
    """The file an item was read from, where the data set is an ImageFolder or a part of one."""
    inner, place = dataset, index
    while isinstance(inner, Subset):
        inner, place = inner.dataset, int(inner.indices[place])
    samples = getattr(inner, "samples", None)
    if isinstance(samples, list) and place < len(samples) and isinstance(samples[place], tuple):
        return Path(str(samples[place][0]))
    return f"item {index}"


DataSource: TypeAlias = "str | os.PathLike[str] | Dataset[Any] | PictureSet"

TRAIN, VAL = "train", "val"
HELD_OUT = 0.1
SHOWN = 5


class _Tree(Protocol):
    """Class folders, or ``train`` and ``val`` that hold them, wherever they lie."""

    names: list[str]

    def load(self, part: str | None, fewest: int) -> PictureSet: ...


def open_data(
    source: DataSource,
    side: int,
    *,
    val: DataSource | None = None,
    seed: int = 0,
    progress: bool = True,
    say: Callable[[str], object] = print,
) -> tuple[PictureSet, PictureSet]:
    """The pictures to train on, and those to measure on.

    Args:
        source: a folder that holds ``train`` and ``val``, each a folder of class folders; a folder of class folders;
            a tar of either (plain, gzip, bzip2 or xz); a torch data set of (picture, label), where a
            picture is a PIL image, or a tensor or array (3, h, w) or (h, w, 3), uint8 or float from 0 to 1; or a set
            that was read before.
        side: side in pixels that the pictures are brought to.
        val: what to measure on, of any of these kinds; of a folder or tar with both parts, ``val`` is taken. Without
            it the source's own ``val`` serves, or a tenth of each class is held out.
        seed: decides which tenth.
        progress: show a progress bar.
        say: is told which pictures were skipped because they cannot be read.

    Raises:
        DataError: not one of these; damaged or unreadable; fewer than two classes; a class with fewer than ten
            readable pictures (one is enough in ``val``); or ``val`` has other classes.
    """
    if val is None:
        sets = _load(source, side, (TRAIN, VAL), None, progress)
        train, measured = sets if len(sets) == 2 else split(sets[0], HELD_OUT, seed)
        skipped = sets
    else:
        (train,) = _load(source, side, (TRAIN,), None, progress)
        (measured,) = _load(val, side, (VAL,), train.classes, progress)
        skipped = [train, measured]
    if train.classes != measured.classes:
        raise DataError(
            "The pictures to train on and those to measure on are of different classes; only one of the two has "
            f"{_listed(sorted(set(train.classes) ^ set(measured.classes)) or train.classes)}."
        )
    for part in skipped:
        say_skipped(part.skipped, say)
    return train, measured


def load_validation(data: Path, side: int, classes: tuple[str, ...]) -> PictureSet:
    """The pictures a model is measured on: ``data/val`` where it exists, else ``data`` itself.

    Raises:
        DataError: as :func:`open_data`, or if the folders are not the model's classes.
    """
    (pictures,) = _load(data, side, (VAL,), None, True)
    if pictures.classes != classes:
        odd = sorted(set(pictures.classes) ^ set(classes))
        raise DataError(
            f"The class folders in {str(data)!r} are not the model's classes; these differ: {', '.join(odd)}."
        )
    return pictures


def say_skipped(skipped: Sequence[Path | str], say: Callable[[str], object]) -> None:
    """Tell what was skipped, the first few by name."""
    if skipped:
        # A name that is not in the system's encoding can still be shown.
        names = [str(name).encode(errors="backslashreplace").decode() for name in skipped[:SHOWN]]
        more = ", ..." if len(skipped) > SHOWN else ""
        say(f"Skipped {len(skipped)} files that are not readable pictures: {', '.join(names)}{more}")


def _load(
    source: DataSource, side: int, wanted: tuple[str, ...], classes: tuple[str, ...] | None, progress: bool
) -> list[PictureSet]:
    """The wanted parts of a source, or all of it where it has no parts."""
    fewest = FEWEST_PICTURES if TRAIN in wanted else 1
    if isinstance(source, PictureSet):
        if source.side != side:
            raise DataError(f"The pictures have {source.side} pixels a side and {side} are wanted; read them anew.")
        return [source]
    if not isinstance(source, (str, os.PathLike)):
        return [load_dataset(source, side, classes=classes, progress=progress, fewest=fewest)]
    tree = _open(Path(source), side, progress)
    has_parts = VAL in tree.names and (TRAIN in tree.names or TRAIN not in wanted)
    if not has_parts:
        return [tree.load(None, fewest)]
    return [tree.load(part, FEWEST_PICTURES if part == TRAIN else 1) for part in wanted]


def _open(path: Path, side: int, progress: bool) -> _Tree:
    try:
        is_file = path.is_file()
    except OSError as error:
        refuse_unreadable(error)
    return Archive(path, side, progress=progress) if is_file else Folder(path, side, progress=progress)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
