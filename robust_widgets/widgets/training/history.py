"""The history of a training run: losses, accuracies, pictures, throughput and ETA."""

from __future__ import annotations

import copy
import statistics
from collections import deque
from dataclasses import asdict
from typing import Any

from robust_widgets.interface.training_session import (
    TrainingEnded,
    TrainingEpoch,
    TrainingEvent,
    TrainingNote,
    TrainingPlan,
    TrainingStep,
)

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


MAX_STEPS = 400


class TrainingHistory:
    """Collects the events of a run; not thread-safe.

    Args:
        max_steps: steps to keep. Beyond that, every second one is dropped, repeatedly; the first and the newest stay.

    Attributes:
        plan: of the last start; None before the first.
        epochs: all of them, oldest first, with their pictures.
        notes: all of them, oldest first.
        ended: how the last start ended; None before the first start and during a run.
        eta: its throughput and remaining time.
    """

    def __init__(self, max_steps: int = MAX_STEPS) -> None:
        self.plan: TrainingPlan | None = None
        self.epochs: list[TrainingEpoch] = []
        self.notes: list[str] = []
        self.ended: TrainingEnded | None = None
        self.eta = EtaEstimator()
        self._max_steps = max_steps
        self._sampled: list[TrainingStep] = []
        self._newest: TrainingStep | None = None
        self._stride = 1
        self._until_next = 0

    @property
    def steps(self) -> list[TrainingStep]:
        """At most ``max_steps`` of the steps, oldest first, with the first and the newest."""
        if self._newest is None or (self._sampled and self._sampled[-1] is self._newest):
            return list(self._sampled)
        return [*self._sampled, self._newest]

    @property
    def newest(self) -> TrainingStep | None:
        return self._newest

    @property
    def step(self) -> int:
        """Steps done."""
        if self._newest is not None:
            return self._newest.step
        return self.plan.first_step if self.plan is not None else 0

    def add(self, event: TrainingEvent) -> None:
        """Add an event; call it in the order of the events."""
        match event:
            case TrainingPlan():
                self.plan, self.ended = event, None
                self._rewind(event.first_step)
                self.eta.begin(event.first_step)
            case TrainingStep():
                self._sample(event)
                self.eta.step(event.step, event.seconds)
            case TrainingEpoch():
                self.epochs.append(event)
                self.eta.epoch(event.step, event.seconds)
            case TrainingNote():
                self.notes.append(event.text)
            case TrainingEnded():
                self.ended = event

    @property
    def seconds_left(self) -> float | None:
        """Estimated time until the run ends; None until it can be estimated."""
        if self.plan is None or self._newest is None:
            return None
        return self.eta.left(self._newest.steps - self.step, self.plan.epochs - len(self.epochs))

    def table(self) -> dict[str, list[dict[str, Any]]]:
        """``{"steps": [...], "epochs": [...]}``: the numbers only, as rows of a table; accuracies as columns."""
        epochs: list[dict[str, Any]] = [
            {
                "epoch": epoch.epoch,
                "step": epoch.step,
                "loss": epoch.loss,
                "seconds": epoch.seconds,
                **epoch.accuracies,
            }
            for epoch in self.epochs
        ]
        return {"steps": [asdict(step) for step in self.steps], "epochs": epochs}

    def copy(self) -> TrainingHistory:
        """A copy of the current state, for another thread."""
        other = copy.copy(self)
        other.epochs, other.notes, other._sampled = list(self.epochs), list(self.notes), list(self._sampled)
        return other

    def _sample(self, step: TrainingStep) -> None:
        self._newest = step
        self._until_next -= 1
        if self._until_next > 0:
            return
        self._sampled.append(step)
        if len(self._sampled) >= self._max_steps:
            del self._sampled[1::2]
            self._stride *= 2
        self._until_next = self._stride

    def _rewind(self, step: int) -> None:
        """Forget what follows ``step``: a failed run continues from its last checkpoint and repeats it."""
        self.epochs = [epoch for epoch in self.epochs if epoch.step <= step]
        if self._newest is None or self._newest.step <= step:
            return
        self._sampled = [sampled for sampled in self._sampled if sampled.step <= step]
        self._newest = self._sampled[-1] if self._sampled else None
        self._until_next = self._stride if self._sampled else 0


def rows_to_show(count: int, most: int) -> list[int]:
    """Indices of the rows to show, at most ``most``: all, or evenly spaced ones and the last.

    As ``count`` grows, only its newest row is ever added, so no row is sent twice.
    """
    if most < 2:
        raise ValueError(f"At least two rows are needed; most is {most}.")
    stride = 1
    while -(-count // stride) + 1 > most and count > most:
        stride *= 2
    return sorted({*range(0, count, stride), count - 1}) if count else []
