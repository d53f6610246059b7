"""Live frames to a view, paced by what the browser has seen.

A browser that is flooded falls seconds behind, and a server drops messages beyond a thousand a second. So at most 30
frames a second are sent, at most 8 are unacknowledged, a newer frame replaces one that waits, and the last is always
sent. Every frame is in the trace whatever happens here.
"""

from __future__ import annotations

import io
import math
import threading
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
from PIL import Image

from robust_widgets.files import tile
from robust_widgets.trace import Frame, Pixels, Trace

FRAMES_PER_SECOND = 30
MOST_IN_FLIGHT = 8
MOST_RECORDED = 240


class FrameSink(Protocol):
    """What the stream asks of a view."""

    def frame(
        self,
        run: int,
        sequence: int,
        step: int,
        jpeg: bytes,
        loss: float,
        probability: float,
        rate: float | None,
        left: float | None,
    ) -> None: ...


def jpeg(pixels: Pixels) -> bytes:
    """A batch of pictures, uint8 (n, h, w, 3), tiled into one JPEG; chroma is kept whole because it gets enlarged."""
    file = io.BytesIO()
    Image.fromarray(tile(pixels)).save(file, "JPEG", quality=90, subsampling=0)
    return file.getvalue()


def recorded_steps(count: int, most: int = MOST_RECORDED) -> list[int]:
    """Which of ``count`` frames a player is handed: all, or ``most`` evenly spaced with the first and the last."""
    return [int(step) for step in np.unique(np.linspace(0, count - 1, min(count, most)).round())]


class FrameStream:
    """Sends the frames of one run.

    Args:
        sink: where frames go.
        run: the run's number.
        steps: how many steps the run will make.
        clock: seconds, for tests.
    """

    def __init__(self, sink: FrameSink, run: int, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._sink = sink
        self._run = run
        self._steps = steps
        self._clock = clock
        self._lock = threading.Lock()
        self._sent = 0
        self._acknowledged = 0
        self._last_sent = -math.inf
        self._waiting: Frame | None = None

    def push(self, frame: Frame) -> None:
        """Send the frame now, or keep it as the newest that waits."""
        with self._lock:
            self._waiting = frame
            self._send_if_due()

    def acknowledge(self, sequence: int) -> None:
        """The browser has seen everything up to ``sequence``."""
        with self._lock:
            self._acknowledged = max(self._acknowledged, min(sequence, self._sent))
            self._send_if_due()

    def reconnect(self) -> None:
        """A browser came (back): what was in flight is gone."""
        with self._lock:
            self._acknowledged = self._sent

    def finish(self) -> None:
        """Send the frame that still waits, whatever is in flight."""
        with self._lock:
            self._send()

    def _send_if_due(self) -> None:
        due = self._clock() - self._last_sent >= 1 / FRAMES_PER_SECOND
        if due and self._sent - self._acknowledged < MOST_IN_FLIGHT:
            self._send()

    def _send(self) -> None:
        frame, self._waiting = self._waiting, None
        if frame is None:
            return
        self._sent += 1
        self._last_sent = self._clock()
        rate = frame.step / frame.seconds if frame.step and frame.seconds > 0 else None
        self._sink.frame(
            self._run,
            self._sent,
            frame.step,
            jpeg(frame.pixels),
            float(frame.loss.mean()),
            float(frame.probability.mean()),
            rate,
            (self._steps - frame.step) / rate if rate else None,
        )


def recording(trace: Trace) -> tuple[list[int], list[bytes], list[float], list[float]]:
    """Steps, pictures, mean losses and mean probabilities of a run, for a player."""
    steps = recorded_steps(len(trace))
    return (
        steps,
        [jpeg(trace[step].pixels) for step in steps],
        [trace.mean("loss", step) for step in steps],
        [trace.mean("probability", step) for step in steps],
    )
