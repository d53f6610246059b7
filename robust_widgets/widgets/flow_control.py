"""Flow control between the kernel and the page.

A page that is flooded falls seconds behind, and Jupyter Server drops messages beyond a thousand a second. So a sender
limits its rate and the number of messages that the page has not acknowledged. A newer message replaces one that waits,
and the last one is always sent.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from robust_widgets.runs.playback import heat_jpeg, jpeg, leading
from robust_widgets.runs.record import Frame

FRAMES_PER_SECOND = 20
MAX_FRAMES_IN_FLIGHT = 8
FLUSH_TIMEOUT = 1.5
RUN = "run"


class Timer(Protocol):
    """As `threading.Timer`."""

    daemon: bool

    def start(self) -> None: ...
    def cancel(self) -> None: ...


class Throttle:
    """Decides when to send the newest state.

    Args:
        send: sends it, given a sequence number from 1 up; called with the lock held.
        rate: messages a second, at most; may be changed at any time.
        max_in_flight: messages that the page has not acknowledged, at most.
        lock: guards what is sent; by default a lock of its own.
        clock: seconds, for tests.
        timer: sends what has to wait for the rate; None leaves that to the next request or acknowledgement.
    """

    def __init__(
        self,
        send: Callable[[int], object],
        rate: float,
        max_in_flight: int,
        *,
        lock: Any = None,
        clock: Callable[[], float] = time.monotonic,
        timer: Callable[[float, Callable[[], object]], Timer] | None = None,
    ) -> None:
        self.rate = rate
        self._send = send
        self._max_in_flight = max_in_flight
        self._lock = lock or threading.RLock()
        self._clock = clock
        self._make_timer = timer
        self._timer: Timer | None = None
        self._sent = 0
        self._acknowledged = 0
        self._last_sent = -math.inf
        self._pending = False

    def request(self) -> None:
        """There is something new: send it now, or soon."""
        with self._lock:
            self._pending = True
            self._send_if_due()

    def flush(self) -> None:
        """Send what is pending at once, whatever is in flight."""
        with self._lock:
            if self._pending:
                self._send_now()

    def acknowledge(self, sequence: int) -> None:
        """The page has shown everything up to ``sequence``."""
        with self._lock:
            self._acknowledged = max(self._acknowledged, min(sequence, self._sent))
            self._send_if_due()

    def reconnect(self) -> None:
        """A page was opened (again): whatever was in flight is lost."""
        with self._lock:
            self._acknowledged = self._sent

    def close(self) -> None:
        """Drop what is pending."""
        with self._lock:
            self._pending = False
            self._stop_timer()

    def _send_if_due(self) -> None:
        if not self._pending or self._sent - self._acknowledged >= self._max_in_flight or self._timer is not None:
            return
        wait = self._last_sent + 1 / self.rate - self._clock()
        if wait <= 0:
            self._send_now()
        elif self._make_timer is not None:
            self._timer = self._make_timer(wait, self._on_timer)
            self._timer.daemon = True
            self._timer.start()

    def _on_timer(self) -> None:
        with self._lock:
            self._timer = None
            if self._pending:
                self._send_now()

    def _send_now(self) -> None:
        self._stop_timer()
        self._pending = False
        self._sent += 1
        self._last_sent = self._clock()
        self._send(self._sent)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


@dataclass(frozen=True)
class LiveFrame:
    """What the page gets of one step, without the pictures.

    Attributes:
        sequence: increases from frame to frame; the page acknowledges it.
        step, loss, probability, distance: as in a `Frame`, means over the batch.
        top: the most probable classes, by index.
        rate: steps a second.
        left: estimated seconds until the run ends.
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
    """The part of a view that shows frames."""

    def frame(self, run: int, frame: LiveFrame, jpeg: bytes, heat: bytes | None = None) -> None: ...


