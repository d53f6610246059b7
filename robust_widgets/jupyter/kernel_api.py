"""The functions that the JupyterLab extension calls in the kernel of a studio's tab."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from IPython.display import display

from robust_widgets.errors import RobustWidgetsError, TraceError, first_line
from robust_widgets.jupyter.studio import Studio, open_studios
from robust_widgets.pictures.io import to_square_pixels
from robust_widgets.runs.trace import load_trace, trace_from_output
from robust_widgets.session.server_link import SERVER
from robust_widgets.widgets.painting.raster import DEFAULT_SIDE
from robust_widgets.widgets.studio import StudioWidget
from robust_widgets.widgets.studio.detached import status_bar_info

RUN_ENDING = ".rwtrace"
# The part of a run that a notebook output holds.
OUTPUT_ENDING = ".json"
# Shown next to the widget's own type: information for the status bar.
STATUS_MIME = "application/vnd.robust-widgets.studio+json"

_pieces: list[str] = []


def show(
    file: str | None = None,
    *,
    model: str | None = None,
    device: str | None = None,
    frames_per_second: float | None = None,
    server: str | None = None,
) -> None:
    """Show the tab's studio: the existing one, or a new one.

    A file, model or device that cannot be used is reported in the studio, which opens without it.

    Args:
        file: a picture to put under the sketch, or a saved run to continue from.
        model, device: as in :func:`robust_widgets.Studio`.
        frames_per_second: steps of a run sent to the page each second, at most; by default
            :data:`robust_widgets.widgets.flow_control.FRAMES_PER_SECOND`.
        server: the address of a server to paint on, unless the environment names one already.
    """
    if server:
        os.environ.setdefault(SERVER, server)
    studio, errors = _studio(file, model, device)
    if frames_per_second is not None:
        studio.runner.frames_per_second = frames_per_second
    if errors:
        studio.status.show(errors, "error")
    # Don't use `_ipython_display_`: it adds a snapshot for the notebook, which a tab does not need.
    bundle = cast("dict[str, Any]", studio._repr_mimebundle_())  # pyright: ignore[reportPrivateUsage]
    display({**bundle, STATUS_MIME: status_bar_info(studio.session.model)}, raw=True)


def set_frame_rate(frames_per_second: float) -> None:
    """Limit the steps per second that every studio of this kernel sends to the page, from now on."""
    for studio in open_studios():
        studio.runner.frames_per_second = frames_per_second


def bring(name: str, index: int, count: int, piece: str) -> None:
    """Receive a picture or a run from a notebook, piece by piece; after the last, show it in the tab's studio.

    Args:
        name: its suffix is the kind: ``.rwtrace`` is a whole run, ``.json`` the part of a run that an output holds,
            anything else a picture file.
        index: the number of this piece, from 0.
        count: the number of pieces.
        piece: base64.
    """
    if index == 0:
        _pieces.clear()
    _pieces.append(piece)
    if index < count - 1:
        return
    content = b"".join(base64.b64decode(piece) for piece in _pieces)
    _pieces.clear()
    studio = open_studios()[-1]
    studio.status.guard(_take)(studio, name, content)


def unsaved() -> bool:
    """Whether anything in this kernel was painted or run and not saved to a file."""
    return any(studio.unsaved for studio in open_studios())


def painted() -> bool:
    """Whether this kernel has a painting, which a studio in the same place would restore."""
    surfaces = [studio.surface for studio in open_studios()]
    return any(surface is not None and (surface.has_mask or not surface.raster.is_blank) for surface in surfaces)


def _take(studio: StudioWidget, name: str, content: bytes) -> None:
    if name.endswith(RUN_ENDING):
        # load_trace needs a file, so write a temporary one.
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"run{RUN_ENDING}"  # not the page's name, which could lead elsewhere
            path.write_bytes(content)
            studio.take(load_trace(path))
    elif name.endswith(OUTPUT_ENDING):
        try:
            output = json.loads(content)
            about, run = output["told"], output["run"]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise TraceError(
                "The run in this output cannot be read; run its cell again, then open it in a studio."
            ) from None
        trace = trace_from_output(about, run)
        studio.take(trace)
        studio.status.show(
            f"The kernel that had this run is gone; the notebook keeps {len(trace)} of its {about['frames']} pictures, "
            "as JPEG.",
            "warning",
        )
    else:
        assert studio.surface is not None
        studio.surface.set_picture(to_square_pixels(content, DEFAULT_SIDE))


def _studio(file: str | None, model: str | None, device: str | None) -> tuple[StudioWidget, str]:
    """A studio with as many of the arguments as can be used, and the errors of the others."""
    is_run = file is not None and file.lower().endswith(RUN_ENDING)
    errors: list[str] = []
    picture = None if is_run else file
    attempts = [(picture, model, device), (picture, model, None), (picture, None, device), (picture, None, None)]
    for image, model_name, device_name in dict.fromkeys([*attempts, (None, model, device)]):
        try:
            studio = Studio(image, model=model_name, device=device_name)
            break
        except Exception as error:
            errors.append(_sentence(error))
    else:
        studio = Studio()
    if file is not None and is_run and not studio.traces:
        try:
            studio.take(load_trace(file))
        except Exception as error:
            errors.append(_sentence(error))
    return studio, " ".join(dict.fromkeys(errors))


def _sentence(error: Exception) -> str:
    """An error in a sentence: whatever the reason, the tab has to show a studio."""
    if isinstance(error, RobustWidgetsError):
        return str(error)
    return f"Unexpected error: {type(error).__name__}: {first_line(error)}."
