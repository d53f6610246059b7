"""Recorded runs side by side."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias, cast

import traitlets as t

from robust_widgets.errors import LONGEST_SHOWN, ParameterError, StateError, short_text
from robust_widgets.runs.playback import Curves, curves, evenly, jpeg
from robust_widgets.runs.trace import Trace, load_trace
from robust_widgets.widgets.page_widget import STATIC, HelloEvent, Message, PageWidget, WholeBox
from robust_widgets.widgets.player.snapshot import Snapshot
from robust_widgets.widgets.player.view import ViewEvent, parse_event

AnyTrace: TypeAlias = Trace | str | os.PathLike[str]
MOST_FRAMES = 240
MOST_RUNS = 8
NAMED_PARAMETERS = ("epsilon", "seed", "steps", "step_size", "size", "constraint")


class CompareView(PageWidget[ViewEvent]):
    """Recorded runs side by side; one scrubber in the page moves them all.

    Attributes:
        display_side: size of each picture in CSS pixels.
    """

    _esm = STATIC / "compare.js"
    _css = STATIC / "compare.css"

    display_side = t.Int(224, min=1).tag(sync=True)

    def parse(self, message: Message, buffers: Sequence[Any]) -> ViewEvent | None:
        del buffers
        return parse_event(message)

    def run(self, index: int, count: int, label: str, curves: Curves, jpegs: Sequence[bytes]) -> None:
        """Send one of ``count`` runs."""
        content = {"kind": "run", "index": index, "count": count, "label": label, "curves": curves.message()}
        self.send(content, buffers=list(jpegs))


class Compare(WholeBox):
    """Two or more recorded runs side by side, scrubbed together; shorter runs stay at their last picture.

    Args:
        traces: runs, or paths of runs saved as ``.rwtrace`` or ``.npz``; also as one list.
        labels: their names; by default, what distinguishes them.

    Raises:
        TraceError: a path is not a saved run.
        ParameterError: too few or too many runs, or not one label for each.
        StateError: a run has no frames yet.
    """

    def __init__(self, *traces: AnyTrace | Iterable[AnyTrace], labels: str | Iterable[object] | None = None) -> None:
        self.traces = [trace if isinstance(trace, Trace) else load_trace(trace) for trace in _each(traces)]
        if not 2 <= len(self.traces) <= MOST_RUNS:
            raise ParameterError(f"Compare takes 2 to {MOST_RUNS} runs; it got {len(self.traces)}.")
        if not all(len(trace) for trace in self.traces):
            raise StateError("A run to compare has no frames yet; wait until it has made one.")
        if labels is None:
            self.labels = distinct_labels(self.traces)
        else:
            is_one = isinstance(labels, str) or not isinstance(labels, Iterable)  # pyright: ignore[reportUnnecessaryIsInstance]
            self.labels = [short_text(label, LONGEST_SHOWN) for label in ([labels] if is_one else labels)]
        if len(self.labels) != len(self.traces):
            raise ParameterError(
                f"Compare got {len(self.labels)} labels for {len(self.traces)} runs; give a list with one for each."
            )
        self.view = CompareView()
        self.view.on_event(self._on_event)
        self.snapshot = Snapshot("No comparison here? Run this cell to compare the runs.")
        self.snapshot.update(self.traces)
        super().__init__([self.view])

    def _ipython_display_(self) -> None:
        from IPython.display import display

        view = cast("dict[str, Any]", self._repr_mimebundle_())
        display(
            {**view, "text/plain": f"A comparison of {len(self.traces)} runs. Run this cell to compare them."}, raw=True
        )
        self.snapshot.show()

    def _on_event(self, event: ViewEvent) -> None:
        if not isinstance(event, HelloEvent):
            return
        for index, (trace, label) in enumerate(zip(self.traces, self.labels, strict=True)):
            steps = evenly(len(trace), MOST_FRAMES)
            pictures = [jpeg(trace[step].pixels) for step in steps]
            self.view.run(index, len(self.traces), label, curves(trace, steps), pictures)


def _each(traces: Iterable[AnyTrace | Iterable[AnyTrace]]) -> Iterator[AnyTrace]:
    """The runs, out of any lists that hold them."""
    for item in traces:
        if isinstance(item, (Trace, str, os.PathLike)) or hasattr(item, "shape") or not isinstance(item, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
            yield cast(AnyTrace, item)
        else:
            yield from _each(item)


def distinct_labels(traces: Sequence[Trace]) -> list[str]:
    """A label for each run, made of the attributes and parameters in which they differ."""
    parts: list[list[str]] = [[] for _ in traces]
    for attribute in ("target", "model", "task"):
        values = [str(getattr(trace, attribute)).replace("_", " ") for trace in traces]
        if len(set(values)) > 1 or (attribute == "target" and values[0]):
            for words, value in zip(parts, values, strict=True):
                words.append(value)
    for name in NAMED_PARAMETERS:
        parameters = [trace.seed if name == "seed" else trace.parameters.get(name) for trace in traces]
        if len(set(map(str, parameters))) > 1:
            for words, value in zip(parts, parameters, strict=True):
                words.append(f"{name.replace('_', ' ')} {value:g}" if isinstance(value, float) else f"{name} {value}")
    labels = [", ".join(word for word in words if word) for words in parts]
    return [
        label if label and labels.count(label) == 1 else f"{label or 'run'} ({index})"
        for index, label in enumerate(labels, 1)
    ]