class FrameStream:
    """Sends the frames of one run; those it skips are still in the trace.

    Args:
        sink: shows the frames.
        run: the run's number.
        steps: the run's total number of steps.
        frames_per_second: at most.
        clock: seconds, for tests.

    Attributes:
        throttle: decides when to send.
        heat: whether the gradient's magnitude is sent with each frame.
        unit: factor that distances are multiplied by.
    """

    def __init__(
        self,
        sink: FrameSink,
        run: int,
        steps: int,
        frames_per_second: float = FRAMES_PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.heat = False
        self.unit = 1.0
        self._sink = sink
        self._run = run
        self._steps = steps
        self._lock = threading.RLock()
        self._newest: Frame | None = None
        self.throttle = Throttle(self._send, frames_per_second, MAX_FRAMES_IN_FLIGHT, lock=self._lock, clock=clock)

    def push(self, frame: Frame) -> None:
        """Send the frame now, or as soon as possible; a frame older than the one waiting is dropped."""
        with self._lock:
            if self._newest is None or frame.step >= self._newest.step:
                self._newest = frame
            self.throttle.request()

    def finish(self) -> None:
        """Send the waiting frame, if any, whatever is in flight."""
        self.throttle.flush()

    def _send(self, sequence: int) -> None:
        frame, self._newest = self._newest, None
        assert frame is not None
        rate = frame.step / frame.seconds if frame.step and frame.seconds > 0 else None
        live = LiveFrame(
            sequence=sequence,
            step=frame.step,
            loss=float(frame.loss.mean()),
            probability=float(frame.probability.mean()),
            distance=self.unit * float(frame.distance.mean()),
            top=leading(frame),
            rate=rate,
            left=(self._steps - frame.step) / rate if rate else None,
        )
        self._sink.frame(self._run, live, jpeg(frame.pixels), heat_jpeg(frame) if self.heat else None)


@dataclass(frozen=True)
class _Wait:
    press: int
    action: Callable[[], object]
    timer: threading.Timer


class PendingFlush:
    """Delays what a button does until the page has sent the values it still holds back.

    In the page, ipywidgets holds back a widget's value until the kernel has answered the previous one, and a button
    press overtakes it: on a slow connection, a class typed just before Run arrived after Run. So the page is asked
    first. By then the kernel's answers are on their way; each releases a value, and messages arrive in order.

    Args:
        ask: sends the press's number to the page, which returns it at once.
        timeout: seconds after which a page that does not answer is no longer waited for.

    Attributes:
        connected: whether there is a page to ask; without one, nothing is delayed.
    """

    def __init__(self, ask: Callable[[int], object], timeout: float = FLUSH_TIMEOUT) -> None:
        self.connected = False
        self._ask = ask
        self._timeout = timeout
        self._lock = threading.Lock()
        self._presses = 0
        self._waits: dict[str, _Wait] = {}

    @property
    def waiting(self) -> bool:
        """Whether Run was pressed and the run has not begun."""
        return RUN in self._waits

    def press(self, action: Callable[[], object], button: str = RUN) -> None:
        """Call ``action`` once the page has flushed, on any thread; it replaces an action of the same button."""
        if not self.connected:
            action()
            return
        with self._lock:
            self._remove(button)
            self._presses += 1
            press = self._presses
            timer = threading.Timer(self._timeout, self.flushed, (press,))
            timer.daemon = True
            self._waits[button] = _Wait(press, action, timer)
            timer.start()
        self._ask(press)

    def flushed(self, press: int) -> None:
        """The page has answered this press, or timed out; the action runs once, if it was not replaced."""
        with self._lock:
            button = next((button for button, wait in self._waits.items() if wait.press == press), None)
            wait = None if button is None else self._remove(button)
        if wait is not None:
            wait.action()

    def cancel(self) -> None:
        """Drop a waiting run."""
        with self._lock:
            self._remove(RUN)

    def _remove(self, button: str) -> _Wait | None:
        wait = self._waits.pop(button, None)
        if wait is not None:
            wait.timer.cancel()
        return wait
