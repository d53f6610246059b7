"""Runs in the outputs of notebooks.

An output holds an HTML player with the runs' pictures and curves, which also plays in exported pages, and our own MIME
type with the runs' parameters, which the JupyterLab extension reads. The player's pictures are fewer and coarser than
the run's own, so a studio gets the run itself as long as the kernel still has it.
"""

from __future__ import annotations

import base64
import functools
import html
import io
import json
import uuid
from collections.abc import Sequence
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import numpy as np
from PIL import Image

from robust_widgets._bundled import STATIC
from robust_widgets._files import checked
from robust_widgets.errors import SetupError, TraceError, first_line
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.grid import layout, untile
from robust_widgets.pictures.io import open_picture
from robust_widgets.pictures.limits import Budget
from robust_widgets.runs.export import strip
from robust_widgets.runs.files import header_of, write_archive
from robust_widgets.runs.playback import curves, distance_unit, evenly, jpeg
from robust_widgets.runs.record import Frame, RunRecord

R = TypeVar("R", bound=RunRecord)

MIME, VERSION = "application/vnd.robust-widgets.run+json", 1
# Jupyter Server refuses messages over 10 MiB; base64 adds a third.
PIECE_BYTES = 3_000_000

_known: WeakValueDictionary[str, RunRecord] = WeakValueDictionary()
_packed: dict[str, bytes] = {}


def about(traces: Sequence[RunRecord], *, stands_in: bool = False) -> dict[str, Any]:
    """The content of our MIME type for some runs.

    Args:
        traces: the runs, each with at least one frame, in the order of the player beside it.
        stands_in: whether a live widget of the same cell shows them already.
    """
    return {"version": VERSION, "standsIn": stands_in, "runs": [_about(trace) for trace in traces]}


