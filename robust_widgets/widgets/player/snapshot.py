"""The snapshot of a widget in the notebook: a player of its runs that needs no kernel.

It is an extra output of the cell that shows the widget. The view's style sheet hides it while a live view is in the
same cell.
"""

from __future__ import annotations

import contextvars
import html
import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from robust_widgets.runs.notebook import MOST_BYTES, STAND_IN_BYTES, bundle, encode_run, run_budget
from robust_widgets.runs.trace import Trace

logger = logging.getLogger(__name__)

MOST_BYTES_ALL = 3_000_000
# Without a kernel JupyterLab would show "model not found" instead of the studio; show the saved runs only.
HIDE_MISSING_WIDGET = (
    "<style>.jp-OutputArea:has(.rw-keepsake)>*>.jp-OutputArea-output.jupyter-widgets:not(:has(*)){display:none}</style>"
)
# Shown after a moment, for the widget itself may be about to appear.
LATE = '<style>@keyframes rw-late{from{visibility:hidden}}</style><p style="animation:rw-late 2s step-end">'
Publish: TypeAlias = Callable[..., object]


class Snapshot:
    """An output of the cell that is updated after each run, from any thread.

    Args:
        without_runs: a sentence for a reader who sees neither the widget nor a run. Its style hides it beside a widget
            in JupyterLab; other front ends may show both.
        most_bytes: the limit of all runs together in the notebook file.
        publisher: sends outputs, for tests; by default IPython's publisher, and none outside a notebook.
    """

    def __init__(
        self,
        without_runs: str = "Nothing here? Run this cell.",
        most_bytes: int = MOST_BYTES_ALL,
        publisher: Publish | None = None,
    ) -> None:
        self._without_runs = without_runs
        self._most_bytes = most_bytes
        self._publisher = publisher
        self._publish: Publish | None = None
        self._display_id = ""
        self._encoded: dict[int, tuple[Trace, int, int, str]] = {}
        self._waiting: list[Trace] | None = None
        self._traces: list[Trace] = []
        self._idle = threading.Event()
        self._idle.set()
        self._lock = threading.Lock()

    def show(self) -> None:
        """Create the output in the running cell; outside a notebook, do nothing."""
        self._publish = self._publisher or _publisher()
        if self._publish is None:
            return
        self._display_id = uuid.uuid4().hex
        self._publish(self._bundle(self._traces), transient={"display_id": self._display_id})

    def update(self, traces: Sequence[Trace]) -> None:
        """Show these runs. Returns at once; of several calls in a row, the newest counts."""
        with self._lock:
            self._traces = [trace for trace in traces if len(trace)]
            self._waiting = self._traces
            if self._publish is None or not self._idle.is_set():
                return
            self._idle.clear()
        threading.Thread(target=self._work, name="robust-widgets snapshot", daemon=True).start()

    def flush(self, seconds: float = 30) -> bool:
        """Wait for pending updates to reach the notebook; False after ``seconds``."""
        return self._idle.wait(seconds)

    def _work(self) -> None:
        while True:
            with self._lock:
                traces, self._waiting = self._waiting, None
                if traces is None:
                    self._idle.set()
                    return
            try:
                bundle = self._bundle(traces)
                publish, transient = self._publish, {"display_id": self._display_id}
                if publish is not None:
                    # As an output of the cell that runs now: programs that run notebooks listen to no other cell's, and
                    # all find the output by its name.
                    contextvars.Context().run(publish, bundle, transient=transient, update=True)
            except Exception:
                logger.exception("the snapshot of the runs could not be updated")

    def _bundle(self, traces: Sequence[Trace]) -> dict[str, Any]:
        if not traces:
            sentence = f"{LATE}{html.escape(self._without_runs)}</p>"
            return {"text/html": f'<div class="rw-keepsake">{HIDE_MISSING_WIDGET}{sentence}</div>', "text/plain": ""}
        # Halve each run's budget at powers of two, so existing runs rarely need re-encoding.
        slots = 1 << (len(traces) - 1).bit_length()
        fewest = slots // 2 + 1
        budget = min((self._most_bytes - STAND_IN_BYTES) // slots, MOST_BYTES - STAND_IN_BYTES // fewest)
        room = run_budget(budget, fewest)
        content = bundle(traces, [self._encode(trace, room) for trace in traces], stands_in=True)
        return {**content, "text/html": f'<div class="rw-keepsake">{HIDE_MISSING_WIDGET}{content["text/html"]}</div>'}

    def _encode(self, trace: Trace, budget: int) -> str:
        cached = self._encoded.get(id(trace))
        if cached is not None and cached[0] is trace and cached[1:3] == (len(trace), budget):
            return cached[3]
        length, encoded = len(trace), encode_run(trace, budget)
        self._encoded[id(trace)] = trace, length, budget, encoded
        return encoded


def _publisher() -> Publish | None:
    """IPython's function that sends outputs of the running cell; None outside a notebook."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return None
    shell: Any = get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    publisher: Publish = shell.display_pub.publish
    return publisher
