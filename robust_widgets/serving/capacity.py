"""How many people a machine carries: the time of a step for so many runs at once, and what follows from it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from robust_widgets.errors import is_out_of_memory
from robust_widgets.interface.session import RunRequest
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.serving.device import ModelDevice

SIZES = (1, 8, 32, 64, 128)
ROUNDS, SECONDS = 20, 3.0  # steps that are timed at most, and for how long
WARM_UP = 3
RUNNING = 0.2  # of the people of a class, who run something at a moment; the others look and paint
COMFORTABLE = 10.0  # frames a second of a run


@dataclass(frozen=True)
class Measured:
    """The time of a step.

    Attributes:
        runs: that take it together.
        milliseconds: the median.
    """

    runs: int
    milliseconds: float

    @property
    def frames_per_second(self) -> float:
        """Of each run."""
        return 1000 / self.milliseconds


def measure(model: RobustClassifier) -> Iterator[Measured]:
    """The time of a step of 1, 8, 32, 64 and 128 runs of one picture at once; ends early where the memory does.

    Args:
        model: the classifier, on its device.
    """
    device, size = ModelDevice(model), model.input_size
    picture = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    request = RunRequest("sketch_to_image", model.classes[0], {"steps": 1000}, picture)
    for count in SIZES:
        try:
            runs = [device.begin(request) for _ in range(count)]
            times: list[float] = []
            for index in range(WARM_UP + ROUNDS):
                began = time.perf_counter()
                device.step(runs)
                if index >= WARM_UP:
                    times.append(time.perf_counter() - began)
                if sum(times) > SECONDS:
                    break
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            device.free()
            return
        yield Measured(count, 1000 * sorted(times)[len(times) // 2])
        if times[0] > SECONDS:
            return


def students(measured: list[Measured], frames_per_second: float = COMFORTABLE, running: float = RUNNING) -> int:
    """How many people can be in a class whose runs make so many frames a second, by the largest step that is fast
    enough; between two measured sizes the time of a step is taken as a straight line.

    Args:
        measured: from `measure`, the smallest first.
        frames_per_second: of each run.
        running: the share of the people who run something at a moment.
    """
    allowed = 1000 / frames_per_second
    best = 0.0
    for size, following in zip(measured, [*measured[1:], None], strict=True):
        if size.milliseconds > allowed:
            break
        best = float(size.runs)
        if following is not None and following.milliseconds > allowed:
            share = (allowed - size.milliseconds) / (following.milliseconds - size.milliseconds)
            best += share * (following.runs - size.runs)
    return math.floor(best / running)
