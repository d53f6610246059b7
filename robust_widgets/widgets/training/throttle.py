"""When the browser is told: at most five times a second, and only while it answers.

A run may go on for a night with no browser there. What is sent then piles up at the server, so at most four updates are
unacknowledged. Each holds all that is new, so any may be left out except the last, which is always sent.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

UPDATES_PER_SECOND = 5
MOST_IN_FLIGHT = 4


class Timer(Protocol):
    """As `threading.Timer`."""

    daemon: bool

    def start(self) -> None: ...
    def cancel(self) -> None: ...


class Updates:
    """Decides when to send.

    Args:
        send: sends all that is new under the sequence number given; called with the lock held.
        lock: guards what is sent.
        clock: seconds. timer: for tests.
    """

    def __init__(
        self,
        send: Callable[[int], object],
        lock: Any,
        clock: Callable[[], float] = time.monotonic,
        timer: Callable[[float, Callable[[], object]], Timer] = threading.Timer,
    ) -> None:
        self._send = send
        self._lock = lock
        self._clock = clock
        self._make_timer = timer
        self._timer: Timer | None = None
        self._sent = 0
        self._acknowledged = 0
        self._last_sent = -math.inf
        self._wanted = False

    def want(self) -> None:
        """There is something new: send it now, or soon."""
        with self._lock:
            self._wanted = True
            self._send_if_due()

    def now(self) -> None:
        """Send at once: something that a person waits for, or the last of a run."""
        with self._lock:
            self._wanted = True
            self._send_now()

    def acknowledge(self, sequence: int) -> None:
        """The browser has seen everything up to ``sequence``."""
        with self._lock:
            self._acknowledged = max(self._acknowledged, min(sequence, self._sent))
            self._send_if_due()

    def reconnect(self) -> None:
        """A browser came (back): what was in flight is gone, and it wants everything."""
        with self._lock:
            self._acknowledged = self._sent
            self.now()

    def close(self) -> None:
        """Nothing is sent any more unless asked for."""
        with self._lock:
            self._wanted = False
            self._stop_timer()

    def _send_if_due(self) -> None:
        if not self._wanted or self._sent - self._acknowledged >= MOST_IN_FLIGHT or self._timer is not None:
            return
        wait = self._last_sent + 1 / UPDATES_PER_SECOND - self._clock()
        if wait <= 0:
            self._send_now()
            return
        # No further event may come for long, so waiting for the next one will not do.
        self._timer = self._make_timer(wait, self._ring)
        self._timer.daemon = True
        self._timer.start()

    def _ring(self) -> None:
        with self._lock:
            self._timer = None
            if self._wanted:
                self._send_now()

    def _send_now(self) -> None:
        self._stop_timer()
        self._wanted = False
        self._sent += 1
        self._last_sent = self._clock()
        self._send(self._sent)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
