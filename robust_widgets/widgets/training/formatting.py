"""A training run in words."""

from __future__ import annotations

import math

from robust_widgets.interface.training_session import LearningState, TrainingEpoch, TrainingPlan
from robust_widgets.widgets.training.eta import duration, speed
from robust_widgets.widgets.training.history import TrainingRecord

MOST_NAMES = 6
STATES: dict[LearningState, str] = {
    "idle": "not started",
    "reading": "reading the pictures",
    "running": "training",
    "paused": "paused",
    "done": "done",
    "stopped": "stopped",
    "failed": "failed",
}


def about(plan: TrainingPlan) -> str:
    """What is trained, on one line."""
    names = ", ".join(plan.classes[:MOST_NAMES]) + (", ..." if len(plan.classes) > MOST_NAMES else "")
    parts = [f"{_count(len(plan.classes), 'class', 'classes')} ({names})", f"{_count(plan.pictures, 'picture')}"]
    return " · ".join([*parts, *filter(None, [plan.description]), f"writes {plan.out}" if plan.out else "no file"])


def progress(record: TrainingRecord, state: LearningState) -> str:
    """How far it is, how fast it goes and what is left."""
    plan, newest = record.plan, record.newest
    if plan is None:
        return ""
    steps = newest.steps if newest is not None else plan.steps
    parts = [f"step {record.step:,} of {steps:,}"]
    if newest is not None:
        parts.append(f"epoch {newest.epoch} of {plan.epochs}")
    each, left = record.pace.step_seconds, record.seconds_left
    if each is not None and state == "running":
        parts.append(speed(each))
    if record.pace.elapsed:
        parts.append(f"{duration(record.pace.elapsed)} so far")
    if left is not None and state in ("running", "paused") and record.step < steps:
        parts.append(f"about {duration(left)} left")
    return " · ".join(parts)


def told(epoch: TrainingEpoch) -> str:
    """An epoch's figures in one sentence."""
    figures = [f"loss {number(epoch.loss)}", *(f"{name} {percent(share)}" for name, share in epoch.accuracies.items())]
    return f"Epoch {epoch.epoch} of {epoch.epochs}: {', '.join(figures)}."


def number(value: float) -> str:
    """Three digits."""
    return f"{value:.3g}" if math.isfinite(value) else "not a number"


def percent(share: float) -> str:
    """A share in [0, 1] in per cent."""
    return f"{share:.0%}".replace("%", " %") if math.isfinite(share) else "unknown"


def _count(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
