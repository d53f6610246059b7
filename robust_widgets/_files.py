"""Files that are written whole or not at all, and the folders for them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from robust_widgets.errors import SaveError, first_line


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises:
        SaveError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(
            f"The folder {str(folder)!r} could not be made ({error.strerror}); choose another place."
        ) from None


def atomic_write(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file whole or not at all: the old file stays until the new one is complete.

    Raises:
        SaveError: the folder is missing or not writable, or the disk is full.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            write(file)
        partial.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise SaveError(
            f"{str(path)!r} could not be written ({first_line(error)}); nothing is lost, save to another place."
        ) from None
