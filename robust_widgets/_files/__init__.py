"""Files that are written whole or not at all, their names, JSON that is checked, and the cache of this machine."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

from platformdirs import user_cache_path

from robust_widgets._files.partials import write_partial
from robust_widgets.errors import SaveError, first_line

if TYPE_CHECKING:
    from pydantic import BaseModel

M = TypeVar("M", bound="BaseModel")

CACHE_VARIABLE = "ROBUST_WIDGETS_CACHE"
LONGEST_NAME = 120  # bytes, of a name made from words
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # no file can have these names on Windows


def make_folder(folder: Path, *, private: bool = False) -> None:
    """Make a folder and its missing parents.

    Args:
        folder: the folder.
        private: only this user may list and read it, even if it exists already.

    Raises:
        SaveError: it cannot be made.
    """
    try:
        folder.mkdir(0o700 if private else 0o777, parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(
            f"The folder {str(folder)!r} could not be made ({first_line(error)}); choose another place."
        ) from None
    if private:
        with contextlib.suppress(OSError):  # somebody else's folder
            folder.chmod(0o700)


def clean_name(words: str, default: str = "picture") -> str:
    """A file name without an extension, such as ``school-bus`` for a class "school bus".

    It names no folder, whatever the words are, is not hidden, and is allowed on every system.
    """
    allowed = (
        char if char.isalnum() or char in "._-" or unicodedata.category(char)[0] == "M" else "-"
        for char in unicodedata.normalize("NFC", words)
    )
    name = re.sub("-+", "-", "".join(allowed)).encode("utf-8", "ignore")[:LONGEST_NAME].decode("utf-8", "ignore")
    name = name.strip("-. ")
    return f"_{name}" if DEVICES.fullmatch(name) else name or default


def free_path(path: Path) -> Path:
    """The path if nothing is there, else the first free one of ``name-2.png``, ``name-3.png`` and so on.

    A link that leads nowhere is free: the file that it leads to is made.
    """
    number, free = 1, path
    while _is_there(free):
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def check_output(path: Path, *, overwrite: bool | None = None, sources: Iterable[str | os.PathLike[str]] = ()) -> None:
    """Refuse to replace a file that has to stay: the rule of the functions, the commands and the studio.

    Args:
        path: the file to write.
        overwrite: True replaces any file; None any but a source; False none.
        sources: the files that the result is made from.

    Raises:
        SaveError: the file may not be replaced, or is write-protected.
    """
    if not _is_there(path):
        return
    if overwrite is not True and any(_is_same(path, Path(source)) for source in sources):
        raise SaveError(
            f"{str(path)!r} is the file that this was made from; give another name, or --force (overwrite=True) to "
            "replace it."
        )
    if overwrite is False:
        raise _exists(path)
    if path.is_file() and _is_protected(path, path.stat()):
        raise SaveError(f"{str(path)!r} is write-protected; give another name, or allow writing first.")


def _exists(path: Path) -> SaveError:
    return SaveError(f"{str(path)!r} exists; give another name, or --force (overwrite=True) to replace it.")


def _is_there(path: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):  # a name that no file can have
        return path.exists()
    return False


def _is_same(path: Path, other: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return path.samefile(other)
    return False


def atomic_write(
    path: Path, write: Callable[[IO[bytes]], object], *, overwrite: bool = True, private: bool = False
) -> None:
    """Write a file whole or not at all: an old file stays until the new one is complete.

    A link stays a link, and the file it leads to is written. An old file's permissions stay.

    Args:
        path: the file.
        write: writes its content.
        overwrite: replace an old file.
        private: only this user may read it.

    Raises:
        SaveError: the folder is missing or not writable, the file is write-protected, the disk is full, or there is an
            old file that is not to be replaced.
    """
    try:
        _write(path, write, overwrite=overwrite, private=private)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise _not_written(path, error) from None


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file that never changes a second name; where the disk allows no links, copy it whole or not at all.

    Args:
        source: the file.
        target: its new name; an old file there is replaced.

    Raises:
        OSError: it cannot be read, or the target cannot be written.
    """
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        content = source.read_bytes()
        atomic_write(target, lambda file: file.write(content))


def write_free(path: Path, write: Callable[[IO[bytes]], object]) -> Path:
    """Write a file as :func:`atomic_write` does, under the first free name of :func:`free_path`; returns its path."""
    while True:
        free = free_path(path)
        try:
            _write(free, write, overwrite=False)
        except FileExistsError:  # another process has just taken the name
            continue
        except OSError as error:
            raise _not_written(free, error) from None
        return free


def _not_written(path: Path, error: OSError) -> SaveError:
    if isinstance(error, SaveError):
        return error
    return SaveError(
        f"{str(path)!r} could not be written ({first_line(error)}); nothing is lost, save to another place."
    )


def _write(path: Path, write: Callable[[IO[bytes]], object], *, overwrite: bool, private: bool = False) -> None:
    target = Path(os.path.realpath(path))
    old = _status(target)
    if old is not None and not overwrite:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    if old is not None and not stat.S_ISREG(old.st_mode):
        with target.open("wb") as device:  # a device or a pipe; a folder raises
            write(device)
        return
    if old is not None and _is_protected(target, old):
        raise PermissionError(errno.EACCES, "it is write-protected")
    write_partial(target, write, old=old, overwrite=overwrite, private=private)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _is_protected(path: Path, status: os.stat_result) -> bool:
    """Whether a file may not be written. Who may write into its folder could replace it, but is not meant to."""
    return not status.st_mode & 0o222 or not os.access(path, os.W_OK)


def checked_json(schema: type[M], text: str | bytes) -> M:
    """JSON from a file of anybody, as values of the declared types; raises as `checked`."""
    return checked(schema, json.loads(text))


def checked(schema: type[M], values: Any) -> M:
    """What was in JSON from anybody, as values of the declared types. In such JSON, lists stand for tuples.

    Raises:
        ValueError: a value is not as declared; the first, by its place.
    """
    from pydantic import ValidationError

    try:
        return schema.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))[:LONGEST_PLACE]
        raise ValueError(f"{place!r}: {first['msg']}" if place else first["msg"]) from None


LONGEST_PLACE = 80  # characters of a value's place in a message


def cache_folder() -> Path:
    """The cache: the folder in the environment variable ``ROBUST_WIDGETS_CACHE``, or the platform's for caches."""
    path = os.environ.get(CACHE_VARIABLE)
    return Path(path).expanduser().absolute() if path else user_cache_path("robust-widgets")


def read_cache(kind: str, key: object) -> dict[str, Any] | None:
    """Read values from the cache; None if there are none, or they cannot be read.

    Args:
        kind: names the folder.
        key: everything that the values depend on; keys of equal ``repr`` are equal.
    """
    with contextlib.suppress(OSError, ValueError):
        values: object = json.loads(_cache_file(kind, key).read_text("utf-8"))
        if isinstance(values, dict):
            return cast("dict[str, Any]", values)
    return None


def write_cache(kind: str, key: object, values: Mapping[str, Any]) -> None:
    """Write values that JSON can hold to the cache. Best effort: write errors are ignored."""
    text = json.dumps(dict(values))
    with contextlib.suppress(SaveError):
        make_folder(_cache_file(kind, key).parent)
        atomic_write(_cache_file(kind, key), lambda file: file.write(text.encode()))


def _cache_file(kind: str, key: object) -> Path:
    return cache_folder() / kind / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:24]}.json"
