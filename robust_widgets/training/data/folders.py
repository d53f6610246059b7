"""A folder of class folders, as torchvision's ImageFolder reads them, as a set of pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

from tqdm.auto import tqdm

from robust_widgets.errors import DataError
from robust_widgets.training.data.pictures import FEWEST_PICTURES, PictureSet
from robust_widgets.training.data.reading import (
    ReadPicture,
    assemble,
    check_class_folders,
    decode,
    is_picture_name,
    is_shown,
)


def load_folder(folder: Path, side: int, *, progress: bool = True, fewest: int = FEWEST_PICTURES) -> PictureSet:
    """Read a folder of class folders into memory.

    Args:
        folder: holds one folder for each class.
        side: pictures are scaled so that their shorter side has this many pixels, then cropped to the centre.
        progress: show a progress bar.
        fewest: a class with fewer readable pictures is refused.

    Raises:
        DataError: the folder is missing or unreadable, has fewer than two classes, or a class has too few pictures.
    """
    names = subfolders(folder)
    check_class_folders(names, f"The folder {str(folder)!r}")
    files = [(file, label) for label, name in enumerate(names) for file in picture_files(folder / name)]

    def read(item: tuple[Path, int]) -> ReadPicture:
        file, label = item
        return ReadPicture(file, decode(file, side), label)

    with ThreadPoolExecutor() as pool:
        pictures = pool.map(read, files, chunksize=64)
        bar = tqdm(pictures, total=len(files), desc=f"reading {folder.name}", disable=not progress)
        return assemble(bar, names, side, where=repr(str(folder)), fewest=fewest)


class Folder:
    """A folder that holds class folders, or ``train`` and ``val`` that hold them.

    Args:
        path: the folder.
        side: side in pixels that its pictures are brought to.
        progress: show a progress bar.

    Raises:
        DataError: the folder is missing or unreadable.
    """

    def __init__(self, path: Path, side: int, *, progress: bool) -> None:
        self.names = subfolders(path)
        self._path, self._side, self._progress = path, side, progress

    def load(self, part: str | None, fewest: int) -> PictureSet:
        """The pictures of a part, or of the class folders where it has no parts; raises as :func:`load_folder`."""
        folder = self._path if part is None else self._path / part
        return load_folder(folder, self._side, progress=self._progress, fewest=fewest)


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted, without hidden ones.

    Raises:
        DataError: the folder is missing or unreadable.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if is_shown(entry.name) and entry.is_dir())
    except OSError as error:
        refuse_unreadable(error)


def picture_files(folder: Path) -> list[Path]:
    """The files below a folder that are called pictures, sorted; raises as :func:`subfolders`."""
    return sorted(_walk(folder))


def refuse_unreadable(error: OSError) -> NoReturn:
    """Say which folder could not be read.

    Raises:
        DataError: always.
    """
    raise DataError(
        f"The folder {str(error.filename)!r} cannot be read ({error.strerror}); give a folder of class folders that "
        "may be read, or a tar of one."
    ) from None


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder, onerror=refuse_unreadable):
        for name in (*folders, *files):
            if is_picture_name(name):
                yield Path(place, name)
        folders[:] = [name for name in folders if is_shown(name)]
