"""Paths as people give them, and which files of a folder are pictures: one rule for data sets, commands and Python."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePath

from robust_widgets.errors import InputError, PictureError, first_line

# What Pillow opens and people keep pictures in.
PICTURE_ENDINGS = frozenset(
    {
        *(".apng", ".avif", ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm"),
        *(".tif", ".tiff", ".webp"),
    }
)
# Besides names that begin with a dot: what systems put into every folder they show.
COMPANIONS = frozenset({"__macosx", "@eadir", "$recycle.bin", "desktop.ini", "icon\r", "thumbs.db"})
MAX_KINDS = 3


def as_path(path: str | os.PathLike[str]) -> Path:
    """A path as people give it: ``~`` is their home folder.

    Raises:
        InputError: it is empty, no path, or a name that no system takes.
    """
    if not isinstance(path, (str, os.PathLike)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"A {type(path).__name__} is not a path; give the name of a file or a folder.")
    name = os.fsdecode(path)
    if not name:
        raise InputError("The path is empty; give the name of a file or a folder.")
    if "\0" in name:
        raise InputError(f"The path {name!r} holds a zero character, which no system takes; give another name.")
    with contextlib.suppress(RuntimeError):  # no such user
        return Path(name).expanduser()
    return Path(name)


def is_file(path: Path) -> bool:
    """Whether there is such a file; also of names that no system takes, for which pathlib raises an error."""
    with contextlib.suppress(OSError, ValueError):
        return path.is_file()
    return False


def is_folder(path: Path) -> bool:
    """Whether there is such a folder, as :func:`is_file`."""
    with contextlib.suppress(OSError, ValueError):
        return path.is_dir()
    return False


def is_shown(name: str) -> bool:
    """Whether a file or folder is neither hidden nor a system's own."""
    return not name.startswith(".") and name.casefold() not in COMPANIONS


def is_picture_name(name: str) -> bool:
    """Whether a file's name is shown and ends like a picture's."""
    return is_shown(name) and PurePath(name).suffix.lower() in PICTURE_ENDINGS


def pictures_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures of a folder, by name, and its other files; folders and hidden files are in neither.

    Raises:
        PictureError: there are no pictures, or the folder cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            files = sorted(Path(entry.path) for entry in entries if is_shown(entry.name) and not entry.is_dir())
    except OSError as error:
        raise PictureError(
            f"The folder {str(folder)!r} cannot be read ({first_line(error)}); give a readable one."
        ) from None
    pictures = [file for file in files if is_picture_name(file.name)]
    others = [file for file in files if not is_picture_name(file.name)]
    if not pictures:
        held = f", but {kinds_of(others)}" if others else ""
        raise PictureError(
            f"The folder {str(folder)!r} has no pictures{held}; give one with PNG, JPEG or WebP files in it."
        )
    return pictures, others


def kinds_of(files: Iterable[PurePath | str]) -> str:
    """How many files there are of each kind: ``"2 .heic and 1 .txt"``."""
    kinds = Counter(PurePath(file).suffix.lower() or "without an extension" for file in files)
    listed = [f"{count} {kind}" for kind, count in kinds.most_common(MAX_KINDS)]
    rest = kinds.total() - sum(count for _, count in kinds.most_common(MAX_KINDS))
    listed += [f"{rest} others"] * (rest > 0)
    return " and ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)
