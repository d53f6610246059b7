"""A player that needs no kernel and no network: for saved notebooks and their HTML exports. No torch here.

Where the project's extension is, JupyterLab draws the player itself instead (:mod:`robust_widgets.runs.displayed`).
The player lives in a sandboxed frame with its pictures in it. Where scripts are not trusted the frame is taken away;
then a strip of steps is seen in its place.
"""

from __future__ import annotations

import base64
import functools
import html
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from robust_widgets.errors import KnobError
from robust_widgets.runs.displayed import MIME, about
from robust_widgets.runs.recording import curves, evenly, jpeg
from robust_widgets.runs.strip import strip
from robust_widgets.trace import Trace

STATIC = Path(__file__).parents[1] / "static"
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
        raise KnobError(f"The player's file {name!r} is missing from {str(STATIC)!r}; install robust-widgets again.")
    return path.read_text()
