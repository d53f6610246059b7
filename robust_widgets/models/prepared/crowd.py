"""Whether others want the processors just now, too."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

THREADS = Path("/proc/self/task")
CROWDED = (
    0.2  # seconds a second that threads wait for a processor; 0.03 where this process is alone, 0.96 beside another
)


class Crowd:
    """Tells how long this process's threads have waited for a processor since this was made.

    Threads that wait for one of them that was sent away take a hundred times as long, by some ways and not by others,
    and that will be otherwise when it is quiet.
    """

    def __init__(self) -> None:
        self._began, self._waited = time.perf_counter(), _waited()

    @property
    def found(self) -> bool:
        """Whether they waited so long that times tell nothing of this machine; no where the system does not say."""
        return _waited() - self._waited > CROWDED * (time.perf_counter() - self._began)


def _waited() -> float:
    """Seconds that the threads of this process have waited so far for a processor to run them; Linux counts them."""
    total = 0
    with suppress(OSError):
        for thread in THREADS.iterdir():
            with suppress(OSError, ValueError, IndexError):  # it may have ended
                total += int((thread / "schedstat").read_text().split()[1])
    return total / 1e9
