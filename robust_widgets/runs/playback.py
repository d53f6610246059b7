"""What a player gets of a run: evenly spaced steps, their pictures as JPEG, and the curves."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from robust_widgets.pictures import Pixels
from robust_widgets.pictures.grid import tile
from robust_widgets.runs.record import Frame, RunRecord

LEADERS = 5
THUMBNAIL_SIDE = 96


@dataclass(frozen=True)
class Curves:
    """A run's numbers at some of its steps, as means over the batch.

    Attributes:
        steps: the steps.
        loss, probability, distance: one number for each step; None where it has no meaning.
        top: probabilities of the run's most probable classes, by name, sorted by the last step's.
        radius: the limit of ``distance``; None without a limit.

    Distances are in the unit of the parameter ``epsilon``, as people set it, not in the picture's own pixels.
    """

    steps: list[int]
    loss: list[float | None]
    probability: list[float | None]
    distance: list[float | None]
    top: dict[str, list[float | None]]
    radius: float | None

    def message(self) -> dict[str, Any]:
        """As a message for the browser."""
        return {
            "steps": self.steps,
            "loss": self.loss,
            "probability": self.probability,
            "distance": self.distance,
            "top": [{"name": name, "values": values} for name, values in self.top.items()],
            "radius": self.radius,
        }


def evenly(count: int, most: int) -> list[int]:
    """Indices of at most ``most`` of ``count`` frames, evenly spaced, including the first and the last."""
    if most == 1:
        return [count - 1]
    return [int(step) for step in np.unique(np.linspace(0, count - 1, min(count, most)).round())]


def jpeg(pixels: Pixels, quality: int = 90, side: int | None = None) -> bytes:
    """A batch of pictures, uint8 (n, h, w, 3), tiled into one JPEG, reduced to at most ``side`` pixels.

    From quality 75 on, chroma is not subsampled, because players enlarge the picture.
    """
    picture = Image.fromarray(tile(pixels))
    if side is not None and max(picture.size) > side:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, subsampling=0 if quality >= 75 else 2)
    return file.getvalue()


def thumbnail(trace: RunRecord) -> bytes:
    """The newest picture of a run as a small JPEG; empty if there is none yet."""
    return jpeg(trace[-1].pixels, 80, THUMBNAIL_SIDE) if len(trace) else b""


def heat_jpeg(frame: Frame) -> bytes:
    """The gradient's magnitude at one step as a grey JPEG, tiled like the pictures; empty if unknown."""
    if frame.gradient is None:
        return b""
    file = io.BytesIO()
    Image.fromarray(tile(frame.gradient[..., None])[..., 0]).save(file, "JPEG", quality=85)
    return file.getvalue()


def finite(value: float | None, digits: int = 6) -> float | None:
    """A number for JSON, rounded to the digits that are drawn; None for NaN and infinity."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{float(value):.{digits}g}")


def leading(frame: Frame, count: int = 8) -> list[tuple[int, float]]:
    """The most probable classes of one step, as (index, mean probability), sorted from the highest."""
    if frame.probabilities is None:
        return []
    mean = np.nan_to_num(frame.probabilities.mean(axis=0))
    return [(int(index), round(float(mean[index]), 4)) for index in np.argsort(-mean, kind="stable")[:count]]


def distance_unit(trace: RunRecord) -> float:
    """Factor from a run's raw distances to the unit of its parameter ``epsilon``; 1 if it has none."""
    epsilon = trace.parameters.get("epsilon")
    if not trace.radius or isinstance(epsilon, bool) or not isinstance(epsilon, (int, float)) or not epsilon > 0:
        return 1.0
    return float(epsilon) / trace.radius


def radius(trace: RunRecord) -> float | None:
    """The limit of a run's distance, in the unit of its parameter ``epsilon``; None without a limit."""
    return None if trace.radius is None else finite(trace.radius * distance_unit(trace))


def curves(trace: RunRecord, indices: Sequence[int]) -> Curves:
    """A run's numbers at the given frames."""
    frames = [trace[index] for index in indices]
    units = {"loss": 1.0, "probability": 1.0, "distance": distance_unit(trace)}
    numbers = {
        name: [finite(unit * float(np.mean(getattr(frame, name)))) for frame in frames] for name, unit in units.items()
    }
    steps = [frame.step for frame in frames]
    return Curves(steps=steps, top=_leaders(trace, frames), radius=radius(trace), **numbers)


def _leaders(trace: RunRecord, frames: Sequence[Frame]) -> dict[str, list[float | None]]:
    known = [frame.probabilities.mean(axis=0) for frame in frames if frame.probabilities is not None]
    if not known or len(known[0]) > len(trace.classes):
        return {}
    peak, last = np.nan_to_num(np.max(known, axis=0)), np.nan_to_num(known[-1])
    highest = np.argsort(-peak, kind="stable")[:LEADERS]
    return {
        trace.classes[index]: [
            None if frame.probabilities is None else finite(float(frame.probabilities[:, index].mean()), 4)
            for frame in frames
        ]
        for index in sorted((int(index) for index in highest), key=lambda index: -last[index])
    }
