"""Runs side by side, scrubbed together."""

from __future__ import annotations

import os
from collections.abc import Sequence

import ipywidgets

from robust_widgets.errors import ParameterError, StateError
from robust_widgets.runs.playback import curves, evenly, jpeg
from robust_widgets.runs.trace import Trace, load_trace
from robust_widgets.widgets.player.events import HelloEvent, ViewEvent
from robust_widgets.widgets.player.view import CompareView

MOST_FRAMES = 240
MOST_RUNS = 8
NAMED_PARAMETERS = ("epsilon", "seed", "steps", "step_size", "size", "constraint")


class Compare(ipywidgets.VBox):
    """Two or more recorded runs side by side, scrubbed together step by step; a shorter one holds its last picture.

    Args:
        traces: runs, or paths of runs saved as ``.rwtrace`` or ``.npz``.
        labels: what to call them; by default what tells them apart.

    Raises:
        TraceError: a path is not a saved run.
        ParameterError: fewer than two runs, too many, one without frames, or not one label for each.
    """

    def __init__(self, *traces: Trace | str | os.PathLike[str], labels: Sequence[str] | None = None) -> None:
        self.traces = [trace if isinstance(trace, Trace) else load_trace(trace) for trace in traces]
        if not 2 <= len(self.traces) <= MOST_RUNS:
            raise ParameterError(f"Compare takes 2 to {MOST_RUNS} runs; given were {len(self.traces)}.")
        if not all(len(trace) for trace in self.traces):
            raise StateError("A run to compare has no frames yet; let it make at least one.")
        if labels is not None and len(labels) != len(self.traces):
            raise ParameterError(
                f"Compare was given {len(labels)} labels for {len(self.traces)} runs; give one for each."
            )
        self.labels = [str(label) for label in labels] if labels is not None else names(self.traces)
        self.view = CompareView()
        self.view.on_event(self._on_event)
        super().__init__([self.view])

    def _on_event(self, event: ViewEvent) -> None:
        if not isinstance(event, HelloEvent):
            return
        for index, (trace, label) in enumerate(zip(self.traces, self.labels, strict=True)):
            steps = evenly(len(trace), MOST_FRAMES)
            pictures = [jpeg(trace[step].pixels) for step in steps]
            self.view.run(index, len(self.traces), label, curves(trace, steps), pictures)


def names(traces: Sequence[Trace]) -> list[str]:
    """A label for each run, made of what is not the same in all."""
    told: list[list[str]] = [[] for _ in traces]
    for attribute in ("target", "model", "task"):
        values = [str(getattr(trace, attribute)).replace("_", " ") for trace in traces]
        if len(set(values)) > 1 or (attribute == "target" and values[0]):
            for words, value in zip(told, values, strict=True):
                words.append(value)
    for name in NAMED_PARAMETERS:
        parameters = [trace.seed if name == "seed" else trace.parameters.get(name) for trace in traces]
        if len(set(map(str, parameters))) > 1:
            for words, value in zip(told, parameters, strict=True):
                words.append(f"{name.replace('_', ' ')} {value:g}" if isinstance(value, float) else f"{name} {value}")
    labels = [", ".join(word for word in words if word) for words in told]
    return [
        label if label and labels.count(label) == 1 else f"{label or 'run'} ({index})"
        for index, label in enumerate(labels, 1)
    ]