def pack(name: str) -> int:
    """Prepare a whole run of this kernel for fetching; return the number of pieces, 0 if the kernel does not have it.

    Args:
        name: its name in :func:`about`.
    """
    _packed.clear()
    trace = _known.get(name)
    if trace is None:
        return 0
    file = io.BytesIO()
    write_archive(trace.so_far(), file)
    _packed[name] = file.getvalue()
    return -(-len(_packed[name]) // PIECE_BYTES)


def piece(name: str, index: int) -> str:
    """One piece of the packed run, in base64; the last piece frees it."""
    start = index * PIECE_BYTES
    content = _packed[name][start : start + PIECE_BYTES]
    if start + PIECE_BYTES >= len(_packed[name]):
        _packed.clear()
    return base64.b64encode(content).decode()


def rebuild_run(about: dict[str, Any], run: dict[str, Any], kind: type[R]) -> R:
    """Rebuild a run from an output: some of its steps, with the means of its numbers.

    Args:
        about: the run's entry in our MIME type.
        run: the run's data in the player.
        kind: the class to make.

    Raises:
        TraceError: something is missing or does not fit.
    """
    try:
        return _rebuild(about, run, kind)
    except Exception as error:  # edited or damaged outputs make json, base64, PIL and numpy raise almost anything
        raise TraceError(
            f"The run in this output cannot be read ({first_line(error)}); "
            "run its cell again, then open it in a studio."
        ) from None


def _about(trace: RunRecord) -> dict[str, Any]:
    name = next((name for name, known in list(_known.items()) if known is trace), None)
    if name is None:
        _known[name := uuid.uuid4().hex] = trace
    count, height, width, _ = trace[0].pixels.shape
    header = {key: value for key, value in header_of(trace).items() if key != "classes"}
    pictures = {"count": count, "height": height, "width": width}
    return {"name": name, "header": header, "frames": len(trace), "pictures": pictures}


def _rebuild(about: dict[str, Any], run: dict[str, Any], kind: type[R]) -> R:
    from robust_widgets.runs.reading import check_shown, record_of  # pydantic takes a moment to load
    from robust_widgets.runs.schema import Output, Played

    entry, played = checked(Output, about), checked(Played, run)
    trace = record_of(entry.header, kind)
    count, unit = entry.pictures.count, distance_unit(trace)
    budget = Budget.of_run(sum(map(len, played.frames)))
    numbers = zip(played.loss, played.probability, played.distance, strict=True)
    for step, seconds, row, frame in zip(played.steps, played.seconds, numbers, played.frames, strict=True):
        with open_picture(io.BytesIO(base64.b64decode(frame, validate=True)), ["JPEG"]) as picture:
            budget.take(3 * picture.width * picture.height)
            pixels = untile(_whole_cells(picture.convert("RGB"), count), count)
        if check_shown(pixels.shape) != check_shown((trace[0].pixels if len(trace) else pixels).shape):
            raise ValueError("its pictures differ in size")
        loss, probability, distance = (np.full(count, np.nan if number is None else number) for number in row)
        trace.append(Frame(step, pixels, loss, probability, distance / unit, seconds))
    return trace


def _whole_cells(sheet: Image.Image, count: int) -> Pixels:
    """A grid that was reduced as a whole, resized so that its cells are whole pixels."""
    rows, columns = layout(count)
    size = columns * max(1, round(sheet.width / columns)), rows * max(1, round(sheet.height / rows))
    return np.asarray(sheet if size == sheet.size else sheet.resize(size))


MOST_BYTES = 300_000
# (number of pictures, JPEG quality, longest side in pixels), best first.
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


def player_html(traces: Sequence[RunRecord], *, most_bytes: int = MOST_BYTES) -> str:
    """An HTML player of runs that needs no kernel.

    Args:
        traces: the runs; those without a frame are left out.
        most_bytes: limit of each run in a notebook file, including its share of the player. Until it fits, pictures are
            dropped evenly, reduced and compressed; the first and the last step go last.
    """
    return player([encode_run(trace, run_budget(most_bytes, len(traces))) for trace in traces if len(trace)])


def run_budget(most_bytes: int, runs: int) -> int:
    """Bytes for one run's pictures and numbers, after its share of the player."""
    return most_bytes - -(-_size(player([])) // max(1, runs))


def encode_run(trace: RunRecord, most_bytes: int) -> str:
    """One run for :func:`player`, in at most ``most_bytes`` of a notebook file if possible."""
    trace, encoded = trace.so_far(), ""
    for count, quality, side in LADDER:
        # Two pictures tell whether all of them can fit, which makes most rungs cheap.
        some = [len(jpeg(trace[index].pixels, quality, side)) for index in (len(trace) // 2, -1)]
        if sum(some) / 2 * min(count, len(trace)) > most_bytes and side > SMALLEST_SIDE:
            continue
        encoded = _encode(trace, count, quality, side)
        if _size(_quoted(encoded)) + 1 <= most_bytes:
            break
    return encoded


def player(runs: Sequence[str]) -> str:
    """The HTML player of runs that :func:`encode_run` encoded."""
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


def mime_bundle(traces: Sequence[RunRecord], *, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """A notebook's output for runs: our MIME type, the player, a strip of the newest run as PNG, and plain text.

    Each run has its own byte budget.
    """
    nonempty = [trace for trace in traces if len(trace)]
    if not nonempty:
        return {"text/plain": "no runs yet"}
    runs = [
        encode_run(trace, run_budget(most_bytes - STAND_IN_BYTES // len(nonempty), len(nonempty))) for trace in nonempty
    ]
    return bundle(nonempty, runs)


def bundle(traces: Sequence[RunRecord], runs: Sequence[str], *, stands_in: bool = False) -> dict[str, Any]:
    """Like :func:`mime_bundle`, for runs that are encoded already; everything but the player takes `STAND_IN_BYTES`.

    Args:
        traces, runs: the runs, and their encodings by :func:`encode_run`.
        stands_in: whether a live widget of the same cell shows them already.
    """
    metadata = about(traces, stands_in=stands_in)
    png, fallback = _stand_in(traces[-1], STAND_IN_BYTES - len(json.dumps(metadata)))
    return {
        MIME: metadata,
        "text/html": player(runs) + fallback,
        "image/png": png,
        "text/plain": "\n".join(repr(trace) for trace in traces),
    }


def _stand_in(trace: RunRecord, most_bytes: int) -> tuple[str, str]:
    """A strip of steps, as PNG and as an element that shows where iframes and styles are stripped."""
    sheet = strip(trace, STRIP_STEPS, STRIP_SIDE)
    words = html.escape(repr(trace), quote=True)
    for side in (STRIP_SIDE, 96, 64, 32):
        sheet.thumbnail((STRIP_STEPS * side, 2 * side))
        png = _encoded(sheet.quantize(128), "PNG")
        image = f'<img alt="{words}" title="{words}" src="data:image/jpeg;base64,{_encoded(sheet, "JPEG")}">'
        if len(png) + len(image) + 1000 < most_bytes:
            break
    return png, "<style>.rw-player+style+img{display:none}</style>" + image


def _encoded(picture: Image.Image, kind: str) -> str:
    file = io.BytesIO()
    picture.save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def _encode(trace: RunRecord, count: int, quality: int, side: int) -> str:
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
    # "</script" in a name would end the enclosing element.
    return json.dumps(run, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _quoted(text: str) -> str:
    """Escape text for an attribute in single quotes; JSON and scripts are full of double quotes, which stay."""
    return text.replace("&", "&amp;").replace("'", "&#39;")


def _size(text: str) -> int:
    """Size in a notebook file, which is JSON, in bytes."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2


@functools.cache
def _static(name: str) -> str:
    path = STATIC / name
    if not path.is_file():
        raise SetupError(f"The player's file {name!r} is missing from {str(STATIC)!r}; install robust-widgets again.")
    return path.read_text()
