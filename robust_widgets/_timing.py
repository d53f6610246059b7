"""Timing several ways to do the same, in turn, so that whatever else the machine does meanwhile falls on all alike."""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar


def interleaved(
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


Way = TypeVar("Way", bound=Hashable)


class OnlineSelector(Generic[Way]):
    """Which of several ways to do the same comes next: the fastest of late, and now and then another.

    What is fastest may change while it goes on, when somebody else begins to use the machine or stops.

    Args:
        ways: at least one.
        remembered: a way's latest times that count, by their median, so that one that was held up counts little.
        again: after so many turns another way is tried once more.
    """

    def __init__(self, ways: Sequence[Way], remembered: int = 5, again: int = 32) -> None:
        self._times: dict[Way, deque[float]] = {way: deque(maxlen=remembered) for way in ways}
        self._again = again
        self._turns = 0

    @property
    def fastest(self) -> Way:
        """The fastest of late; of those that have no time yet, the first."""
        return min(self._times, key=lambda way: statistics.median(self._times[way] or (0.0,)))

    def next(self) -> Way:
        """Whose turn it is."""
        self._turns += 1
        least = min(self._times, key=lambda way: len(self._times[way]))
        if not self._full(least):
            return least
        if self._turns % self._again:
            return self.fastest
        others = [way for way in self._times if way != self.fastest]
        return others[self._turns // self._again % len(others)] if others else self.fastest

    def took(self, way: Way, seconds: float) -> None:
        """Say how long its turn took."""
        self._times[way].append(seconds)

    def _full(self, way: Way) -> bool:
        return len(self._times[way]) == self._times[way].maxlen
