"""Selects the fastest backend: measures once per model, batch size and machine, and caches the times."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

import torch

from robust_widgets._files import read_cache, write_cache
from robust_widgets._machine import CpuContention, processor_name
from robust_widgets._timing import interleaved

CACHE = "speed"
BATCH_SIZES = (1, 4, 8)  # that backends are measured with
ROUNDS = 5
MORE_ROUNDS = 20
CLOSE = 2.0  # backends within this factor of the fastest get more rounds
SECONDS = 0.3  # no further round starts after this time
LONG = 2.0  # seconds of all first calls, beyond which no others are made
WARM_UP = 0.02  # seconds of calls before a timed one: ONNX Runtime is slower right after torch
MARGIN = 0.95  # a backend must take less than this share of the eager network's time


def batch_size_for(pictures: int) -> int:
    """The one of `BATCH_SIZES` whose choice holds for this number of pictures."""
    single, few, many = BATCH_SIZES
    return single if pictures == single else few if pictures < many else many


def measure(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Milliseconds of each call: the minimum of interleaved calls, because background load only adds to it.

    If the first calls take longer than `LONG`, or other processes compete for the CPU, their times are returned.
    """
    first: dict[str, float] = {}
    contention = CpuContention()
    for name, call in calls.items():
        start = time.perf_counter()
        call()
        first[name] = (time.perf_counter() - start) * 1000
    if sum(first.values()) > LONG * 1000 or contention.detected:
        return first
    times = {name: min(taken) for name, taken in interleaved(calls, ROUNDS, None, SECONDS, WARM_UP).items()}
    close = {name: call for name, call in calls.items() if times[name] <= CLOSE * min(times.values())}
    more = interleaved(close, MORE_ROUNDS, None, SECONDS, WARM_UP)
    return {name: min([taken, *more.get(name, [])]) for name, taken in times.items()}


def fastest(times: dict[str, float], eager: str) -> str:
    """The fastest backend, or the eager network if the gain is within the noise."""
    best = min(times, key=times.__getitem__)
    return best if times[best] < MARGIN * times[eager] else eager


def read_times(fingerprint: str, size: int, batch: int, backends: Collection[str]) -> dict[str, float] | None:
    """Milliseconds per pass of each backend, as measured on this machine; None if they were not.

    Args:
        fingerprint: of the model.
        size: of the pictures, in pixels.
        batch: one of `BATCH_SIZES`.
        backends: all that there are; times measured among others are ignored.
    """
    with suppress(TypeError, ValueError):  # a damaged file
        times = read_cache(CACHE, _key(fingerprint, size, batch, backends)) or {}
        return {name: float(taken) for name, taken in times.items()} or None
    return None


def write_times(fingerprint: str, size: int, batch: int, backends: Collection[str], times: dict[str, float]) -> None:
    """Cache measured times."""
    write_cache(CACHE, _key(fingerprint, size, batch, backends), times)


def _key(fingerprint: str, size: int, batch: int, backends: Collection[str]) -> tuple[str, ...]:
    """What the times depend on."""
    try:
        runtime = version("onnxruntime")
    except PackageNotFoundError:
        runtime = "none"
    work = f"{size} px, batch {batch}, {' '.join(backends)}, warm-up {WARM_UP} s"
    return fingerprint, work, torch.__version__, runtime, processor_name(), f"{torch.get_num_threads()} threads"
