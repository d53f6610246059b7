"""Which way of running a model is the fastest on this machine: measured once, and kept.

With one picture, what is done around the arithmetic counts; with many, the arithmetic itself. So each has a choice.
"""

from __future__ import annotations

import platform
import statistics
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from robust_widgets.cache import keep, kept
from robust_widgets.timing import in_turn

KIND = "speed"
ROUNDS = 5
SECONDS = 1.0  # a crowded machine, or a large network, gets fewer rounds
ONE, MANY = "one picture", "many pictures"
MANY_FROM = 4  # pictures at once; below, one picture's way is taken
MARGIN = 0.95  # another way must take less than this share of the network's own time


def batch_of(count: int) -> str:
    """Which choice holds for this many pictures, ``ONE`` or ``MANY``."""
    return ONE if count < MANY_FROM else MANY


def pictures_to_measure(batch: str, milliseconds: float, ways: int) -> int:
    """How many pictures a choice is measured with.

    Args:
        batch: ``ONE`` or ``MANY``.
        milliseconds: of one picture's way forth and back through the network as it is.
        ways: how many there are to choose from.

    Returns:
        1; or 8, and fewer where the two rounds that are made at least would take far longer than a second.
    """
    if batch == ONE:
        return 1
    return next((count for count in (8, 4) if 2 * ways * count * milliseconds < 2000 * SECONDS), 2)


def kept_times(fingerprint: str, batch: str) -> dict[str, float] | None:
    """Milliseconds a picture of each way, as they were measured on this machine; None where they were not."""
    with suppress(TypeError, ValueError):  # of a damaged file
        return {name: float(taken) for name, taken in (kept(KIND, _key(fingerprint, batch)) or {}).items()} or None
    return None


def measure(ways: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Milliseconds a call of each way, medians of calls in turn, after one that does not count."""
    return {name: statistics.median(taken) for name, taken in in_turn(ways, rounds, seconds=SECONDS).items()}


def keep_times(fingerprint: str, batch: str, times: dict[str, float]) -> None:
    """Keep what was measured; where that cannot be written it is measured anew next time."""
    keep(KIND, _key(fingerprint, batch), times)


def fastest(times: dict[str, float], own: str) -> str:
    """The way that takes least, or the network's own where the gain is within the noise."""
    best = min(times, key=times.__getitem__)
    return best if times[best] < MARGIN * times[own] else own


def _key(fingerprint: str, batch: str) -> tuple[str, ...]:
    """What the times depend on."""
    try:
        runtime = version("onnxruntime")
    except PackageNotFoundError:
        runtime = "none"
    return fingerprint, batch, torch.__version__, runtime, _processor(), f"{torch.get_num_threads()} threads"


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
