"""Where downloads and measurements are kept between processes. No torch here."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from platformdirs import user_cache_path

from robust_widgets._files import atomic_write, make_folder
from robust_widgets.errors import SaveError

VARIABLE = "ROBUST_WIDGETS_CACHE"


def cache_folder() -> Path:
    """The platform's folder for caches, or the one that the environment variable ``ROBUST_WIDGETS_CACHE`` names."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser().absolute() if named else user_cache_path("robust-widgets")


def kept(kind: str, key: object) -> dict[str, Any] | None:
    """What was kept of a kind under a key; None where there is nothing, or nothing that can be read.

    Args:
        kind: names the folder.
        key: all that it depends on; keys of equal ``repr`` are equal.
    """
    with suppress(OSError, ValueError):
        found: object = json.loads(_place(kind, key).read_text("utf-8"))
        if isinstance(found, dict):
            return cast("dict[str, Any]", found)
    return None


def keep(kind: str, key: object, values: Mapping[str, Any]) -> None:
    """Keep values that JSON can hold; where nothing can be written, they are lost without a word."""
    text = json.dumps(dict(values))
    with suppress(SaveError):
        make_folder(_place(kind, key).parent)
        atomic_write(_place(kind, key), lambda file: file.write(text.encode()))


def _place(kind: str, key: object) -> Path:
    return cache_folder() / kind / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:24]}.json"
