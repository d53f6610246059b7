"""A torch data set of (picture, label) as a set of pictures."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sized
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset, Subset
from tqdm.auto import tqdm

from robust_widgets.decoding import as_rgb, to_pixels_of
from robust_widgets.errors import DataError, PictureError
from robust_widgets.trace import Pixels
from robust_widgets.training.data.pictures import FEWEST_PICTURES, PictureSet
from robust_widgets.training.data.reading import ReadPicture, assemble, square


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
    return to_pixels_of(picture, side)


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
