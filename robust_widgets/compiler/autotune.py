"""Whether others want the processors just now, too."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from robust_widgets._files import read_cache, write_cache
from robust_widgets._timing import interleaved

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


KIND = "speed"
ROUNDS = 5
MORE_ROUNDS = 20
NEAR = 2.0  # ways that take up to so many times the least get more rounds
SECONDS = 0.3  # a crowded machine gets fewer rounds
LONG = 2.0  # seconds
SIZES = (1, 4, 8)  # pictures at once that the ways are measured with
SETTLING = 0.02  # seconds of a way before the call that counts: right behind torch, ONNX Runtime takes longer
MARGIN = 0.95  # another way must take less than this share of the network's own time


def size_of(pictures: int) -> int:
    """The one of `SIZES` whose choice holds for so many pictures at once."""
    return SIZES[0] if pictures == 1 else SIZES[1] if pictures < SIZES[2] else SIZES[2]


def kept_times(fingerprint: str, side: int, size: int, ways: Collection[str] = ()) -> dict[str, float] | None:
    """Milliseconds a pass of each way, as they were measured on this machine; None where they were not.

    Args:
        fingerprint: of the model.
        side: of the pictures, in pixels.
        size: one of `SIZES`.
        ways: all that there are; what was measured among others counts for nothing.
    """
    with suppress(TypeError, ValueError):  # of a damaged file
        found = read_cache(KIND, _key(fingerprint, side, size, ways)) or {}
        return {name: float(taken) for name, taken in found.items()} or None
    return None


def measure(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Milliseconds a call of each way: the least of calls in turn, or the first calls where those take `LONG`.

    The first calls, too, where others want the processors: then each may take a hundred times as long.

    The least, because whatever else the machine does just now only adds to it, and the choice is kept; those that are
    near the fastest get more rounds for the same reason.
    """
    first: dict[str, float] = {}
    crowd = Crowd()
    for name, way in ways.items():
        began = time.perf_counter()
        way()
        first[name] = (time.perf_counter() - began) * 1000
    if sum(first.values()) > LONG * 1000 or crowd.found:
        return first
    times = {name: min(taken) for name, taken in interleaved(ways, ROUNDS, None, SECONDS, SETTLING).items()}
    near = {name: way for name, way in ways.items() if times[name] <= NEAR * min(times.values())}
    again = interleaved(near, MORE_ROUNDS, None, SECONDS, SETTLING)
    return {name: min([taken, *again.get(name, [])]) for name, taken in times.items()}


def keep_times(fingerprint: str, side: int, size: int, times: dict[str, float], ways: Collection[str] = ()) -> None:
    """Keep what was measured; where that cannot be written it is measured anew next time."""
    write_cache(KIND, _key(fingerprint, side, size, ways), times)


def fastest(times: dict[str, float], own: str) -> str:
    """The way that takes least, or the network's own where the gain is within the noise."""
    best = min(times, key=times.__getitem__)
    return best if times[best] < MARGIN * times[own] else own


def _key(fingerprint: str, side: int, size: int, ways: Collection[str]) -> tuple[str, ...]:
    """What the times depend on."""
    try:
        runtime = version("onnxruntime")
    except PackageNotFoundError:
        runtime = "none"
    work = f"{side} px, {size} at once, {' '.join(ways)}, {SETTLING} s before"
    return fingerprint, work, torch.__version__, runtime, processor_name(), f"{torch.get_num_threads()} threads"


def processor_name() -> str:
    """The name of this machine's processor."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
