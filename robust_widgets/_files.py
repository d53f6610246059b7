"""Files that are written whole or not at all, JSON that is checked on reading, and the cache of this machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

from platformdirs import user_cache_path

from robust_widgets.errors import SaveError, first_line

if TYPE_CHECKING:
    from pydantic import BaseModel

M = TypeVar("M", bound="BaseModel")

CACHE_VARIABLE = "ROBUST_WIDGETS_CACHE"


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents.

    Raises:
        SaveError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(
            f"The folder {str(folder)!r} could not be made ({first_line(error)}); choose another place."
        ) from None


def atomic_write(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file whole or not at all: an old file stays until the new one is complete.

    Args:
        path: the file.
        write: writes its content.

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
        if not isinstance(error, OSError) or isinstance(error, SaveError):
            raise
        raise SaveError(
            f"{str(path)!r} could not be written ({first_line(error)}); nothing is lost, save to another place."
        ) from None


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
