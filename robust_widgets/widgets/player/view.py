"""The view of a run: live picture, progress and curves, and a scrubber once the run is recorded.

Everything after arrival happens in the page. Frames are messages, never widget state, so none is saved into the
notebook. The view does not limit its rate: the sender watches `AckEvent` (:mod:`robust_widgets.widgets.flow_control`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import traitlets as t

from robust_widgets.runs.playback import Curves, finite
from robust_widgets.widgets.flow_control import LiveFrame
from robust_widgets.widgets.page_widget import STATIC, AckEvent, HelloEvent, Message, PageWidget, is_count

EndState: TypeAlias = Literal["done", "stopped", "failed"]
RunState: TypeAlias = Literal["running", "done", "stopped", "failed"]


@dataclass(frozen=True)
class StepEvent:
    """The user stopped scrubbing at ``step``."""

    step: int


@dataclass(frozen=True)
class BranchEvent:
    """The user wants a new run from ``step`` of the run shown."""

    step: int


@dataclass(frozen=True)
class HeatEvent:
    """The user turned the display of the gradient's magnitude on or off."""

    on: bool


@dataclass(frozen=True)
class ShowEvent:
    """The user chose a run from the history."""

    index: int


@dataclass(frozen=True)
class FlushedEvent:
    """The answer to `View.request_flush`: the page has sent all values it held back."""

    press: int


ViewEvent: TypeAlias = HelloEvent | AckEvent | StepEvent | BranchEvent | HeatEvent | ShowEvent | FlushedEvent
_WITH_NUMBER = {
    "ack": ("sequence", AckEvent),
    "step": ("step", StepEvent),
    "branch": ("step", BranchEvent),
    "show": ("index", ShowEvent),
    "flushed": ("press", FlushedEvent),
}


def parse_event(message: Message) -> ViewEvent | None:
    """The event of a message, or None if the message is malformed."""
    kind = message.get("kind")
    if kind == "hello":
        return HelloEvent()
    if kind == "heat":
        on = message.get("on")
        return HeatEvent(on) if isinstance(on, bool) else None
    if not isinstance(kind, str) or kind not in _WITH_NUMBER:
        return None
    field, event = _WITH_NUMBER[kind]
    value = message.get(field)
    return event(value) if is_count(value) else None


@dataclass(frozen=True)
class HistoryEntry:
    """A run in the history.

    Attributes:
        index: its position; 0 is the oldest.
        title: its target.
        task: the task, in words.
        state: whether it is running, or how it ended.
        thumbnail: a small JPEG, or empty.
        parent: the position of the run that it was branched from.
        step: the step of that run which it started from.
    """

    index: int
    title: str
    task: str
    state: RunState
    thumbnail: bytes = b""
    parent: int | None = None
    step: int | None = None


class View(PageWidget[ViewEvent]):
    """The picture of a run while it evolves, and any of its steps afterwards.

    Runs are numbered upwards; the page ignores messages with a lower number than the last run begun.

    Attributes:
        display_side: size of the picture in CSS pixels.
        label: name for screen readers.
        branching: whether the view offers to start a new run from the step shown.
        device: where runs are computed, for JupyterLab's status bar; ``""`` while unknown.
    """

    _esm = STATIC / "view.js"
    _css = STATIC / "view.css"

    display_side = t.Int(320, min=1).tag(sync=True)
    label = t.Unicode("Result").tag(sync=True)
    branching = t.Bool(False).tag(sync=True)
    device = t.Unicode().tag(sync=True)

    def parse(self, message: Message, buffers: Sequence[Any]) -> ViewEvent | None:
        del buffers
        return parse_event(message)

    def begin(
        self,
        run: int,
        steps: int,
        title: str = "",
        classes: Sequence[str] = (),
        radius: float | None = None,
        curves: Curves | None = None,
    ) -> None:
        """A run is in progress.

        Args:
            run: the run's number.
            steps: its total number of steps.
            title: its target.
            classes: the model's class names.
            radius: the limit of the distance.
            curves: of the steps so far.
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
        """Show one step: its picture as a JPEG file, and its gradient's magnitude as a grey JPEG if wanted."""
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
                f"A record needs one picture for each of its steps; got {len(curves.steps)} steps and "
                f"{len(jpegs)} pictures."
            )
        content = {"kind": "record", "run": run, "curves": curves.message(), "title": title, "state": state}
        self.send(content, buffers=list(jpegs))

    def heat(self, run: int, jpegs: Sequence[bytes]) -> None:
        """Send the gradient's magnitude at each recorded step, as grey JPEGs; an empty one means "unknown"."""
        self.send({"kind": "heat", "run": run}, buffers=list(jpegs))

    def end(self, run: int, state: EndState, message: str = "") -> None:
        """The run has ended; ``message`` is the sentence shown, by default one for ``state``."""
        self.send({"kind": "end", "run": run, "state": state, "message": message})

    def history(self, entries: Sequence[HistoryEntry], current: int | None, whole: bool = False) -> None:
        """Update the history.

        Args:
            entries: the runs that are new or have changed.
            current: index of the run that the view shows.
            whole: whether ``entries`` replace the history instead of updating it.
        """
        rows = [
            {
                "index": entry.index,
                "title": entry.title,
                "task": entry.task,
                "state": entry.state,
                "parent": entry.parent,
                "step": entry.step,
            }
            for entry in entries
        ]
        content = {"kind": "history", "entries": rows, "shown": current, "whole": whole}
        self.send(content, buffers=[entry.thumbnail for entry in entries])

    def copy(self, text: str) -> None:
        """Put a text on the browser's clipboard, if the browser allows it after the last click."""
        self.send({"kind": "copy", "text": text})

    def request_flush(self, press: int) -> None:
        """Ask for a `FlushedEvent` with this number, which arrives after the values that the page holds back."""
        self.send({"kind": "flush", "press": press})

    def blank(self) -> None:
        """Show nothing, as before the first run."""
        self.send({"kind": "blank"})
