"""Runs as the outputs of a notebook hold them, for the JupyterLab extension. No torch here.

Such an output has a MIME type of its own, which says what each run was asked. The pictures and curves stand once in
the file: in the HTML player beside it, which exports show and in which the extension finds them. They are fewer and
coarser than the run's own (:mod:`robust_widgets.runs.notebook` says how much), so as long as the kernel has the run
itself, that is what a studio is handed.
"""

from __future__ import annotations

import base64
import functools
import html
import io
import json
import math
import uuid
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from PIL import Image

from robust_widgets._bundled import STATIC
from robust_widgets.errors import ParameterError, TraceError
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.grid import untile
from robust_widgets.runs.export import strip
from robust_widgets.runs.files import header_of, write_archive
from robust_widgets.runs.playback import curves, distance_unit, evenly, jpeg
from robust_widgets.runs.trace import Frame, Trace

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
    header = dict(told["header"])
    parameters = header.pop("knobs")  # the key of the files, older than the attribute's name
    trace = Trace(**header, parameters=parameters)
    count, unit = int(told["pictures"]["count"]), distance_unit(trace)
    numbers = zip(run["loss"], run["probability"], run["distance"], strict=True)
    for step, seconds, row, frame in zip(run["steps"], run["seconds"], numbers, run["frames"], strict=True):
        with Image.open(io.BytesIO(base64.b64decode(frame, validate=True)), formats=["JPEG"]) as picture:
            sheet = _whole_cells(picture.convert("RGB"), count)
        loss, probability, distance = (np.full(count, np.nan if one is None else float(one)) for one in row)
        trace.append(Frame(int(step), untile(sheet, count), loss, probability, distance / unit, float(seconds)))
    if not len(trace):
        raise ValueError("it has no pictures")
    return trace


def _whole_cells(sheet: Image.Image, count: int) -> Pixels:
    """A grid of pictures that was made smaller as a whole, cut where its pictures meet."""
    columns = math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    size = columns * max(1, round(sheet.width / columns)), rows * max(1, round(sheet.height / rows))
    return np.asarray(sheet if size == sheet.size else sheet.resize(size))


MOST_BYTES = 300_000
# What a run's pictures may be, the best first: how many, their JPEG quality, their longest side.
LADDER = (
    (61, 85, 320),
    (61, 75, 320),
    (41, 75, 320),
    (41, 60, 320),
    (31, 60, 288),
    (25, 55, 256),
    (21, 50, 224),
    (15, 50, 192),
    (11, 45, 160),
    (9, 45, 128),
    (7, 40, 96),
    (5, 40, 64),
    (3, 35, 48),
    (2, 30, 32),
    (1, 30, 32),
    (1, 20, 16),
)
HEIGHT, HEIGHT_WITH_LIST = 318, 372
SMALLEST_SIDE = 16
STRIP_STEPS, STRIP_SIDE = 6, 128
STAND_IN_BYTES = 80_000


def player_html(traces: Sequence[Trace], *, most_bytes: int = MOST_BYTES) -> str:
    """A player of runs as HTML: their pictures, scrubbed in the browser alone.

    Args:
        traces: the runs; those without a frame are left out.
        most_bytes: what each run may take in a notebook file, with its share of the player. Pictures are dropped
            evenly, and made smaller and coarser, until it fits; the first and the last step are kept longest.
    """
    return assemble([encode_run(trace, run_budget(most_bytes, len(traces))) for trace in traces if len(trace)])


