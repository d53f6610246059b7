"""A grid of runs over two axes: a sheet to zoom into, whose pictures open their runs."""

from __future__ import annotations

import base64
import html
import json
import os
import uuid
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from robust_widgets._files import atomic_write, check_output
from robust_widgets.pictures.files import as_path
from robust_widgets.pictures.grid import INK, PAPER, enlarged
from robust_widgets.runs.files import save_run
from robust_widgets.runs.frame import Frame
from robust_widgets.runs.playback import evenly, jpeg
from robust_widgets.runs.trace import Trace

GAP, LINE, FONT_SIZE = 4, 20, 13
MOST_BYTES = 3_000_000  # of a sheet's pictures in a notebook file
# Number of a run's pictures in a notebook, JPEG quality, longest side in pixels; the first that fits.
LADDER = (
    (9, 90, None),
    (9, 80, 320),
    (7, 75, 224),
    (5, 70, 160),
    (3, 60, 128),
    (2, 50, 96),
    (1, 50, 64),
    (1, 40, 32),
    (1, 20, 16),
)
ZOOMS = (48, 96, 320)  # width of a picture in CSS pixels: smallest, at first, largest
REDUCED = (
    "The pictures are reduced, and some steps left out, so that the notebook stays small; "
    "<code>sweep.save(&quot;sweep.rwtrace&quot;)</code> keeps all of them."
)


@dataclass(frozen=True)
class Axis:
    """One direction of a grid.

    Attributes:
        name: the parameter that changes, or ``"target"``.
        labels: its values, in words.
    """

    name: str
    labels: tuple[str, ...]

    def words(self, index: int) -> str:
        """The name and a value, such as ``"step size 0.5"``."""
        return self.labels[index] if self.name == "target" else f"{self.name.replace('_', ' ')} {self.labels[index]}"


@dataclass(frozen=True, eq=False)
class Sweep:
    """Runs of one task for each pair of values.

    Attributes:
        x: the axis across.
        y: the axis down.
        traces: the runs, row by row: ``traces[row][column]``. Each has one picture.
        parameters: those that all of them share.
    """

    x: Axis
    y: Axis
    traces: tuple[tuple[Trace, ...], ...]
    parameters: dict[str, Any]

    def __getitem__(self, place: tuple[int, int]) -> Trace:
        """The run at a row and a column."""
        row, column = place
        return self.traces[row][column]

    @property
    def trace(self) -> Trace:
        """All of them as one run, row by row; shorter runs stay at their last picture."""
        cells = [trace for row in self.traces for trace in row]
        first = cells[0]
        axes = {axis: f"{each.name}: {', '.join(each.labels)}" for axis, each in (("x", self.x), ("y", self.y))}
        whole = Trace(
            "sweep",
            {**self.parameters, **axes},
            model=first.model,
            fingerprint=first.fingerprint,
            target=first.target if len({cell.target for cell in cells}) == 1 else "",
            classes=first.classes,
            loading=first.loading,
        )
        for step in range(max(map(len, cells))):
            whole.append(_joined([cell[min(step, len(cell) - 1)] for cell in cells]))
        return whole

    def image(self, size: int = 96) -> Image.Image:
        """The last pictures as a sheet with the values of both axes, each picture ``size`` pixels high."""
        font = ImageFont.load_default(FONT_SIZE)
        rows = [self.y.words(row) for row in range(len(self.traces))]
        margin = round(max(font.getlength(text) for text in rows)) + 2 * GAP
        pictures = [[enlarged(trace.pixels[0], size) for trace in row] for row in self.traces]
        columns = [self.x.words(column) for column in range(len(self.x.labels))]
        width = max(pictures[0][0].width, *(round(font.getlength(text)) for text in columns)) + GAP
        height = pictures[0][0].height + GAP
        sheet = Image.new("RGB", (margin + len(columns) * width, LINE + len(rows) * height), PAPER)
        draw = ImageDraw.Draw(sheet)
        for column, text in enumerate(columns):
            draw.text((margin + column * width, LINE / 2), text, INK, font=font, anchor="lm")
        for row, text in enumerate(rows):
            top = LINE + row * height
            draw.text((margin - 2 * GAP, top + height / 2), text, INK, font=font, anchor="rm")
            for column, picture in enumerate(pictures[row]):
                sheet.paste(picture, (margin + column * width, top))
        return sheet

    def save(self, path: str | os.PathLike[str], *, overwrite: bool | None = None) -> None:
        """Write the sheet as ``.png``, or all runs as one in any other format of :meth:`robust_widgets.Trace.save`.

        Args:
            path: the file.
            overwrite: as for :meth:`robust_widgets.Trace.save`.

        Raises:
            SaveError: another extension, a file that is not to be replaced, or one that cannot be written.
        """
        path = as_path(path)
        if path.suffix.lower() != ".png":
            save_run(self.trace, path, overwrite=overwrite)
            return
        check_output(path, overwrite=overwrite, sources=self.traces[0][0].sources)
        sheet = self.image()
        atomic_write(path, lambda file: sheet.save(file, "PNG"), overwrite=overwrite is not False)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """A sheet whose pictures open their runs, without a kernel."""
        return {"text/html": _page(self), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"Sweep({self.y.name} x {self.x.name}, {len(self.y.labels)} x {len(self.x.labels)} runs)"


def _joined(frames: list[Frame]) -> Frame:
    """One frame with the pictures of several."""
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(frame, name) for frame in frames])
        for name in ("pixels", "loss", "probability", "distance")
    }
    for name in ("probabilities", "gradient"):
        values = [getattr(frame, name) for frame in frames]
        arrays[name] = None if any(value is None for value in values) else np.concatenate(values)
    return replace(max(frames, key=lambda frame: frame.step), **arrays)


