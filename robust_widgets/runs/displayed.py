"""Runs as the outputs of a notebook hold them, for the JupyterLab extension. No torch here.

Such an output has a MIME type of its own, which says what each run was asked. The pictures and curves stand once in
the file: in the HTML player beside it, which exports show and in which the extension finds them. They are fewer and
coarser than the run's own (:mod:`robust_widgets.runs.embed` says how much), so as long as the kernel has the run
itself, that is what a studio is handed.
"""

from __future__ import annotations

import base64
import io
import math
import uuid
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from PIL import Image

from robust_widgets.errors import TraceError
from robust_widgets.pixels import untiled
from robust_widgets.runs.archive import write_archive
from robust_widgets.runs.contents import header_of
from robust_widgets.runs.recording import distance_unit
from robust_widgets.trace import Frame, Pixels, Trace

MIME, VERSION = "application/vnd.robust-widgets.run+json", 1
# A server refuses messages over 10 MiB, and base64 makes a third more of these.
PIECE_BYTES = 3_000_000

_known: WeakValueDictionary[str, Trace] = WeakValueDictionary()
_packed: dict[str, bytes] = {}


def about(traces: Sequence[Trace], *, stands_in: bool = False) -> dict[str, Any]:
    """What is told of runs in an output.

    Args:
        traces: the runs, each with at least one frame, in the order of the player beside it.
        stands_in: whether a live widget in the same cell shows them already.
    """
    return {"version": VERSION, "standsIn": stands_in, "runs": [_about(trace) for trace in traces]}


def pack(name: str) -> int:
    """Make a whole run of this kernel ready to be fetched; in how many pieces, 0 if it is not known here (any more).

    Args:
        name: what :func:`about` called it.
    """
    _packed.clear()
    trace = _known.get(name)
    if trace is None:
        return 0
    file = io.BytesIO()
    write_archive(trace, file)
    _packed[name] = file.getvalue()
    return -(-len(_packed[name]) // PIECE_BYTES)


def piece(name: str, index: int) -> str:
    """One piece of the run that was packed, in base64; with the last one it is forgotten again."""
    start = index * PIECE_BYTES
    content = _packed[name][start : start + PIECE_BYTES]
    if start + PIECE_BYTES >= len(_packed[name]):
        _packed.clear()
    return base64.b64encode(content).decode()


def kept(told: dict[str, Any], run: dict[str, Any]) -> Trace:
    """The run that an output still holds when no kernel has it any more: some of its steps, with means for numbers.

    Args:
        told: what :func:`about` tells of it.
        run: what the player has of it.

    Raises:
        TraceError: something is missing or does not fit.
    """
    try:
        return _kept(told, run)
    except Exception as error:  # What was edited or damaged makes json, base64, PIL and numpy raise almost anything.
        raise TraceError(
            f"The run in this output cannot be read ({str(error).rstrip('.') or type(error).__name__}); "
            "run its cell again, then open it in a studio."
        ) from None


def _about(trace: Trace) -> dict[str, Any]:
    name = next((name for name, one in list(_known.items()) if one is trace), None)
    if name is None:
        _known[name := uuid.uuid4().hex] = trace
    count, height, width, _ = trace[0].pixels.shape
    header = {key: value for key, value in header_of(trace).items() if key != "classes"}
    pictures = {"count": count, "height": height, "width": width}
    return {"name": name, "header": header, "frames": len(trace), "pictures": pictures}


def _kept(told: dict[str, Any], run: dict[str, Any]) -> Trace:
    trace = Trace(**told["header"])
    count, unit = int(told["pictures"]["count"]), distance_unit(trace)
    numbers = zip(run["loss"], run["probability"], run["distance"], strict=True)
    for step, seconds, row, frame in zip(run["steps"], run["seconds"], numbers, run["frames"], strict=True):
        with Image.open(io.BytesIO(base64.b64decode(frame, validate=True)), formats=["JPEG"]) as picture:
            sheet = _whole_cells(picture.convert("RGB"), count)
        loss, probability, distance = (np.full(count, np.nan if one is None else float(one)) for one in row)
        trace.append(Frame(int(step), untiled(sheet, count), loss, probability, distance / unit, float(seconds)))
    if not len(trace):
        raise ValueError("it has no pictures")
    return trace


def _whole_cells(sheet: Image.Image, count: int) -> Pixels:
    """A grid of pictures that was made smaller as a whole, cut where its pictures meet."""
    columns = math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    size = columns * max(1, round(sheet.width / columns)), rows * max(1, round(sheet.height / rows))
    return np.asarray(sheet if size == sheet.size else sheet.resize(size))
