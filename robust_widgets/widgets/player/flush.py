"""What a person asks for on the page waits until the page has sent the values that it still held back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

PATIENCE = 1.5
RUN = "run"


@dataclass(frozen=True)
class _Wait:
    press: int
    act: Callable[[], object]
    timer: threading.Timer


class PendingFlush:
    """Between a press and what it does.

    In the browser ipywidgets holds a widget's value back until the kernel has answered the one before, and a press
    overtakes it: on a slow link, a class that was typed just before Run came after it. So the page is asked first. By
    then the kernel's answers are on their way to it; each of them frees a value; and all arrive in order, both ways.

    Args:
        ask: sends the press's number to the page, which sends it back at once.
        patience: seconds; a page that does not answer is waited for no longer.

    Attributes:
        greeted: whether there is a page to ask; where there is none, nothing waits.
    """

    def __init__(self, ask: Callable[[int], object], patience: float = PATIENCE) -> None:
        self.greeted = False
        self._ask = ask
        self._patience = patience
        self._lock = threading.Lock()
        self._presses = 0
        self._waits: dict[str, _Wait] = {}

    @property
    def waiting(self) -> bool:
        """Whether a run was pressed that has not begun."""
        return RUN in self._waits

    def press(self, act: Callable[[], object], what: str = RUN) -> None:
        """Call ``act`` once the page has settled, on any thread; the same press that still waits is forgotten."""
        if not self.greeted:
            act()
            return
        with self._lock:
            self._forget(what)
            self._presses += 1
            press = self._presses
            timer = threading.Timer(self._patience, self.settled, (press,))
            timer.daemon = True
            self._waits[what] = _Wait(press, act, timer)
            timer.start()
        self._ask(press)

    def settled(self, press: int) -> None:
        """The page has answered this press, or will not; only the newest of a kind counts, and only once."""
        with self._lock:
            what = next((what for what, wait in self._waits.items() if wait.press == press), None)
            wait = None if what is None else self._forget(what)
        if wait is not None:
            wait.act()

    def cancel(self) -> None:
        """Forget the run that waits."""
        with self._lock:
            self._forget(RUN)

    def _forget(self, what: str) -> _Wait | None:
        wait = self._waits.pop(what, None)
        if wait is not None:
            wait.timer.cancel()
        return wait
