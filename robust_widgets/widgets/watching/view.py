"""The view: the live result in the browser: picture, progress, curves, and a scrubber once the run is recorded.

Everything after arrival happens in the browser. Frames are messages, never widget state, so none is saved into the
notebook. The view does not pace: whoever sends frames looks at `AckEvent` and keeps few in flight.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeGuard, cast

import anywidget
import traitlets as t

logger = logging.getLogger(__name__)

EndState: TypeAlias = Literal["done", "stopped", "failed"]

STATIC = Path(__file__).parents[2] / "static"


@dataclass(frozen=True)
class HelloEvent:
    """A browser shows the view, for the first time or again: send the last record, or begin if a run is going on."""


@dataclass(frozen=True)
class AckEvent:
    """The browser has painted frame ``sequence``, and painted or skipped all before it."""

    sequence: int


@dataclass(frozen=True)
class StepEvent:
    """The person has stopped scrubbing at ``step``."""

    step: int


ViewEvent: TypeAlias = HelloEvent | AckEvent | StepEvent


class View(anywidget.AnyWidget):
    """The picture of a run as it evolves, and afterwards any of its steps.

    Runs are numbered upwards: messages of an older run than the newest begun are ignored by the browser.

    Attributes:
        display_side: CSS pixels a side of the picture.
        label: what a screen reader calls the view.
    """

    _esm = STATIC / "view.js"
    _css = STATIC / "view.css"

    display_side = t.Int(320, min=1).tag(sync=True)
    label = t.Unicode("Result").tag(sync=True)

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

    def begin(self, run: int, steps: int, title: str = "") -> None:
        """A run of ``steps`` steps starts."""
        self.send({"kind": "begin", "run": run, "steps": steps, "title": title})

    def frame(
        self,
        run: int,
        sequence: int,
        step: int,
        jpeg: bytes,
        loss: float | None = None,
        probability: float | None = None,
        rate: float | None = None,
        left: float | None = None,
    ) -> None:
        """Show one step.

        Args:
            run: the run's number.
            sequence: a number that grows from frame to frame; the browser acknowledges it.
            step: the step shown.
            jpeg: the picture as a JPEG file.
            loss: the loss at this step.
            probability: the target's probability at this step, 0 to 1.
            rate: steps a second.
            left: seconds left.
        """
        content = {
            "kind": "frame",
            "run": run,
            "sequence": sequence,
            "step": step,
            "loss": _finite(loss),
            "probability": _finite(probability),
            "rate": _finite(rate),
            "left": _finite(left),
        }
        self.send(content, buffers=[jpeg])

    def record(
        self,
        run: int,
        steps: Sequence[int],
        jpegs: Sequence[bytes],
        loss: Sequence[float | None],
        probability: Sequence[float | None],
        title: str = "",
        state: EndState = "done",
    ) -> None:
        """Send the recorded run for scrubbing: one JPEG, loss and probability for each entry of ``steps``."""
        counts = {len(steps), len(jpegs), len(loss), len(probability)}
        if len(counts) != 1 or not steps:
            raise ValueError(
                f"A record needs one picture, loss and probability for each of its steps; given were "
                f"{len(steps)} steps, {len(jpegs)} pictures, {len(loss)} losses and {len(probability)} probabilities."
            )
        content = {
            "kind": "record",
            "run": run,
            "steps": [int(step) for step in steps],
            "loss": [_finite(value) for value in loss],
            "probability": [_finite(value) for value in probability],
            "title": title,
            "state": state,
        }
        self.send(content, buffers=list(jpegs))

    def end(self, run: int, state: EndState, message: str = "") -> None:
        """The run is over; ``message`` is the sentence shown, by default one made from ``state``."""
        self.send({"kind": "end", "run": run, "state": state, "message": message})

    def blank(self) -> None:
        """Show nothing, as before the first run."""
        self.send({"kind": "blank"})

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


def parse_event(content: object) -> ViewEvent | None:
    """The event that a message of the browser stands for, or None if the message is malformed."""
    if not isinstance(content, Mapping):
        return None
    message = cast("Mapping[str, object]", content)
    match message.get("kind"):
        case "hello":
            return HelloEvent()
        case "ack":
            sequence = message.get("sequence")
            return AckEvent(sequence) if _is_count(sequence) else None
        case "step":
            step = message.get("step")
            return StepEvent(step) if _is_count(step) else None
        case _:
            return None


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _finite(value: float | None) -> float | None:
    """JSON has no NaN: the browser gets null."""
    return float(value) if value is not None and math.isfinite(value) else None
