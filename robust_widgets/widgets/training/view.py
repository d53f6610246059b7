"""The training monitor's view: its events, and what is sent of curves and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import traitlets as t

from robust_widgets.interface.training_session import TrainingEpoch
from robust_widgets.pictures import Pixels
from robust_widgets.runs.playback import evenly, finite, jpeg
from robust_widgets.widgets.page_widget import STATIC, AckEvent, HelloEvent, Message, PageWidget, is_count
from robust_widgets.widgets.training.history import TrainingHistory, rows_to_show

Action: TypeAlias = Literal["start", "pause", "resume", "stop"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class PressEvent:
    """The user pressed a button."""

    action: Action


MonitorEvent: TypeAlias = HelloEvent | AckEvent | PressEvent


def parse_event(message: Message) -> MonitorEvent | None:
    """The event of a message, or None if the message is malformed."""
    match message.get("kind"):
        case "hello":
            return HelloEvent()
        case "ack":
            sequence = message.get("sequence")
            return AckEvent(sequence) if is_count(sequence) else None
        case "press":
            return next((PressEvent(action) for action in ACTIONS if action == message.get("action")), None)
        case _:
            return None


MAX_ROWS = 16
MAX_PICTURES = 12
MAX_POINTS = 300
PICTURE_SIZE = 128
QUALITY = 90


class SentPictures:
    """Remembers which rows of pictures the page has."""

    def __init__(self) -> None:
        self._sent: dict[int, TrainingEpoch] = {}

    def forget(self) -> None:
        """The page has none."""
        self._sent.clear()

    def message(self, epochs: Iterable[TrainingEpoch]) -> tuple[dict[str, Any], list[bytes]]:
        """The rows to show, and the pictures of those that the page does not have."""
        painted = [epoch for epoch in epochs if epoch.pictures is not None and len(epoch.pictures)]
        rows = [painted[index] for index in rows_to_show(len(painted), MAX_ROWS)]
        fresh = [epoch for epoch in rows if id(epoch) not in self._sent]
        self._sent = {id(epoch): epoch for epoch in rows}
        files = [[jpeg(picture[None], QUALITY, PICTURE_SIZE) for picture in first_pictures(epoch)] for epoch in fresh]
        content = {
            "rows": [{"epoch": epoch.epoch, "labels": list(epoch.labels[:MAX_PICTURES])} for epoch in rows],
            "fresh": [{"epoch": epoch.epoch, "count": len(row)} for epoch, row in zip(fresh, files, strict=True)],
            "left_out": len(painted) - len(rows),
        }
        return content, [file for row in files for file in row]


def first_pictures(epoch: TrainingEpoch) -> Pixels:
    """The pictures of an epoch that are shown."""
    return epoch.pictures[:MAX_PICTURES] if epoch.pictures is not None else np.zeros((0, 1, 1, 3), np.uint8)


def loss_curve(history: TrainingHistory) -> dict[str, list[Any]]:
    """The loss by step."""
    steps = history.steps
    steps = [steps[index] for index in evenly(len(steps), MAX_POINTS)] if steps else []
    return {
        "steps": [step.step for step in steps],
        "epochs": [step.epoch for step in steps],
        "values": [finite(step.loss, 4) for step in steps],
    }


def accuracy_curves(history: TrainingHistory) -> dict[str, list[Any]]:
    """The accuracies by epoch; None where an epoch lacks one."""
    epochs = [epoch for epoch in history.epochs if epoch.accuracies]
    epochs = [epochs[index] for index in evenly(len(epochs), MAX_POINTS)] if epochs else []
    names = list(dict.fromkeys(name for epoch in epochs for name in epoch.accuracies))
    return {
        "steps": [epoch.step for epoch in epochs],
        "epochs": [epoch.epoch for epoch in epochs],
        "series": [
            {"name": name, "values": [finite(epoch.accuracies.get(name), 4) for epoch in epochs]} for name in names
        ],
    }


class MonitorView(PageWidget[MonitorEvent]):
    """Heading, buttons, progress, curves and pictures of a training run.

    Attributes:
        label: name for screen readers.
    """

    _esm = STATIC / "training.js"
    _css = STATIC / "training.css"

    label = t.Unicode("Training monitor").tag(sync=True)

    def parse(self, message: Message, buffers: Sequence[Any]) -> MonitorEvent | None:
        del buffers
        return parse_event(message)