def run_budget(most_bytes: int, runs: int) -> int:
    """What is left for one run's pictures and numbers when it has paid its share of the player."""
    return most_bytes - -(-_size(assemble([])) // max(1, runs))


def encode_run(trace: Trace, most_bytes: int) -> str:
    """One run for :func:`assemble`, in at most so many bytes of a notebook file if that can be done at all."""
    encoded = ""
    for count, quality, side in LADDER:
        # Two pictures tell whether all of them can fit, so that most rungs cost next to nothing.
        some = [len(jpeg(trace[index].pixels, quality, side)) for index in (len(trace) // 2, -1)]
        if sum(some) / 2 * min(count, len(trace)) > most_bytes and side > SMALLEST_SIDE:
            continue
        encoded = _encode(trace, count, quality, side)
        if _size(_quoted(encoded)) + 1 <= most_bytes:
            break
    return encoded


def assemble(runs: Sequence[str]) -> str:
    """The player around runs that :func:`encode_run` made."""
    style, script = _static("player.css"), _static("player.js")
    height = HEIGHT if len(runs) < 2 else HEIGHT_WITH_LIST
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Runs</title><style>{style}</style><body>'
        f'<script type="application/json" id="runs">[{",".join(runs)}]</script>'
        f'<script type="module">{script}</script>'
    )
    return (
        f'<iframe class="rw-player" title="Player of recorded runs" sandbox="allow-scripts" loading="lazy" '
        f"style=\"width:100%;max-width:680px;height:{height}px;border:0\" srcdoc='{_quoted(page)}'></iframe>"
    )


def mime_bundle(traces: Sequence[Trace], *, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """Runs for a notebook's output: what they were asked, the player, the newest run's strip as PNG, and words.

    Each run has a budget of its own.
    """
    shown = [trace for trace in traces if len(trace)]
    if not shown:
        return {"text/plain": "no runs yet"}
    runs = [encode_run(trace, run_budget(most_bytes - STAND_IN_BYTES // len(shown), len(shown))) for trace in shown]
    return bundle(shown, runs)


def bundle(traces: Sequence[Trace], runs: Sequence[str], *, stands_in: bool = False) -> dict[str, Any]:
    """As :func:`mime_bundle`, of runs that were encoded before; what is not the player takes `STAND_IN_BYTES`.

    Args:
        traces, runs: the runs, and what :func:`encode_run` made of them.
        stands_in: whether a live widget in the same cell shows them already.
    """
    told = about(traces, stands_in=stands_in)
    png, fallback = _stand_in(traces[-1], STAND_IN_BYTES - len(json.dumps(told)))
    return {
        MIME: told,
        "text/html": assemble(runs) + fallback,
        "image/png": png,
        "text/plain": "\n".join(repr(trace) for trace in traces),
    }


def _stand_in(trace: Trace, most_bytes: int) -> tuple[str, str]:
    """A strip of steps, as PNG and as the element that is seen where frames and styles are taken away."""
    sheet = strip(trace, STRIP_STEPS, STRIP_SIDE)
    words = html.escape(repr(trace), quote=True)
    for side in (STRIP_SIDE, 96, 64, 32):
        sheet.thumbnail((STRIP_STEPS * side, 2 * side))
        png = _encoded(sheet.quantize(128), "PNG")
        shown = f'<img alt="{words}" title="{words}" src="data:image/jpeg;base64,{_encoded(sheet, "JPEG")}">'
        if len(png) + len(shown) + 1000 < most_bytes:
            break
    return png, "<style>.rw-player+style+img{display:none}</style>" + shown


def _encoded(picture: Image.Image, kind: str) -> str:
    file = io.BytesIO()
    picture.save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def _encode(trace: Trace, count: int, quality: int, side: int) -> str:
    steps = evenly(len(trace), count)
    numbers = curves(trace, steps)
    run: dict[str, Any] = {
        "title": trace.target,
        "task": trace.task_in_words,
        "last": trace[-1].step,
        "recorded": len(trace),
        "steps": numbers.steps,
        "loss": [_short(value) for value in numbers.loss],
        "probability": [_short(value) for value in numbers.probability],
        "distance": [_short(value) for value in numbers.distance],
        "radius": numbers.radius,
        "seconds": [_short(trace[step].seconds) for step in steps],
        "frames": [base64.b64encode(jpeg(trace[step].pixels, quality, side)).decode() for step in steps],
    }
    # A "</script" in a name would end the element that holds this.
    return json.dumps(run, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _quoted(text: str) -> str:
    """Text for an attribute in single quotes; double quotes, of which JSON and scripts are full, stay as they are."""
    return text.replace("&", "&amp;").replace("'", "&#39;")


def _size(text: str) -> int:
    """Bytes in a notebook file, which is JSON."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2


@functools.cache
def _static(name: str) -> str:
    path = STATIC / name
    if not path.is_file():
        raise ParameterError(
            f"The player's file {name!r} is missing from {str(STATIC)!r}; install robust-widgets again."
        )
    return path.read_text()
