"""Importing on a thread of its own while other threads may import, too."""

from __future__ import annotations

import builtins
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

MOST_SECONDS = 120.0  # after which others no longer wait for an import that does not end
_one_at_a_time = threading.Lock()


@contextmanager
def imported_alone(*packages: str) -> Generator[None]:
    """While this lasts, another thread that imports a part of these packages waits for the end of it.

    Two threads that import a package with circles in it, of which torch has many, from two ends would wait for each
    other. Python sees that and hands one of them a module that is not whole, on which its import fails; and a torch
    that failed half-way cannot be imported again.

    Only what begins meanwhile waits: an import of these packages that is going on already has to end before.
    """
    with _one_at_a_time:
        usual, over = builtins.__import__, threading.Event()
        builtins.__import__ = _waiting(usual, packages, threading.get_ident(), over)
        try:
            yield
        finally:
            builtins.__import__ = usual
            over.set()


def _waiting(usual: Callable[..., Any], packages: Sequence[str], own: int, over: threading.Event) -> Callable[..., Any]:
    """What does the usual, but waits before it does it for these packages on another thread than ``own``."""

    def waiting(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        importer = globals or {}
        wanted = name if level == 0 else str(importer.get("__package__"))
        if threading.get_ident() != own and _root(wanted) in packages and not _is_whole(name, level):
            inside = _root(str(importer.get("__name__"))) in packages and _is_being_imported(importer.get("__spec__"))
            if not inside:
                over.wait(MOST_SECONDS)
        return usual(name, globals, locals, fromlist, level)

    return waiting


def _root(name: str) -> str:
    return name.partition(".")[0]


def _is_whole(name: str, level: int) -> bool:
    module = sys.modules.get(name) if level == 0 else None
    return module is not None and not _is_being_imported(getattr(module, "__spec__", None))


def _is_being_imported(spec: object) -> bool:
    return bool(getattr(spec, "_initializing", False))  # as Python's own import sees it
