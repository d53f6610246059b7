"""The studio's requests to its session: single runs, and live mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets
import numpy as np
from PIL import Image

from robust_widgets.errors import ParameterError, PictureError, StateError
from robust_widgets.interface.session import RunRequest
from robust_widgets.interface.tasks import task_spec
from robust_widgets.pictures import Pixels
from robust_widgets.widgets.painting.surface import Surface
from robust_widgets.widgets.runner import Runner
from robust_widgets.widgets.status_line import StatusLine

SURELY_NOT = 0.02


def make_request(
    task: str, target: str, parameters: dict[str, Any], surface: Surface | None, start: Pixels | None = None
) -> RunRequest:
    """The request for a run.

    Args:
        task, target, parameters: what to run.
        surface: the canvas, if the studio has one.
        start: pictures to continue from, uint8 (n, h, w, 3), instead of the task's own start.

    Raises:
        PictureError: the canvas that the task starts from is empty or hidden, or its mask is empty, hidden or covers
            everything.
        ParameterError: the task needs a feature and none is selected.
        StateError: the task needs a layer, and the model is still being loaded.
    """
    spec = task_spec(task)
    if spec.target == "feature" and not target:
        raise ParameterError(
            "This model has no feature catalogue to choose from; create one with 'robust-widgets features'."
        )
    if spec.target == "layer" and not target:
        raise StateError("The layers are not known before the model is loaded; wait until it is, and choose one.")
    if start is not None and "channels" in parameters:  # which decides what each picture is for
        count = parameters["channels"] * parameters["n"]
        start = start if len(start) == count else np.repeat(start[:1], count, axis=0)
    elif start is not None and "n" in parameters:
        parameters = {**parameters, "n": len(start)}
    request = RunRequest(task, target, parameters, start=start)
    if not spec.takes_picture or surface is None:
        return request
    if not surface.raster.shows_nothing:
        request = replace(request, picture=surface.picture())
    elif start is not None:
        request = replace(request, picture=start[0])
    elif spec.needs_picture and not surface.raster.is_blank:
        raise PictureError(
            "Everything on the canvas is hidden, and hidden layers do not go into a run; show a layer in the list of "
            "layers, then press Run."
        )
    elif spec.needs_picture:
        raise PictureError("The canvas is empty; paint something, or drop a picture on it, then press Run.")
    if not spec.takes_mask:
        return request
    if "mask" in surface.raster.hidden and surface.has_mask:
        raise PictureError(
            "The mask is hidden, and hidden layers do not go into a run; show it in the list of layers, then press Run."
        )
    return replace(request, mask=_checked(surface.mask()))


def _checked(mask: Pixels) -> Pixels:
    inside = mask > 127
    if not inside.any():
        raise PictureError("The mask is empty; press M and mark the part of the picture to paint, then press Run.")
    if inside.all():
        raise PictureError("The mask covers the whole picture; leave the part to preserve unmarked, then press Run.")
    return mask


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
        if not self.button.value or self._surface.raster.shows_nothing:
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
