"""What the browser tells of a training monitor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast, get_args

import anywidget
import numpy as np
import traitlets as t

from robust_widgets._bundled import STATIC
from robust_widgets.interface.training_session import TrainingEpoch
from robust_widgets.pictures import Pixels
from robust_widgets.runs.playback import evenly, finite, jpeg
from robust_widgets.widgets.player.events import AckEvent, HelloEvent
from robust_widgets.widgets.player.events import parse_event as parse_view_event
from robust_widgets.widgets.training.history import TrainingRecord, chosen

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


MOST_ROWS = 16
MOST_PICTURES = 12
MOST_POINTS = 300
SIDE = 128
QUALITY = 90


class Gallery:
    """Knows which rows of pictures the browser has."""

    def __init__(self) -> None:
        self._sent: dict[int, TrainingEpoch] = {}

    def forget(self) -> None:
        """The browser has none."""
        self._sent.clear()

    def message(self, epochs: Iterable[TrainingEpoch]) -> tuple[dict[str, Any], list[bytes]]:
        """The rows to show, and the pictures of those that the browser has not got."""
        painted = [one for one in epochs if one.pictures is not None and len(one.pictures)]
        rows = [painted[index] for index in chosen(len(painted), MOST_ROWS)]
        fresh = [one for one in rows if id(one) not in self._sent]
        self._sent = {id(one): one for one in rows}
        files = [[jpeg(picture[None], QUALITY, SIDE) for picture in shown(one)] for one in fresh]
        content = {
            "rows": [{"epoch": one.epoch, "labels": list(one.labels[:MOST_PICTURES])} for one in rows],
            "fresh": [{"epoch": one.epoch, "count": len(row)} for one, row in zip(fresh, files, strict=True)],
            "left_out": len(painted) - len(rows),
        }
        return content, [file for row in files for file in row]


def shown(epoch: TrainingEpoch) -> Pixels:
    """The pictures of an epoch that are shown."""
    return epoch.pictures[:MOST_PICTURES] if epoch.pictures is not None else np.zeros((0, 1, 1, 3), np.uint8)


def loss_curve(record: TrainingRecord) -> dict[str, list[Any]]:
    """The loss by step."""
    steps = record.steps
    steps = [steps[index] for index in evenly(len(steps), MOST_POINTS)] if steps else []
    return {
        "steps": [one.step for one in steps],
        "epochs": [one.epoch for one in steps],
        "values": [finite(one.loss, 4) for one in steps],
    }


def accuracy_curves(record: TrainingRecord) -> dict[str, list[Any]]:
    """The accuracies by epoch; None where an epoch has none of this name."""
    epochs = [one for one in record.epochs if one.accuracies]
    epochs = [epochs[index] for index in evenly(len(epochs), MOST_POINTS)] if epochs else []
    names = list(dict.fromkeys(name for one in epochs for name in one.accuracies))
    return {
        "steps": [one.step for one in epochs],
        "epochs": [one.epoch for one in epochs],
        "series": [{"name": name, "values": [finite(one.accuracies.get(name), 4) for one in epochs]} for name in names],
    }


class MonitorView(anywidget.AnyWidget):
    """Heading, buttons, progress, curves and pictures of a training run.

    Attributes:
        label: what a screen reader calls it.
    """

    _esm = STATIC / "training.js"
    _css = STATIC / "training.css"

    label = t.Unicode("Training monitor").tag(sync=True)
