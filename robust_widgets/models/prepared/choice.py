"""Which way of running a model is the fastest on this machine: measured once, and kept."""

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
SECONDS = 1.0  # a crowded machine gets fewer rounds
MARGIN = 0.95  # another way must take less than this share of the network's own time


def kept_times(fingerprint: str) -> dict[str, float] | None:
    """Milliseconds a pass of each way, as they were measured on this machine; None where they were not."""
    with suppress(TypeError, ValueError):  # of a damaged file
        return {name: float(taken) for name, taken in (kept(KIND, _key(fingerprint)) or {}).items()} or None
    return None


def measure(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Milliseconds a call of each way, medians of calls in turn, after one that does not count."""
    return {name: statistics.median(taken) for name, taken in in_turn(ways, ROUNDS, seconds=SECONDS).items()}


def keep_times(fingerprint: str, times: dict[str, float]) -> None:
    """Keep what was measured; where that cannot be written it is measured anew next time."""
    keep(KIND, _key(fingerprint), times)


def fastest(times: dict[str, float], own: str) -> str:
    """The way that takes least, or the network's own where the gain is within the noise."""
    best = min(times, key=times.__getitem__)
    return best if times[best] < MARGIN * times[own] else own


def _key(fingerprint: str) -> tuple[str, ...]:
    """What the times depend on."""
    try:
        runtime = version("onnxruntime")
    except PackageNotFoundError:
        runtime = "none"
    return fingerprint, torch.__version__, runtime, _processor(), f"{torch.get_num_threads()} threads"


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
