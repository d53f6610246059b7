"""A folder that is made whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from robust_widgets.errors import SaveError
from robust_widgets.files import make_folder


@contextmanager
def whole_folder(out: Path) -> Generator[Path]:
    """A folder to fill, which becomes ``out`` when the block ends well, and disappears when it does not.

    Args:
        out: a folder that does not exist yet, or an empty one.

    Raises:
        SaveError: ``out`` holds something or is a file, its place cannot be written, or the disk is full.
    """
    place = out.resolve()
    try:
        taken = place.exists() and (not place.is_dir() or any(place.iterdir()))
    except OSError as error:
        raise SaveError(f"The folder {str(out)!r} cannot be read ({error.strerror}); choose another place.") from None
    if taken:
        raise SaveError(f"{str(out)!r} exists already; give a new folder, or remove it first.")
    make_folder(place.parent)
    partial = place.with_name(f".{place.name}.{os.getpid()}.partial")
    try:
        partial.mkdir()
        yield partial
        if place.exists():
            place.rmdir()
        partial.rename(place)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if not isinstance(error, OSError) or isinstance(error, SaveError):
            raise
        raise SaveError(
            f"The folder {str(out)!r} could not be written ({error.strerror or error}) and nothing of it is left; "
            "make room or choose another place."
        ) from None
