"""How fast a training run goes and how long it will still take, in numbers and in words."""

from __future__ import annotations

import statistics
from collections import deque

RECENT = 60
FEWEST = 3
MINUTE, HOUR, DAY = 60, 3600, 86400


class Pace:
    """Learns from what steps and epochs took.

    The median of recent steps counts, so that neither a slow start nor a machine that slept leaves a trace, and what
    comes between the epochs (painting, evaluating) is counted apart, so that the estimate does not jump there.

    Attributes:
        elapsed: seconds spent, over all starts, without pauses.
    """

    def __init__(self) -> None:
        self.elapsed = 0.0
        self._steps: deque[float] = deque(maxlen=RECENT)
        self._between = 0.0
        self._last: tuple[int, float] | None = None
        # What has passed since the last step of an epoch; None within an epoch.
        self._pending: float | None = None

    def begin(self, step: int) -> None:
        """A run begins, or goes on from ``step``; its seconds count from 0."""
        self._steps.clear()
        self._last, self._pending = (step, 0.0), None

    def hold(self) -> None:
        """What passes until the next step counts for nothing: a pause begins or ends."""
        self._last = self._pending = None

    def step(self, step: int, seconds: float) -> None:
        """``step`` steps are done, ``seconds`` after the begin."""
        passed, count = self._pass(step, seconds)
        if count and self._pending is not None:
            # An epoch may be told before or after what is done at its end; the next step shows it at the latest.
            self._between = self._pending + max(0.0, passed - count * (self.step_seconds or 0.0))
            self._pending = None
        elif count:
            self._steps.append(passed / count)

    def epoch(self, step: int, seconds: float) -> None:
        """An epoch is done, ``seconds`` after the begin."""
        self._pending = self._pass(step, seconds)[0]

    def _pass(self, step: int, seconds: float) -> tuple[float, int]:
        """Seconds and steps since the last event; none where that is not known."""
        before, self._last = self._last, (step, seconds)
        if before is None:
            return 0.0, 0
        passed = max(0.0, seconds - before[1])
        self.elapsed += passed
        return passed, max(0, step - before[0])

    @property
    def step_seconds(self) -> float | None:
        """What a step takes; None before enough of them are known."""
        return statistics.median(self._steps) if len(self._steps) >= FEWEST else None

    def left(self, steps: int, epochs: int) -> float | None:
        """Seconds that so many steps and ends of epochs will take; None before enough steps are known."""
        each = self.step_seconds
        return None if each is None else each * steps + self._between * epochs


def duration(seconds: float) -> str:
    """Seconds in words, no finer than one wants to know."""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < 10 * MINUTE:
        return _two(whole, MINUTE, "min", 1, "s")
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    return _two(whole, HOUR, "h", MINUTE, "min") if whole < DAY else _two(whole, DAY, "d", HOUR, "h")


def speed(step_seconds: float) -> str:
    """What a step takes, as steps a second where that is at least one."""
    if step_seconds > 1:
        return f"{step_seconds:.1f} s a step"
    rate = 1 / max(step_seconds, 1e-6)
    return f"{rate:.1f} steps/s" if rate < 10 else f"{rate:,.0f} steps/s"


def _two(whole: int, large: int, large_name: str, small: int, small_name: str) -> str:
    rest = whole % large // small
    return f"{whole // large} {large_name}" + (f" {rest} {small_name}" if rest else "")
