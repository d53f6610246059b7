"""How sessions tell their listeners, and what they say of an error that nobody expected. Needs no torch."""

from __future__ import annotations

import traceback
from collections.abc import Callable


def tell(listener: Callable[..., object], *event: object) -> None:
    """Call a listener; an exception in it is printed, since it must not end the session's thread.

    Args:
        listener: whoever wants to know.
        event: what it is called with.
    """
    try:
        listener(*event)
    except Exception:
        traceback.print_exc()


def reason_of(error: Exception) -> str:
    """An error for the middle of a sentence, on one line, such as "ValueError: no such layer"."""
    return f"{type(error).__name__}: {' '.join(str(error).split()).rstrip('.')}"


def unexpected(what: str, error: Exception) -> str:
    """The sentence of an error that nobody expected: what failed, such as "The run failed", and why."""
    return f"{what} ({reason_of(error)}); the details hold the traceback."
