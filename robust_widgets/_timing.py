"""Interleaved timing of alternatives, so that background load hits all of them equally."""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar


def interleaved(
    calls: Mapping[str, Callable[[], object]],
    rounds: int,
    wait: Callable[[], object] | None = None,
    seconds: float = math.inf,
    warm_up: float = 0,
) -> dict[str, list[float]]:
    """Time each call once a round, in milliseconds, after an untimed round.

    Args:
        calls: what to time, by name.
        rounds: number of timed rounds, at least one.
        wait: called after each call; waits for an asynchronous device.
        seconds: no further round starts after this time, except the first timed one.
        warm_up: seconds of untimed calls before each timed one. Threads of another library still spin after the
            previous call, and would slow the timed one.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    end = time.perf_counter() + seconds
    for round_number in range(rounds + 1):
        if round_number > 1 and time.perf_counter() > end:
            break
        for name, call in calls.items():
            warm = time.perf_counter() + warm_up
            while time.perf_counter() < warm:
                call()
            start = time.perf_counter()
            call()
            if wait is not None:
                wait()
            if round_number:
                times[name].append((time.perf_counter() - start) * 1000)
    return times


Option = TypeVar("Option", bound=Hashable)


class OnlineSelector(Generic[Option]):
    """Selects the fastest of several alternatives while they are used, and retries the others now and then.

    The fastest one may change during a run, when other processes start or stop using the machine.

    Args:
        options: the alternatives, at least one.
        remembered: number of latest times per option; their median counts, so that single outliers do not.
        retry_every: number of turns after which another option is retried.
    """

    def __init__(self, options: Sequence[Option], remembered: int = 5, retry_every: int = 32) -> None:
        self._times: dict[Option, deque[float]] = {option: deque(maxlen=remembered) for option in options}
        self._retry_every = retry_every
        self._turns = 0

    @property
    def fastest(self) -> Option:
        """The option with the lowest recent median; the first untimed one, if any."""
        return min(self._times, key=lambda option: statistics.median(self._times[option] or (0.0,)))

    def next(self) -> Option:
        """The option to use next."""
        self._turns += 1
        least = min(self._times, key=lambda option: len(self._times[option]))
        if not self._full(least):
            return least
        if self._turns % self._retry_every:
            return self.fastest
        others = [option for option in self._times if option != self.fastest]
        return others[self._turns // self._retry_every % len(others)] if others else self.fastest

    def record(self, option: Option, seconds: float) -> None:
        """Record how long an option took, in seconds."""
        self._times[option].append(seconds)

    def _full(self, option: Option) -> bool:
        return len(self._times[option]) == self._times[option].maxlen
