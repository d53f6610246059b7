"""What the browser is told of a training run: all of it but for the pictures, which are sent once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from robust_widgets.learning import TrainingEpoch
from robust_widgets.runs.recording import evenly, finite, jpeg
from robust_widgets.trace import Pixels
from robust_widgets.widgets.training.record import TrainingRecord, chosen

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
