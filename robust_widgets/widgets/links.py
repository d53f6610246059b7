"""Two traits that are kept equal, whichever changes, on whatever thread.

JupyterLab may hand a kernel's messages to two threads at a time; `traitlets.link` then finds a trait changed while it
copies, and raises.
"""

from __future__ import annotations

import threading

import traitlets


def thread_safe_link(first: traitlets.HasTraits, name: str, second: traitlets.HasTraits, second_name: str) -> None:
    """Give the second trait the first one's value, and from now on each the other's.

    Where both change at once, the one that is copied last counts, and both have its value.
    """
    lock = threading.RLock()
    copying = False

    def copy(source: traitlets.HasTraits, of: str, target: traitlets.HasTraits, to: str) -> None:
        nonlocal copying
        with lock:
            if copying:  # by this very thread: the other trait tells that it was given the value
                return
            copying = True
            try:
                setattr(target, to, getattr(source, of))
            finally:
                copying = False

    copy(first, name, second, second_name)
    first.observe(lambda _: copy(first, name, second, second_name), name)
    second.observe(lambda _: copy(second, second_name, first, name), second_name)
