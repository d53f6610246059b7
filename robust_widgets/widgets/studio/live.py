"""Live mode: each stroke starts a run from the newest result with the stroke painted over it."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets
import numpy as np
from PIL import Image

from robust_widgets.pictures import Pixels
from robust_widgets.widgets.painting.surface import Surface
from robust_widgets.widgets.runner import Runner
from robust_widgets.widgets.status_line import StatusLine


class LiveMode:
    """Starts runs after strokes while its button is on.

    Args:
        surface: the canvas.
        runner: knows the result shown.
        status: shows errors.
        run: starts a run from pictures, uint8 (n, h, w, 3), or from the canvas if None.
    """

    def __init__(
        self, surface: Surface, runner: Runner, status: StatusLine, run: Callable[[Pixels | None], object]
    ) -> None:
        self._surface = surface
        self._runner = runner
        self._run = run
        self._before = surface.picture()
        self.button = ipywidgets.ToggleButton(
            description="Live",
            icon="bolt",
            tooltip="Start a run after each stroke, from the result with the stroke painted over it",
            layout={"width": "72px"},
        )
        surface.on_stroke(status.guard(self._on_stroke))

    def run_started(self) -> None:
        """A run starts from the current canvas."""
        self._before = self._surface.picture()

    def _on_stroke(self) -> None:
        if not self.button.value or self._surface.raster.is_blank:
            return
        current = self._surface.picture()
        trace, step = self._runner.shown_trace, self._runner.shown_step
        # After undo or clear, start from the canvas, not from the last result.
        undone = self._surface.raster.can_redo or not self._surface.raster.sketch[..., 3].any()
        if undone or trace is None or not len(trace):
            self._run(None)
            return
        result = trace[step if step is not None and step < len(trace) else -1].pixels[0]
        self._run(painted_over(result, self._before, current)[None])


def painted_over(result: Pixels, before: Pixels, now: Pixels) -> Pixels:
    """A result, under what was painted since the run started.

    Args:
        result: uint8 (h, w, 3), of any size.
        before, now: the canvas when the run started and now, uint8 (size, size, 3).
    """
    size = now.shape[0]
    base = np.asarray(Image.fromarray(result).resize((size, size), Image.Resampling.BICUBIC))
    return np.where((before != now).any(axis=2, keepdims=True), now, base)
