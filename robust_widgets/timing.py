"""Timing several ways to do the same, in turn, so that whatever else the machine does meanwhile falls on all alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping


def in_turn(
    ways: Mapping[str, Callable[[], object]],
    rounds: int,
    wait: Callable[[], object] | None = None,
    seconds: float = math.inf,
    settling: float = 0,
) -> dict[str, list[float]]:
    """Milliseconds of each way in each round, after a round that does not count.

    Args:
        ways: what to time, by name.
        rounds: how many times each, at least one.
        wait: called after each way, for a device that works on after the host has gone on.
        seconds: after so many no further round begins, but for the first that counts.
        settling: seconds for which a way is called in its turn before the call that counts. Threads of another library
            that still spin, in wait for more of the way before, take the processor from it.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    end = time.perf_counter() + seconds
    for round_number in range(rounds + 1):
        if round_number > 1 and time.perf_counter() > end:
            break
        for name, way in ways.items():
            settled = time.perf_counter() + settling
            while time.perf_counter() < settled:
                way()
            began = time.perf_counter()
            way()
            if wait is not None:
                wait()
            if round_number:
                times[name].append((time.perf_counter() - began) * 1000)
    return times
