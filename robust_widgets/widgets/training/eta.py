"""Throughput and ETA of a training run."""

from __future__ import annotations

import statistics
from collections import deque

RECENT_STEPS = 60
MIN_STEPS = 3


class EtaEstimator:
    """Estimates the remaining time from the durations of steps and epochs.

    It uses the median of recent steps, so a slow start or a suspended machine has no lasting effect. The time between
    epochs (painting, evaluation) is counted separately, so the estimate does not jump there.

    Attributes:
        elapsed: seconds over all starts, without pauses.
    """

    def __init__(self) -> None:
        self.elapsed = 0.0
        self._steps: deque[float] = deque(maxlen=RECENT_STEPS)
        self._between = 0.0
        self._last: tuple[int, float] | None = None
        # Seconds since the last step of an epoch; None within an epoch.
        self._pending: float | None = None

    def begin(self, step: int) -> None:
        """A run begins, or continues from ``step``; its seconds count from 0."""
        self._steps.clear()
        self._last, self._pending = (step, 0.0), None

    def pause(self) -> None:
        """A pause begins or ends: ignore the time until the next step."""
        self._last = self._pending = None

    def step(self, step: int, seconds: float) -> None:
        """``step`` steps are done, ``seconds`` after the start."""
        elapsed, count = self._advance(step, seconds)
        if count and self._pending is not None:
            # The epoch may be reported before or after its evaluation; the next step includes it in any case.
            self._between = self._pending + max(0.0, elapsed - count * (self.step_seconds or 0.0))
            self._pending = None
        elif count:
            self._steps.append(elapsed / count)

    def epoch(self, step: int, seconds: float) -> None:
        """An epoch is done, ``seconds`` after the start."""
        self._pending = self._advance(step, seconds)[0]

    def _advance(self, step: int, seconds: float) -> tuple[float, int]:
        """Seconds and steps since the last event; zeros if unknown."""
        before, self._last = self._last, (step, seconds)
        if before is None:
            return 0.0, 0
        elapsed = max(0.0, seconds - before[1])
        self.elapsed += elapsed
        return elapsed, max(0, step - before[0])

    @property
    def step_seconds(self) -> float | None:
        """Seconds per step; None until enough steps are known."""
        return statistics.median(self._steps) if len(self._steps) >= MIN_STEPS else None

    def left(self, steps: int, epochs: int) -> float | None:
        """Estimated seconds for this many steps and ends of epochs; None until enough steps are known."""
        each = self.step_seconds
        return None if each is None else each * steps + self._between * epochs
