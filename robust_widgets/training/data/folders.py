"""Folders of pictures: reading class folders, and writing a new folder atomically."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from tqdm.auto import tqdm

from robust_widgets._files import make_folder
from robust_widgets._files.partials import partial_folder
from robust_widgets.errors import DataError, SaveError
from robust_widgets.pictures.files import is_picture_name, is_shown
from robust_widgets.training.data.reading import (
    FEWEST_PICTURES,
    PictureSet,
    ReadPicture,
    assemble,
    class_folders,
    composed,
    decode,
)

# The classes of Tiny ImageNet, by WordNet id, that make up each class of Restricted Tiny ImageNet.
RESTRICTED_TINY_IMAGENET: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "dog": ("n02085620", "n02094433", "n02099601", "n02099712", "n02106662", "n02113799"),
        "cat": ("n02123045", "n02123394", "n02124075"),
        "lion": ("n02129165", "n02125311"),
        "bear": ("n02132136",),
        "primate": ("n02480495", "n02481823", "n02486410"),
        "bird": ("n01855672", "n02002724", "n02056570", "n02058221"),
        "frog": ("n01641577", "n01644900"),
        "goldfish": ("n01443537",),
        "insect": ("n02206856", "n02190166", "n02165456", "n02226429", "n02236044", "n02268443"),
        "butterfly": ("n02279972", "n02281406"),
        "spider": ("n01774384", "n01774750"),
        "lobster": ("n01983481", "n01984695"),
        "elephant": ("n02504458",),
        "hoofed": ("n02403003", "n02410509", "n02415577", "n02423022"),
        "car": ("n04285008", "n03100240", "n02814533", "n03670208"),
        "bus": ("n04146614", "n04487081", "n03977966"),
        "boat": ("n03447447", "n03662601"),
        "train": ("n02917067", "n03393912"),
        "fruit": ("n07747607", "n07749582", "n07753592", "n07768694"),
        "pizza": ("n07873807",),
        "mushroom": ("n07734744",),
        "coral": ("n01917289", "n09256479"),
        "jellyfish": ("n01910747",),
        "mountain": ("n09193705", "n09246464"),
        "shore": ("n09332890", "n09428293"),
        "bridge": ("n04311004", "n04366367", "n04532670"),
        "tower": ("n02814860", "n04562935", "n03837869"),
    }
)


def load_folder(folder: Path, size: int, *, progress: bool = True, fewest: int = FEWEST_PICTURES) -> PictureSet:
    """Read a folder of class folders into memory.

    Args:
        folder: holds a folder for each class.
        size: pictures are scaled so that their shorter side has this many pixels, then centre-cropped.
        progress: show a progress bar.
        fewest: a class with fewer readable pictures is an error.

    Raises:
        DataError: the folder is missing or unreadable, has fewer than two classes, or a class has too few pictures.
    """
    names = class_folders(subfolders(folder), f"The folder {str(folder)!r}")
    loose, _ = files_in(folder, deep=False)
    files: list[tuple[Path, int]] = []
    for label, name in enumerate(names):
        pictures, others = files_in(folder / name)
        files += [(file, label) for file in pictures]
        loose += others

    def read(item: tuple[Path, int]) -> ReadPicture:
        file, label = item
        return ReadPicture(file, decode(file, size), label)

    with ThreadPoolExecutor() as pool:
        pictures = pool.map(read, files, chunksize=64)
        bar = tqdm(pictures, total=len(files), desc=f"reading {folder.name}", disable=not progress)
        classes = [composed(name) for name in names]
        return assemble(bar, classes, size, where=repr(str(folder)), fewest=fewest, left_out=loose)


class Folder:
    """A folder of class folders, or of ``train`` and ``val`` with class folders in them.

    Args:
        path: the folder.
        size: width and height in pixels to which pictures are resized.
        progress: show a progress bar.

    Attributes:
        names: its folders, sorted: classes, or parts; those of the only folder in it, as in an unpacked archive.

    Raises:
        DataError: the folder is missing or unreadable.
    """

    def __init__(self, path: Path, size: int, *, progress: bool) -> None:
        self._path, self._size, self._progress = _descend(path), size, progress
        self.names = subfolders(self._path)

    def load(self, part: str | None, fewest: int) -> PictureSet:
        """The pictures of a part, or of the folder itself for None; raises as :func:`load_folder`."""
        folder = self._path if part is None else self._path / part
        if part is not None and subfolders(folder) == [part]:  # packed twice: training_set/training_set
            folder = folder / part
        return load_folder(folder, self._size, progress=self._progress, fewest=fewest)


def _descend(folder: Path) -> Path:
    """The folder, or the only one in it, as long as that holds folders."""
    while len(names := subfolders(folder)) == 1 and subfolders(folder / names[0]):
        folder = folder / names[0]
    return folder


def subfolders(folder: Path) -> list[str]:
    """Names of a folder's subfolders, sorted, without hidden ones.

    Raises:
        DataError: the folder is missing or unreadable.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if is_shown(entry.name) and entry.is_dir())
    except OSError as error:
        refuse_unreadable(error)


def files_in(folder: Path, *, deep: bool = True) -> tuple[list[Path], list[Path]]:
    """The pictures below a folder, or only in it, sorted, and the other files; raises as :func:`subfolders`."""
    files = sorted(_walk(folder, deep))
    pictures = [file for file in files if is_picture_name(file.name)]
    return pictures, [file for file in files if not is_picture_name(file.name)]


def refuse_unreadable(error: OSError) -> NoReturn:
    """Raise the error for an unreadable folder.

    Raises:
        DataError: always.
    """
    raise DataError(
        f"The folder {str(error.filename)!r} cannot be read ({error.strerror}); give a readable folder of "
        "class folders, or a tar of one."
    ) from None


def _walk(folder: Path, deep: bool) -> Iterator[Path]:
    for place, folders, files in os.walk(folder, onerror=refuse_unreadable):
        yield from (Path(place, name) for name in files if is_shown(name))
        folders[:] = [name for name in folders if deep and is_shown(name)]


@contextmanager
def atomic_folder(out: Path) -> Generator[Path]:
    """Yield a temporary folder to fill; it becomes ``out`` if the block succeeds, and is removed otherwise.

    Args:
        out: a folder that does not exist, or an empty one.

    Raises:
        SaveError: ``out`` is a file or not empty, cannot be written, or the disk is full.
    """
    place = out.resolve()
    try:
        hidden = list(place.iterdir()) if place.is_dir() else []
        occupied = place.exists() and (not place.is_dir() or any(is_shown(entry.name) for entry in hidden))
    except OSError as error:
        raise SaveError(f"The folder {str(out)!r} cannot be read ({error.strerror}); choose another place.") from None
    if occupied:
        raise SaveError(f"{str(out)!r} already exists; give a new folder, or remove it first.")
    make_folder(place.parent)
    try:
        with partial_folder(place, hidden) as partial:
            yield partial
    except SaveError:
        raise
    except OSError as error:
        raise SaveError(
            f"The folder {str(out)!r} could not be written ({error.strerror or error}), and nothing of it is left; "
            "free some space or choose another place."
        ) from None