def _page(sweep: Sweep) -> str:
    """The sheet as HTML with a script of its own."""
    name = f"rw-sweep-{uuid.uuid4().hex}"
    runs: list[dict[str, Any]] = []
    pictures, is_whole = _pictures([trace for row in sweep.traces for trace in row])
    note = "" if is_whole else f"<p>{REDUCED}</p>"
    rows = ["<tr><td></td>" + "".join(f"<th scope='col'>{_text(sweep.x.words(i))}</th>" for i in _range(sweep.x))]
    for row, traces in enumerate(sweep.traces):
        cells = [f"<tr><th scope='row'>{_text(sweep.y.words(row))}</th>"]
        for column, trace in enumerate(traces):
            label = f"{sweep.y.words(row)}, {sweep.x.words(column)}"
            probability = float(trace[-1].probability[0])
            label += "" if probability != probability else f": {probability:.0%}"
            runs.append({"label": label, **pictures[len(runs)]})
            cells.append(f"<td><button type='button' title='{_text(label)}'><img alt='{_text(label)}'></button></td>")
        rows.append("".join(cells))
    data = json.dumps(runs).replace("</", "<\\/")
    smallest, first, largest = ZOOMS
    return f"""<div id="{name}" style="--size:{first}px;max-width:100%;overflow:auto">
<style>
#{name} table {{ border-collapse: collapse }}
#{name} th {{ font-weight: normal; padding: 2px 6px; white-space: nowrap }}
#{name} td {{ padding: 1px }}
#{name} td button {{ padding: 0; border: 2px solid transparent; background: none; cursor: zoom-in; display: block }}
#{name} td button:focus-visible, #{name} td button[aria-pressed=true] {{ border-color: currentColor }}
#{name} td img {{ width: var(--size); display: block }}
#{name} figure {{ margin: 6px 0 }}
#{name} figure img {{ width: 256px; display: block }}
</style>
<label>zoom <input type="range" min="{smallest}" max="{largest}" value="{first}"></label>
<table>{"".join(rows)}</table>{note}
<figure hidden><img alt=""><label>step <input type="range" min="0"></label> <span role="status"></span></figure>
<script>(() => {{
const root = document.getElementById("{name}"), runs = {data};
const [zoom, step] = root.querySelectorAll("input"), figure = root.querySelector("figure");
const picture = figure.querySelector("img"), words = figure.querySelector("span");
let open = null;
zoom.addEventListener("input", () => root.style.setProperty("--size", zoom.value + "px"));
const show = () => {{
  picture.src = open.frames[step.value];
  picture.alt = open.label;
  words.textContent = open.label + ", step " + open.steps[step.value];
}};
step.addEventListener("input", show);
root.querySelectorAll("td button").forEach((button, index, all) => {{
  button.firstChild.src = runs[index].frames.at(-1);
  button.addEventListener("click", () => {{
    const close = open === runs[index];
    all.forEach((other) => other.setAttribute("aria-pressed", String(other === button && !close)));
    figure.hidden = close;
    open = close ? null : runs[index];
    if (close) return;
    step.max = open.frames.length - 1;
    step.value = step.max;
    show();
  }});
}});
}})()</script></div>"""


def _range(axis: Axis) -> range:
    return range(len(axis.labels))


def _text(words: str) -> str:
    return html.escape(words, quote=True)


def _pictures(traces: list[Trace]) -> tuple[list[dict[str, Any]], bool]:
    """Steps and pictures of each run, together at most `MOST_BYTES` if possible, and whether they are whole."""
    encoded: list[dict[str, Any]] = []
    for rung in LADDER:
        # Three runs tell whether all of them can fit, which makes most rungs cheap.
        some = [_encoded(traces[index], *rung) for index in evenly(len(traces), 3)]
        if sum(map(_size, some)) / len(some) * len(traces) > MOST_BYTES and rung != LADDER[-1]:
            continue
        encoded = [_encoded(trace, *rung) for trace in traces]
        if sum(map(_size, encoded)) <= MOST_BYTES:
            return encoded, rung == LADDER[0]
    return encoded, False


def _encoded(trace: Trace, count: int, quality: int, side: int | None) -> dict[str, Any]:
    steps = evenly(len(trace), count)
    frames = [base64.b64encode(jpeg(trace[step].pixels, quality, side)).decode() for step in steps]
    return {
        "steps": [trace[step].step for step in steps],
        "frames": [f"data:image/jpeg;base64,{frame}" for frame in frames],
    }


def _size(run: dict[str, Any]) -> int:
    return sum(map(len, run["frames"]))
