"""What a server has done, counted."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

RECENT = 5.0  # seconds that count as now


class Statistics:
    """Counts the work of a batcher.

    Args:
        clock: seconds, growing.

    Attributes:
        frames: made and sent.
        steps: taken, each of one or more runs.
        runs_in_steps: how many runs took part in them, all together.
        step_seconds: how long they took, all together.
        ends: the runs that ended, by state.
        halved: how often the memory ran out and steps were made smaller.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.frames = self.steps = self.runs_in_steps = self.halved = 0
        self.step_seconds = 0.0
        self.ends: Counter[str] = Counter()
        self._clock = clock
        self._recent: deque[float] = deque()

    def step(self, runs: int, seconds: float) -> None:
        """A step of some runs was taken."""
        self.steps += 1
        self.runs_in_steps += runs
        self.step_seconds += seconds

    def frame(self, now: float) -> None:
        """A frame was made."""
        self.frames += 1
        self._recent.append(now)
        while self._recent[0] < now - RECENT:
            self._recent.popleft()

    def ended(self, state: str) -> None:
        """A run ended."""
        self.ends[state] += 1

    @property
    def frames_per_second(self) -> float:
        """Over the last five seconds."""
        now = self._clock()
        return sum(when > now - RECENT for when in tuple(self._recent)) / RECENT
