"""Data of whatever kind, a folder, a tar or a torch data set, as a set to train on and one to measure on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from torch.utils.data import Dataset

from robust_widgets.errors import DataError
from robust_widgets.training.data.archives import Archive
from robust_widgets.training.data.datasets import load_dataset
from robust_widgets.training.data.folders import Folder, refuse_unreadable
from robust_widgets.training.data.pictures import FEWEST_PICTURES, PictureSet, split

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
