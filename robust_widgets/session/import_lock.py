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
        wanted = name if level == 0 else str((globals or {}).get("__package__"))
        concerns = threading.get_ident() != own and _root(wanted) in packages and not _is_whole(name, level)
        if concerns and not _is_importing(packages):
            over.wait(MOST_SECONDS)
        return usual(name, globals, locals, fromlist, level)

    return waiting


def _root(name: str) -> str:
    return name.partition(".")[0]


def _is_whole(name: str, level: int) -> bool:
    module = sys.modules.get(name) if level == 0 else None
    return module is not None and not _is_begun(module)


def _is_begun(module: object) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))  # as Python's own import sees it


def _is_importing(packages: Sequence[str]) -> bool:
    """Whether this thread is in the midst of importing a part of these packages, and so must not be held up."""
    frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        if frame.f_code.co_name == "<module>" and _root(str(frame.f_globals.get("__name__"))) in packages:
            return True
        frame = frame.f_back
    return False
