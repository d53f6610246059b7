"""What is kept of a training run while it goes on: its steps, thinned, its epochs, and what it had to say."""

from __future__ import annotations

import copy
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
from robust_widgets.widgets.training.eta import Pace

MOST_STEPS = 400


class TrainingRecord:
    """Grows event by event; not safe for several threads at a time.

    Args:
        most_steps: how many steps are kept. Beyond that every second one goes, again and again; the first and the
            newest stay.

    Attributes:
        plan: of the newest start; None before the first.
        epochs: all of them, oldest first, with their pictures.
        notes: all of them, oldest first.
        ended: how the newest start ended; None before the first and while it goes on.
        pace: how fast it goes.
    """

    def __init__(self, most_steps: int = MOST_STEPS) -> None:
        self.plan: TrainingPlan | None = None
        self.epochs: list[TrainingEpoch] = []
        self.notes: list[str] = []
        self.ended: TrainingEnded | None = None
        self.pace = Pace()
        self._most = most_steps
        self._kept: list[TrainingStep] = []
        self._newest: TrainingStep | None = None
        self._stride = 1
        self._waiting = 0

    @property
    def steps(self) -> list[TrainingStep]:
        """At most ``most_steps`` of the steps, oldest first, with the first and the newest."""
        if self._newest is None or (self._kept and self._kept[-1] is self._newest):
            return list(self._kept)
        return [*self._kept, self._newest]

    @property
    def newest(self) -> TrainingStep | None:
        return self._newest

    @property
    def step(self) -> int:
        """Steps done."""
        if self._newest is not None:
            return self._newest.step
        return self.plan.first_step if self.plan is not None else 0

    def take(self, event: TrainingEvent) -> None:
        """One more event, in the order they come."""
        match event:
            case TrainingPlan():
                self.plan, self.ended = event, None
                self._go_back(event.first_step)
                self.pace.begin(event.first_step)
            case TrainingStep():
                self._keep(event)
                self.pace.step(event.step, event.seconds)
            case TrainingEpoch():
                self.epochs.append(event)
                self.pace.epoch(event.step, event.seconds)
            case TrainingNote():
                self.notes.append(event.text)
            case TrainingEnded():
                self.ended = event

    @property
    def seconds_left(self) -> float | None:
        """What the rest of the run will take; None before that can be told."""
        if self.plan is None or self._newest is None:
            return None
        return self.pace.left(self._newest.steps - self.step, self.plan.epochs - len(self.epochs))

    def history(self) -> dict[str, list[dict[str, Any]]]:
        """``{"steps": [...], "epochs": [...]}``: the numbers alone, as rows of a table; accuracies as columns."""
        epochs: list[dict[str, Any]] = [
            {"epoch": one.epoch, "step": one.step, "loss": one.loss, "seconds": one.seconds, **one.accuracies}
            for one in self.epochs
        ]
        return {"steps": [asdict(one) for one in self.steps], "epochs": epochs}

    def copy(self) -> TrainingRecord:
        """As it is now, for another thread to read."""
        other = copy.copy(self)
        other.epochs, other.notes, other._kept = list(self.epochs), list(self.notes), list(self._kept)
        return other

    def _keep(self, step: TrainingStep) -> None:
        self._newest = step
        self._waiting -= 1
        if self._waiting > 0:
            return
        self._kept.append(step)
        if len(self._kept) >= self._most:
            del self._kept[1::2]
            self._stride *= 2
        self._waiting = self._stride

    def _go_back(self, step: int) -> None:
        """What comes after ``step`` will be learned anew: a run that failed goes on from its last checkpoint."""
        self.epochs = [one for one in self.epochs if one.step <= step]
        if self._newest is None or self._newest.step <= step:
            return
        self._kept = [one for one in self._kept if one.step <= step]
        self._newest = self._kept[-1] if self._kept else None
        self._waiting = self._stride if self._kept else 0


def chosen(count: int, most: int) -> list[int]:
    """Which of ``count`` rows are shown: all, or evenly spaced ones and the last, at most ``most``.

    A row that is shown was either shown before or is the newest, so none is sent twice.
    """
    if most < 2:
        raise ValueError(f"At least two rows are shown; most was {most}.")
    stride = 1
    while -(-count // stride) + 1 > most and count > most:
        stride *= 2
    return sorted({*range(0, count, stride), count - 1}) if count else []
