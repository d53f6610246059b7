"""Open training data of any kind: a folder, a tar, a torch Dataset, or pictures in memory."""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset, Subset
from tqdm.auto import tqdm

from robust_widgets._deprecated import renamed_keywords
from robust_widgets.errors import DataError, PictureError, UnknownNameError, at_least
from robust_widgets.models.loading.class_names import names_in_order
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.files import as_path, kinds_of
from robust_widgets.pictures.io import as_rgb, to_square_pixels
from robust_widgets.training.data.archives import Archive
from robust_widgets.training.data.folders import Folder, refuse_unreadable
from robust_widgets.training.data.reading import (
    FEWEST_PICTURES,
    TRAIN,
    VAL,
    PictureSet,
    ReadPicture,
    are_short,
    assemble,
    composed,
    find_parts,
    split,
    square,
)


def load_dataset(
    dataset: Dataset[Any],
    size: int,
    *,
    classes: tuple[str, ...] | None = None,
    progress: bool = True,
    fewest: int = FEWEST_PICTURES,
) -> PictureSet:
    """Read a map-style Dataset into memory. Each item is read once, so random transforms are applied only once.

    Args:
        dataset: has a length and items (picture, label). A picture is a PIL image, a uint8 tensor or array, or a
            float tensor or array in [0, 1], (3, height, width) or (height, width, 3); a label is a whole number from
            0. Class names come from its ``classes``, or are "class 0", "class 1", ...
        size: width and height in pixels to which pictures are resized.
        classes: class names, if the data set has none.
        progress: show a progress bar.
        fewest: a class with fewer readable pictures is an error.

    Raises:
        DataError: it is not map-style, an item is not a pair of a picture and a label, there are fewer than two
            classes, or a class has too few pictures.
    """
    if isinstance(dataset, Mapping) or not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise DataError(
            f"A {type(dataset).__name__} cannot be read as pictures; give a folder of class folders, a tar of one, or "
            "a torch Dataset that has a length."
        )
    names = class_names(dataset) or classes
    count = len(cast(Sized, dataset))
    bar = tqdm(range(count), desc="reading the data set", disable=not progress)
    read = list(_items(dataset, bar, size, len(names) if names else count))
    labels = [item.label for item in read if item.pixels is not None]
    names = names or tuple(f"class {label}" for label in range(max(labels, default=0) + 1))
    if len(names) < 2:
        raise DataError(f"The data set holds {len(names)} classes; give one with at least two.")
    return assemble(read, names, size, where="the data set", fewest=fewest)


def class_names(dataset: Any) -> tuple[str, ...] | None:
    """Class names of a data set, or None; a subset has those of the whole.

    Raises:
        DataError: two classes have the same name.
    """
    if isinstance(dataset, Subset):
        return class_names(dataset.dataset)
    if isinstance(dataset, ConcatDataset):
        distinct = {class_names(part) for part in dataset.datasets}
        return distinct.pop() if len(distinct) == 1 else None
    classes = getattr(dataset, "classes", None)
    if not isinstance(classes, (list, tuple, Mapping)) or not classes:
        return None
    if isinstance(classes, Mapping):
        try:
            classes = names_in_order(cast("Mapping[int, str]", classes))
        except UnknownNameError as error:
            raise DataError(str(error)) from None
    # torchvision's ImageNet names a class by a tuple of synonyms.
    names = tuple(composed(", ".join(map(str, name)) if isinstance(name, tuple) else str(name)) for name in classes)
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise DataError(f"The data set has more than one class {duplicates[0]!r}; give each a unique name.")
    return names


def _items(dataset: Any, indices: Any, size: int, labels_below: int) -> Iterator[ReadPicture]:
    for index in indices:
        try:
            item = dataset[index]
        except (OSError, SyntaxError, Image.DecompressionBombError):  # PIL's errors for damaged files
            yield ReadPicture(_name_of(dataset, index), None, 0)
            continue
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise DataError(
                f"Item {index} of the data set is a {_described(item)}; each must be a pair of a picture and the "
                "index of its class."
            )
        picture, value = item
        label = _label(value, index, labels_below)
        try:
            pixels = _pixels(picture, size)
        except (PictureError, OSError, SyntaxError) as error:
            if isinstance(picture, Image.Image):
                pixels = None
            else:
                raise DataError(f"{error} This was item {index} of the data set.") from None
        yield ReadPicture(_name_of(dataset, index), pixels, label)


