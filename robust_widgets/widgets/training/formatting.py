"""Text about a training run: progress, epochs, durations."""

from __future__ import annotations

import math

from robust_widgets.interface.training_session import LearningState, TrainingEpoch, TrainingPlan
from robust_widgets.widgets.training.history import TrainingHistory

MAX_CLASS_NAMES = 6
MINUTE, HOUR, DAY = 60, 3600, 86400
STATES: dict[LearningState, str] = {
    "idle": "not started",
    "reading": "reading the pictures",
    "running": "training",
    "paused": "paused",
    "done": "done",
    "stopped": "stopped",
    "failed": "failed",
}


def describe(plan: TrainingPlan) -> str:
    """What is trained, on one line."""
    names = ", ".join(plan.classes[:MAX_CLASS_NAMES]) + (", ..." if len(plan.classes) > MAX_CLASS_NAMES else "")
    parts = [f"{_count(len(plan.classes), 'class', 'classes')} ({names})", f"{_count(plan.pictures, 'picture')}"]
    return " · ".join([*parts, *filter(None, [plan.description]), f"writes {plan.out}" if plan.out else "no file"])


def progress(history: TrainingHistory, state: LearningState) -> str:
    """Steps and epochs done, throughput, and time left."""
    plan, newest = history.plan, history.newest
    if plan is None:
        return ""
    steps = newest.steps if newest is not None else plan.steps
    parts = [f"step {history.step:,} of {steps:,}"]
    if newest is not None:
        parts.append(f"epoch {newest.epoch} of {plan.epochs}")
    each, left = history.eta.step_seconds, history.seconds_left
    if each is not None and state == "running":
        parts.append(speed(each))
    if history.eta.elapsed:
        parts.append(f"{duration(history.eta.elapsed)} so far")
    if left is not None and state in ("running", "paused") and history.step < steps:
        parts.append(f"about {duration(left)} left")
    return " · ".join(parts)


def epoch_sentence(epoch: TrainingEpoch) -> str:
    """The loss and accuracies of an epoch, in one sentence."""
    figures = [f"loss {number(epoch.loss)}", *(f"{name} {percent(share)}" for name, share in epoch.accuracies.items())]
    return f"Epoch {epoch.epoch} of {epoch.epochs}: {', '.join(figures)}."


def number(value: float) -> str:
    """Three significant digits."""
    return f"{value:.3g}" if math.isfinite(value) else "not a number"


def percent(fraction: float) -> str:
    """A fraction in [0, 1] as a percentage."""
    return f"{fraction:.0%}".replace("%", " %") if math.isfinite(fraction) else "unknown"


def duration(seconds: float) -> str:
    """Seconds in words, rounded to a useful precision."""
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < 10 * MINUTE:
        return _two(whole, MINUTE, "min", 1, "s")
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    return _two(whole, HOUR, "h", MINUTE, "min") if whole < DAY else _two(whole, DAY, "d", HOUR, "h")


def speed(step_seconds: float) -> str:
    """Throughput: steps per second, or seconds per step if that is more than one."""
    if step_seconds > 1:
        return f"{step_seconds:.1f} s/step"
    rate = 1 / max(step_seconds, 1e-6)
    return f"{rate:.1f} steps/s" if rate < 10 else f"{rate:,.0f} steps/s"


def _two(whole: int, large: int, large_name: str, small: int, small_name: str) -> str:
    rest = whole % large // small
    return f"{whole // large} {large_name}" + (f" {rest} {small_name}" if rest else "")


def _count(count: int, singular: str, plural: str = "") -> str:
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
