"""Live mode: a stroke goes on with the newest result, painted over, without pressing Run."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets

from robust_widgets.pictures import Pixels
from robust_widgets.widgets.painting.surface import Surface
from robust_widgets.widgets.runner import Runner
from robust_widgets.widgets.status_line import Notice
from robust_widgets.widgets.studio.tasks import painted_over


class Live:
    """Watches the canvas while its button is on.

    Args:
        surface: what is painted on.
        runner: knows the result shown.
        notice: where errors are said.
        run: starts a run, from these pictures, uint8 (n, h, w, 3), or from the canvas where there are none.
    """

    def __init__(
        self, surface: Surface, runner: Runner, notice: Notice, run: Callable[[Pixels | None], object]
    ) -> None:
        self._surface = surface
        self._runner = runner
        self._run = run
        self._before = surface.picture()
        self.button = ipywidgets.ToggleButton(
            description="Live",
            icon="bolt",
            tooltip="While this is on, each stroke goes on with the result as painted over, without pressing Run",
            layout={"width": "72px"},
        )
        surface.on_stroke(notice.guard(self._on_stroke))

    def began(self) -> None:
        """A run begins from the canvas as it is now."""
        self._before = self._surface.picture()

    def _on_stroke(self) -> None:
        if not self.button.value or self._surface.raster.is_blank:
            return
        now = self._surface.picture()
        trace, step = self._runner.shown_trace, self._runner.shown_step
        # What was taken back or cleared cannot be painted over a result: those start from the canvas again.
        taken_back = self._surface.raster.can_redo or not self._surface.raster.sketch[..., 3].any()
        if taken_back or trace is None or not len(trace):
            self._run(None)
            return
        result = trace[step if step is not None and step < len(trace) else -1].pixels[0]
        self._run(painted_over(result, self._before, now)[None])
