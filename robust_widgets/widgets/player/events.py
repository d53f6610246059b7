"""What the browser tells of a view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard, cast


@dataclass(frozen=True)
class HelloEvent:
    """A browser shows the view, for the first time or again: send the last record, or begin if a run is going on."""


@dataclass(frozen=True)
class AckEvent:
    """The browser has painted frame ``sequence``, and painted or skipped all before it."""

    sequence: int


@dataclass(frozen=True)
class StepEvent:
    """The person has stopped scrubbing at ``step``."""

    step: int


@dataclass(frozen=True)
class BranchEvent:
    """The person wants a new run from ``step`` of the one that is shown."""

    step: int


@dataclass(frozen=True)
class HeatEvent:
    """The person wants to see the gradient's size, or no more."""

    on: bool


@dataclass(frozen=True)
class ShowEvent:
    """The person goes back to a run of the history."""

    index: int


@dataclass(frozen=True)
class SettledEvent:
    """The browser was asked by `View.settle`, and has sent the values that it held back before."""

    press: int


ViewEvent: TypeAlias = HelloEvent | AckEvent | StepEvent | BranchEvent | HeatEvent | ShowEvent | SettledEvent
COUNTED = {
    "ack": ("sequence", AckEvent),
    "step": ("step", StepEvent),
    "branch": ("step", BranchEvent),
    "show": ("index", ShowEvent),
    "settled": ("press", SettledEvent),
}


def parse_event(content: object) -> ViewEvent | None:
    """The event that a message of the browser stands for, or None if the message is malformed."""
    if not isinstance(content, Mapping):
        return None
    message = cast("Mapping[str, object]", content)
    kind = message.get("kind")
    if kind == "hello":
        return HelloEvent()
    if kind == "heat":
        on = message.get("on")
        return HeatEvent(on) if isinstance(on, bool) else None
    if not isinstance(kind, str) or kind not in COUNTED:
        return None
    field, event = COUNTED[kind]
    value = message.get(field)
    return event(value) if _is_count(value) else None


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