def _pixels(picture: Any, size: int) -> Pixels:
    if isinstance(picture, Image.Image):
        return square(as_rgb(picture), size)
    if not isinstance(picture, (Tensor, np.ndarray)):
        raise PictureError(f"A {type(picture).__name__} is not a picture; give a PIL image, a tensor or an array.")
    if picture.ndim not in (2, 3):
        raise PictureError(f"The picture has shape {tuple(picture.shape)}; give one of shape (3, height, width).")
    return to_square_pixels(picture, size)


def _label(value: Any, index: int, below: int) -> int:
    try:
        label = operator.index(value)
    except (TypeError, ValueError, RuntimeError):
        raise DataError(
            f"The label of item {index} of the data set is a {_described(value)}; it must be a whole number from 0."
        ) from None
    if not 0 <= label < below:
        raise DataError(f"The label of item {index} of the data set is {label}; it must be from 0 to {below - 1}.")
    return label


def _described(value: Any) -> str:
    sized = isinstance(value, (tuple, list))
    return f"{type(value).__name__} of {len(value)}" if sized else type(value).__name__


def _name_of(dataset: Any, index: int) -> Path | str:
    """The file an item was read from, if the data set is an ImageFolder or a subset of one."""
    inner, position = dataset, index
    while isinstance(inner, Subset):
        inner, position = inner.dataset, int(inner.indices[position])
    samples = getattr(inner, "samples", None)
    if isinstance(samples, list) and position < len(samples) and isinstance(samples[position], tuple):
        return Path(str(samples[position][0]))
    return f"item {index}"


DataSource: TypeAlias = "str | os.PathLike[str] | Dataset[Any] | PictureSet | tuple[PictureSet, PictureSet]"

HELD_OUT = 0.1
MAX_LISTED = 5


class _Tree(Protocol):
    """Class folders, or ``train`` and ``val`` of class folders, on disk or in a tar."""

    names: list[str]

    def load(self, part: str | None, fewest: int) -> PictureSet: ...


@renamed_keywords(side="size", say="log")
def open_data(
    source: DataSource,
    size: int,
    *,
    val: DataSource | None = None,
    seed: int = 0,
    progress: bool = True,
    log: Callable[[str], object] = print,
) -> tuple[PictureSet, PictureSet]:
    """Read training and validation pictures.

    Args:
        source: a folder with ``train`` and ``val``, or folders called alike, such as ``Training`` and ``test_set``,
            each holding class folders; a folder of class folders; a tar of either (plain, gzip, bzip2 or xz); a torch
            Dataset of (picture, label), where a picture is a PIL image, or a tensor or array (3, h, w) or (h, w, 3),
            uint8 or float from 0 to 1; a :class:`PictureSet`; or two of these, for training and validation, as this
            function returns them.
        size: width and height in pixels to which pictures are resized.
        val: validation pictures, of any of these kinds; of a folder or tar with both parts, its ``val``. By default
            the source's own ``val``, or a tenth of each class.
        seed: of the choice of that tenth.
        progress: show a progress bar.
        log: called with a sentence about pictures that were skipped because they are unreadable, and about folders and
            files that were left out.

    Raises:
        ParameterError: ``size`` is not a whole number of at least 1.
        DataError: the source is of another kind, damaged or unreadable, there are fewer than two classes, a class has
            fewer than ten readable pictures (one is enough in ``val``), or ``val`` has other classes.
    """
    size = at_least(1, size=size)
    if val is None and isinstance(source, tuple) and len(source) == 2:
        source, val = source
    if val is None:
        sets = _load(source, size, (TRAIN, VAL), None, progress, log)
        train, held_out = sets if len(sets) == 2 else split(sets[0], HELD_OUT, seed)
        skipped = sets
    else:
        (train,) = _load(source, size, (TRAIN,), None, progress, log)
        (held_out,) = _load(val, size, (VAL,), train.classes, progress, log)
        skipped = [train, held_out]
    if train.classes != held_out.classes:
        raise DataError(
            "The training and validation pictures have different classes; only one of the two has "
            f"{_listed(sorted(set(train.classes) ^ set(held_out.classes)) or train.classes)}."
        )
    for part in skipped:
        _log_unread(part, log)
    return train, held_out


