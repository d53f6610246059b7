"""The view: the live result in the browser: picture, progress, curves, and a scrubber once the run is recorded.

Everything after arrival happens in the browser. Frames are messages, never widget state, so none is saved into the
notebook. The view does not pace: whoever sends frames looks at `AckEvent` and keeps few in flight.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import anywidget
import traitlets as t

from robust_widgets._bundled import STATIC
from robust_widgets.runs.playback import Curves, finite
from robust_widgets.widgets.flow_control import LiveFrame
from robust_widgets.widgets.player.events import ViewEvent, parse_event

logger = logging.getLogger(__name__)

EndState: TypeAlias = Literal["done", "stopped", "failed"]
RunState: TypeAlias = Literal["running", "done", "stopped", "failed"]


@dataclass(frozen=True)
class HistoryEntry:
    """A run in the history.

    Attributes:
        index: its place, from 0, the oldest.
        title: what was asked for. task: which task made it.
        state: how far it is.
        thumbnail: a small JPEG, or empty.
    """

    index: int
    title: str
    task: str
    state: RunState
    thumbnail: bytes = b""


class _Talking(anywidget.AnyWidget):
    """A widget that hands on what its browser side tells."""

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._callbacks: tuple[Callable[[ViewEvent], object], ...] = ()
        self.on_msg(self._receive)

    def on_event(self, callback: Callable[[ViewEvent], object]) -> Callable[[], None]:
        """Call ``callback(event)`` for all that the browser tells; the answer is a function that ends this.

        Callbacks may run on any thread and should return at once. An exception in one is logged, not raised.
        """
        self._callbacks = (*self._callbacks, callback)

        def remove() -> None:
            self._callbacks = tuple(other for other in self._callbacks if other is not callback)

        return remove

    def _receive(self, _widget: object, content: object, _buffers: object) -> None:
        event = parse_event(content)
        if event is None:
            logger.debug("ignored a malformed message of the view: %.200r", content)
            return
        for callback in self._callbacks:
            try:
                callback(event)
            except Exception:
                logger.exception("a callback of the view failed on %s", type(event).__name__)


class View(_Talking):
    """The picture of a run as it evolves, and afterwards any of its steps.

    What is shown is numbered upwards: messages of an older number than the newest begun are ignored by the browser.

    Attributes:
        display_side: CSS pixels a side of the picture.
        label: what a screen reader calls the view.
        branching: whether it offers to start a new run from the step that is shown.
        device: where runs are computed, for JupyterLab's status bar; ``""`` while that is not known.
    """

    _esm = STATIC / "view.js"
    _css = STATIC / "view.css"

    display_side = t.Int(320, min=1).tag(sync=True)
    label = t.Unicode("Result").tag(sync=True)
    branching = t.Bool(False).tag(sync=True)
    device = t.Unicode().tag(sync=True)

    def begin(
        self,
        run: int,
        steps: int,
        title: str = "",
        classes: Sequence[str] = (),
        radius: float | None = None,
        curves: Curves | None = None,
    ) -> None:
        """A run of ``steps`` steps goes on.

        Args:
            run: the run's number.
            steps: how many it will make.
            title: what was asked for.
            classes: the model's class names.
            radius: how far the distance may go.
            curves: of the steps already made.
        """
        self.send(
            {
                "kind": "begin",
                "run": run,
                "steps": steps,
                "title": title,
                "classes": list(classes),
                "radius": radius,
                "curves": curves.message() if curves is not None else None,
            }
        )

    def frame(self, run: int, frame: LiveFrame, jpeg: bytes, heat: bytes | None = None) -> None:
        """Show one step: its picture as a JPEG file, and its gradient's size as a grey one if that is wanted."""
        content = {
            "kind": "frame",
            "run": run,
            "sequence": frame.sequence,
            "step": frame.step,
            "loss": finite(frame.loss),
            "probability": finite(frame.probability),
            "distance": finite(frame.distance),
            "top": frame.top or [],
            "rate": finite(frame.rate),
            "left": finite(frame.left),
        }
        self.send(content, buffers=[jpeg] if heat is None else [jpeg, heat])

    def record(
        self, run: int, curves: Curves, jpegs: Sequence[bytes], title: str = "", state: EndState = "done"
    ) -> None:
        """Send a recorded run for scrubbing: one JPEG for each step of ``curves``."""
        if len(jpegs) != len(curves.steps) or not jpegs:
            raise ValueError(
                f"A record needs one picture for each of its steps; given were {len(curves.steps)} steps and "
                f"{len(jpegs)} pictures."
            )
        content = {"kind": "record", "run": run, "curves": curves.message(), "title": title, "state": state}
        self.send(content, buffers=list(jpegs))

    def heat(self, run: int, jpegs: Sequence[bytes]) -> None:
        """Send the gradient's size at each recorded step, as grey JPEGs; an empty one stands for "not known"."""
        self.send({"kind": "heat", "run": run}, buffers=list(jpegs))

    def end(self, run: int, state: EndState, message: str = "") -> None:
        """The run is over; ``message`` is the sentence shown, by default one made from ``state``."""
        self.send({"kind": "end", "run": run, "state": state, "message": message})

    def history(self, entries: Sequence[HistoryEntry], shown: int | None, whole: bool = False) -> None:
        """Show these runs in the history, beside those it has or, if ``whole``, in their place.

        Args:
            entries: the runs that are new or have changed.
            shown: which run the view shows, by index.
            whole: whether these are all.
        """
        told = [
            {"index": entry.index, "title": entry.title, "task": entry.task, "state": entry.state} for entry in entries
        ]
        content = {"kind": "history", "entries": told, "shown": shown, "whole": whole}
        self.send(content, buffers=[entry.thumbnail for entry in entries])

    def copy(self, text: str) -> None:
        """Put a text on the clipboard of the browser, as far as that allows it after the last click."""
        self.send({"kind": "copy", "text": text})

    def settle(self, press: int) -> None:
        """Ask for a `SettledEvent` of this number, which comes after the values that the browser holds back."""
        self.send({"kind": "settle", "press": press})

    def blank(self) -> None:
        """Show nothing, as before the first run."""
        self.send({"kind": "blank"})


class CompareView(_Talking):
    """Recorded runs side by side, scrubbed together in the browser alone.

    Attributes:
        display_side: CSS pixels a side of each picture.
    """

    _esm = STATIC / "compare.js"
    _css = STATIC / "compare.css"

    display_side = t.Int(224, min=1).tag(sync=True)

    def run(self, index: int, count: int, label: str, curves: Curves, jpegs: Sequence[bytes]) -> None:
        """Send one of ``count`` runs."""
        content = {"kind": "run", "index": index, "count": count, "label": label, "curves": curves.message()}
        self.send(content, buffers=list(jpegs))
