"""What the browser tells of a training monitor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, get_args

from robust_widgets.widgets.watching.events import AckEvent, HelloEvent
from robust_widgets.widgets.watching.events import parse_event as parse_view_event

Action: TypeAlias = Literal["start", "pause", "resume", "stop"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class PressEvent:
    """The person pressed a button."""

    action: Action


MonitorEvent: TypeAlias = HelloEvent | AckEvent | PressEvent


def parse_event(content: object) -> MonitorEvent | None:
    """The event that a message of the browser stands for, or None if the message is malformed."""
    if not isinstance(content, Mapping):
        return None
    message = cast("Mapping[str, object]", content)
    if message.get("kind") == "press":
        return next((PressEvent(action) for action in ACTIONS if action == message.get("action")), None)
    event = parse_view_event(message)
    return event if isinstance(event, HelloEvent | AckEvent) else None
