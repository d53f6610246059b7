"""Live frames to a view, paced by what the browser has seen.

A browser that is flooded falls seconds behind, and a server drops messages beyond a thousand a second. So at most 20
frames a second are sent, or as many as JupyterLab's settings say; at most 8 are unacknowledged, a newer frame replaces
one that waits, and the last is always sent. Every frame is in the trace whatever happens here.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from robust_widgets.runs.playback import heat_jpeg, jpeg, leading
from robust_widgets.runs.record import Frame

FRAMES_PER_SECOND = 20
MOST_IN_FLIGHT = 8


@dataclass(frozen=True)
class LiveFrame:
    """What a browser is told of one step, the pictures apart.

    Attributes:
        sequence: grows from frame to frame; the browser acknowledges it.
        step, loss, probability, distance: as in a `Frame`, means over the batch.
        top: the most probable classes, by index.
        rate: steps a second. left: seconds left.
    """

    sequence: int
    step: int
    loss: float | None = None
    probability: float | None = None
    distance: float | None = None
    top: list[tuple[int, float]] | None = None
    rate: float | None = None
    left: float | None = None


class FrameSink(Protocol):
    """What the stream asks of a view."""

    def frame(self, run: int, frame: LiveFrame, jpeg: bytes, heat: bytes | None = None) -> None: ...


class FrameStream:
    """Sends the frames of one run.

    Args:
        sink: where frames go.
        run: the run's number.
        steps: how many steps the run will make.
        frames_per_second: how many are sent in a second, at most.
        clock: seconds, for tests.

    Attributes:
        frames_per_second: as given; may be changed while the run goes on.
        heat: whether the gradient's size is sent with each frame.
        unit: what distances are multiplied by.
    """

    def __init__(
        self,
        sink: FrameSink,
        run: int,
        steps: int,
        frames_per_second: float = FRAMES_PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.frames_per_second = frames_per_second
        self.heat = False
        self.unit = 1.0
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
        """Send the frame now, or keep it as the newest that waits; a page that comes late may be given an older one."""
        with self._lock:
            if self._waiting is None or frame.step >= self._waiting.step:
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
        due = self._clock() - self._last_sent >= 1 / self.frames_per_second
        if due and self._sent - self._acknowledged < MOST_IN_FLIGHT:
            self._send()

    def _send(self) -> None:
        frame, self._waiting = self._waiting, None
        if frame is None:
            return
        self._sent += 1
        self._last_sent = self._clock()
        rate = frame.step / frame.seconds if frame.step and frame.seconds > 0 else None
        told = LiveFrame(
            sequence=self._sent,
            step=frame.step,
            loss=float(frame.loss.mean()),
            probability=float(frame.probability.mean()),
            distance=self.unit * float(frame.distance.mean()),
            top=leading(frame),
            rate=rate,
            left=(self._steps - frame.step) / rate if rate else None,
        )
        self._sink.frame(self._run, told, jpeg(frame.pixels), heat_jpeg(frame) if self.heat else None)