def _to_stderr(sentence: str) -> None:
    tqdm.write(sentence, file=sys.stderr)


def load_validation(
    data: Path, size: int, classes: tuple[str, ...], log: Callable[[str], object] = _to_stderr
) -> PictureSet:
    """Validation pictures for a model: ``data/val`` if it exists, else ``data`` itself.

    Args:
        data: a folder or a tar, as :func:`open_data` takes them.
        size: width and height in pixels to which pictures are resized.
        classes: the model's.
        log: as of :func:`open_data`.

    Raises:
        DataError: as :func:`open_data`, or the class folders are not the model's classes.
    """
    (pictures,) = _load(data, size, (VAL,), None, True, log)
    _log_unread(pictures, log)
    if pictures.classes != tuple(map(composed, classes)):
        odd = sorted(set(pictures.classes) ^ set(classes))
        raise DataError(
            f"The class folders in {str(data)!r} are not the model's classes; these differ: {', '.join(odd)}."
        )
    return pictures


def log_skipped(skipped: Sequence[Path | str], log: Callable[[str], object]) -> None:
    """Report skipped files, the first few by name."""
    if skipped:
        # Names that the file system's encoding cannot represent are escaped.
        names = [str(name).encode(errors="backslashreplace").decode() for name in skipped[:MAX_LISTED]]
        more = ", ..." if len(skipped) > MAX_LISTED else ""
        log(f"Skipped {len(skipped)} files that cannot be read as pictures: {', '.join(names)}{more}")


def _log_unread(pictures: PictureSet, log: Callable[[str], object]) -> None:
    log_skipped(pictures.skipped, log)
    if pictures.left_out:
        log(
            f"Left out {kinds_of(pictures.left_out)}, which are no pictures by their names or in no class folder, such "
            f"as {str(pictures.left_out[0]).encode(errors='backslashreplace').decode()}."
        )


def _load(
    source: DataSource,
    size: int,
    wanted: tuple[str, ...],
    classes: tuple[str, ...] | None,
    progress: bool,
    log: Callable[[str], object],
) -> list[PictureSet]:
    """The wanted parts of a source, or all of it if it has no parts."""
    fewest = FEWEST_PICTURES if TRAIN in wanted else 1
    if isinstance(source, PictureSet):
        if source.size != size:
            raise DataError(f"The pictures have {source.size} pixels and {size} are wanted; read them again.")
        return [source]
    if not isinstance(source, (str, os.PathLike)):
        return [load_dataset(cast("Dataset[Any]", source), size, classes=classes, progress=progress, fewest=fewest)]
    tree = _open(as_path(source), size, progress)
    parts = find_parts(tree.names)
    if VAL not in parts or (TRAIN in wanted and TRAIN not in parts):
        return [tree.load(None, fewest)]
    others = [name for name in tree.names if name not in parts.values()]
    taken = ""
    if are_short(tree.names):
        taken = (
            f"The folders {_listed(tree.names)} are taken for parts of a data set; if they are classes, rename them."
        )
        log(taken)
    if len(wanted) > 1 and others:
        log(f"Training on {parts[TRAIN]!r} and validating on {parts[VAL]!r}; left out: {_listed(others)}.")
    try:
        return [tree.load(parts[part], FEWEST_PICTURES if part == TRAIN else 1) for part in wanted]
    except DataError as error:
        raise DataError(f"{error} {taken}".rstrip()) from None


def _open(path: Path, size: int, progress: bool) -> _Tree:
    try:
        is_file = path.is_file()
    except OSError as error:
        refuse_unreadable(error)
    return Archive(path, size, progress=progress) if is_file else Folder(path, size, progress=progress)


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(names[:MAX_LISTED])
    return f"{listed} and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else listed
