"""The machine this process runs on: its processor, who else uses it, and memory given back to the system."""

from __future__ import annotations

import ctypes
import gc
import platform
import sys
import time
from contextlib import suppress
from pathlib import Path

THREADS = Path("/proc/self/task")
CONTENTION = 0.2  # waiting seconds per second; 0.03 were measured alone, 0.96 next to another busy process


class CpuContention:
    """Detects whether other processes compete for the CPU, from the time that this process's threads wait for it.

    One waiting thread can slow a parallel operation a hundredfold, in some backends and not in others.
    """

    def __init__(self) -> None:
        self._start, self._waited = time.perf_counter(), _waiting_seconds()

    @property
    def detected(self) -> bool:
        """Whether threads waited too long for times to describe this machine; False where the system can't tell."""
        return _waiting_seconds() - self._waited > CONTENTION * (time.perf_counter() - self._start)


def _waiting_seconds() -> float:
    """Seconds that this process's threads have waited for a CPU, which Linux counts."""
    total = 0
    with suppress(OSError):
        for thread in THREADS.iterdir():
            with suppress(OSError, ValueError, IndexError):  # the thread may have ended
                total += int((thread / "schedstat").read_text().split()[1])
    return total / 1e9


def processor_name() -> str:
    """The name of this machine's processor."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def trim_heap() -> None:
    """Return freed memory to the system; after three traces glibc held on to 200 MB."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
