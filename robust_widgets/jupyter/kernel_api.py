"""What the JupyterLab extension asks of the kernel of a studio's tab."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from IPython.display import display

from robust_widgets.errors import RobustWidgetsError
from robust_widgets.jupyter.studio import Studio, open_studios
from robust_widgets.pictures.io import to_square_pixels
from robust_widgets.runs.trace import load_trace, trace_from_output
from robust_widgets.widgets.painting.raster import DEFAULT_SIDE
from robust_widgets.widgets.studio import StudioWidget
from robust_widgets.widgets.studio.detached import about

RUN_ENDING = ".rwtrace"
# What an output still holds of a run.
KEPT_ENDING = ".json"
# Beside the widget's own type: what the status bar tells of the studio.
ABOUT_MIME = "application/vnd.robust-widgets.studio+json"

_arriving: list[str] = []


def show(
    file: str | None = None,
    *,
    model: str | None = None,
    device: str | None = None,
    frames_per_second: float | None = None,
) -> None:
    """Show the tab's studio: the one that it has already, or else a new one.

    What is wrong with the file, the model or the device is said in the studio, which then opens without.

    Args:
        file: a picture to lay under the sketch, or a saved run to go on from.
        model, device: as :func:`robust_widgets.Studio` takes them.
        frames_per_second: how many steps a second are sent to the page while a run goes on, at most; by default as
            many as :data:`robust_widgets.widgets.flow_control.FRAMES_PER_SECOND` says.
    """
    studio, complaint = _studio(file, model, device)
    if frames_per_second is not None:
        studio.runner.frames_per_second = frames_per_second
    if complaint:
        studio.notice.say(complaint, "error")
    # Not by the studio's own way of showing itself: that leaves a player in the notebook, and a tab is no notebook.
    bundle = cast("dict[str, Any]", studio._repr_mimebundle_())  # pyright: ignore[reportPrivateUsage]
    display({**bundle, ABOUT_MIME: about(studio.session.model)}, raw=True)


def set_frame_rate(frames_per_second: float) -> None:
    """Have at most so many steps a second sent to the page by every studio of this kernel, from now on."""
    for studio in open_studios():
        studio.runner.frames_per_second = frames_per_second


def bring(name: str, index: int, count: int, piece: str) -> None:
    """Take a picture or a run that comes from a notebook into the tab's studio, piece by piece.

    Args:
        name: says by its ending what comes: ``.rwtrace`` a whole run, ``.json`` what an output keeps of one, any other
            a picture file's bytes.
        index, count: which piece this is, from 0, and of how many.
        piece: in base64. With the last one the studio shows it, or says what is wrong with it.
    """
    if index == 0:
        _arriving.clear()
    _arriving.append(piece)
    if index < count - 1:
        return
    content = b"".join(base64.b64decode(one) for one in _arriving)
    _arriving.clear()
    studio = open_studios()[-1]
    studio.notice.guard(_take)(studio, name, content)


def unsaved() -> bool:
    """Whether something in this kernel was painted or run and not saved to a file."""
    return any(studio.unsaved for studio in open_studios())


def painted() -> bool:
    """Whether there is a painting in this kernel, which a studio of the same place would bring back."""
    surfaces = [studio.surface for studio in open_studios()]
    return any(surface is not None and (surface.has_mask or not surface.raster.is_blank) for surface in surfaces)


def _take(studio: StudioWidget, name: str, content: bytes) -> None:
    if name.endswith(RUN_ENDING):
        # The reader of runs reads files; this one is gone again at once.
        with TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(content)
            studio.take(load_trace(path))
    elif name.endswith(KEPT_ENDING):
        output = json.loads(content)
        trace = trace_from_output(output["told"], output["run"])
        studio.take(trace)
        studio.notice.say(
            f"This is what the notebook keeps of the run: {len(trace)} of its {output['told']['frames']} pictures, as "
            "JPEG, because no kernel has the run itself any more.",
            "warning",
        )
    else:
        assert studio.surface is not None
        studio.surface.set_picture(to_square_pixels(content, DEFAULT_SIDE))


def _studio(file: str | None, model: str | None, device: str | None) -> tuple[StudioWidget, str]:
    """A studio of as much of what is wanted as can be had, and what is wrong with the rest."""
    is_run = file is not None and file.lower().endswith(RUN_ENDING)
    complaints: list[str] = []
    given = None if is_run else file
    wishes = [(given, model, device), (given, model, None), (given, None, device), (given, None, None)]
    for picture, name, place in dict.fromkeys([*wishes, (None, model, device)]):
        try:
            studio = Studio(picture, model=name, device=place)
            break
        except RobustWidgetsError as error:
            complaints.append(str(error))
    else:
        studio = Studio()
    if file is not None and is_run and not studio.traces:
        try:
            studio.take(load_trace(file))
        except RobustWidgetsError as error:
            complaints.append(str(error))
    return studio, " ".join(dict.fromkeys(complaints))
