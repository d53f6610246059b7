"""What a person asks for on the page waits until the page has sent the values that it still held back."""

from __future__ import annotations

import threading
from collections.abc import Callable

PATIENCE = 1.5


class Settling:
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
        self._act: Callable[[], object] | None = None
        self._timer: threading.Timer | None = None

    @property
    def waiting(self) -> bool:
        """Whether something was pressed that has not begun."""
        return self._act is not None

    def press(self, act: Callable[[], object]) -> None:
        """Call ``act`` once the page has settled, on any thread; a press that still waits is forgotten."""
        if not self.greeted:
            act()
            return
        with self._lock:
            self._forget()
            self._presses += 1
            press = self._presses
            self._act = act
            self._timer = threading.Timer(self._patience, self.settled, (press,))
            self._timer.daemon = True
            self._timer.start()
        self._ask(press)

    def settled(self, press: int) -> None:
        """The page has answered this press, or will not; only the newest counts, and only once."""
        with self._lock:
            act = self._act if press == self._presses else None
            if act is not None:
                self._forget()
        if act is not None:
            act()

    def cancel(self) -> None:
        """Forget the press that waits."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._act = self._timer = None
