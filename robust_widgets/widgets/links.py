"""Thread-safe `traitlets.link`.

JupyterLab may deliver messages to two threads of a kernel at a time; `traitlets.link` raises if a trait changes while
it copies.
"""

from __future__ import annotations

import threading

import traitlets


def thread_safe_link(first: traitlets.HasTraits, name: str, second: traitlets.HasTraits, second_name: str) -> None:
    """Set the second trait to the first one's value, and keep them equal from then on.

    If both change at once, the value copied last wins.
    """
    lock = threading.RLock()
    copying = False

    def copy(source: traitlets.HasTraits, of: str, target: traitlets.HasTraits, to: str) -> None:
        nonlocal copying
        with lock:
            if copying:  # on this thread: the other trait reports the value that was just copied
                return
            copying = True
            try:
                setattr(target, to, getattr(source, of))
            finally:
                copying = False

    copy(first, name, second, second_name)
    first.observe(lambda _: copy(first, name, second, second_name), name)
    second.observe(lambda _: copy(second, second_name, first, name), second_name)
