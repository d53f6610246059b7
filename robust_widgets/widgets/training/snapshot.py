"""A training run on one sheet: its curves, and under them its rows of pictures, the newest on top."""

from __future__ import annotations

import base64
import html
import io
import itertools
import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from robust_widgets.pictures import Pixels
from robust_widgets.pictures.grid import tile
from robust_widgets.runs.trace import Trace
from robust_widgets.widgets.player.snapshot import NO_COMPLAINT, Keepsake, Publish
from robust_widgets.widgets.training import formatting as words
from robust_widgets.widgets.training.history import TrainingRecord, chosen
from robust_widgets.widgets.training.view import accuracy_curves, loss_curve, shown

MOST_ROWS = 8
SIDE, GAP = 64, 2
CELL = SIDE + 2 * GAP
DOTS_PER_INCH = 110
WIDTH = 8.0
CURVES_HEIGHT = 2.4
# As the curves in the browser: told apart by colour and by dashes.
LOOKS = (
    ("#2f7fd6", "-"),
    ("#d0661f", (0, (4, 2))),
    ("#2b9155", (0, (1, 1))),
    ("#a25bd0", (0, (6, 2, 1, 2))),
    ("#c2477f", (0, (3, 1, 1, 1))),
)


def sheet(record: TrainingRecord, title: str) -> bytes:
    """The sheet as a JPEG file, white under both themes."""
    # A Figure of its own, never pyplot, which is not safe off the main thread; and imported only when a run has ended.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [one for one in record.epochs if one.pictures is not None and len(one.pictures)]
    rows = [rows[index] for index in reversed(chosen(len(rows), MOST_ROWS))]
    count = max((len(shown(one)) for one in rows), default=0)
    cell = min(0.8, (WIDTH - 1.2) / count) if count else 0.0
    heights = [CURVES_HEIGHT] + ([cell * len(rows) + 0.4] if rows else [])
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.4), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11, fontweight="bold")
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    loss_axes, accuracy_axes = parts[0].subplots(1, 2)
    _curves(loss_axes, accuracy_axes, record)
    if rows:
        axes = parts[1].subplots()
        pictures = [picture for one in rows for picture in _row(shown(one), count)]
        axes.imshow(tile(np.stack(pictures), columns=count))
        labels = [*rows[0].labels[:count], *[""] * (count - len(rows[0].labels))]
        axes.set_xticks(_middles(count), [textwrap.fill(label, 11) for label in labels], fontsize=7)
        axes.set_yticks(_middles(len(rows)), [f"epoch {one.epoch}" for one in rows], fontsize=7)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    file = io.BytesIO()
    figure.savefig(file, format="jpeg", pil_kwargs={"quality": 85})
    return file.getvalue()


def _curves(loss_axes: Any, accuracy_axes: Any, record: TrainingRecord) -> None:
    loss, accuracies = loss_curve(record), accuracy_curves(record)
    loss_axes.plot(loss["steps"], _numbers(loss["values"]), color=LOOKS[0][0])
    loss_axes.set_title("loss", fontsize=9, loc="left")
    for series, (color, dashes) in zip(accuracies["series"], itertools.cycle((*LOOKS[1:], LOOKS[0]))):
        values = [100 * value for value in _numbers(series["values"])]
        accuracy_axes.plot(
            accuracies["steps"], values, color=color, linestyle=dashes, marker="o", markersize=3, label=series["name"]
        )
    accuracy_axes.set_title("accuracy in per cent", fontsize=9, loc="left")
    if accuracies["series"]:
        accuracy_axes.set_ylim(0, 100)
        accuracy_axes.legend(fontsize=7, frameon=False)
    for axes in (loss_axes, accuracy_axes):
        axes.set_xlabel("step", fontsize=8)
        axes.set_xlim(0, max(1, record.step))
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)


def _numbers(values: list[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _row(pictures: Pixels, count: int) -> list[Pixels]:
    """``count`` pictures of one size with white around them; white ones where there are fewer."""
    row: list[Pixels] = []
    for picture in pictures:
        fitted = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        row.append(np.asarray(ImageOps.expand(fitted, GAP, "white")))
    return [*row, *[np.full((CELL, CELL, 3), 255, np.uint8)] * (count - len(row))]


def _middles(count: int) -> list[float]:
    return [(index + 0.5) * CELL for index in range(count)]


class TrainingKeepsake(Keepsake):
    """An output of the cell, brought up to date when a run has ended.

    Args:
        snapshot: the record as it is now, and what it is called; asked on a thread of the keepsake's own.
        publisher: as for a `Keepsake`.
    """

    def __init__(self, snapshot: Callable[[], tuple[TrainingRecord, str]], publisher: Publish | None = None) -> None:
        super().__init__(publisher=publisher)
        self._snapshot = snapshot

    def changed(self) -> None:
        """There is something new. Returns at once."""
        self.update(())

    def _bundle(self, traces: Sequence[Trace]) -> dict[str, str]:
        record, title = self._snapshot()
        if record.newest is None or record.ended is None:
            return super()._bundle(())
        picture = base64.b64encode(sheet(record, title)).decode()
        said = summary(record, title)
        shown = f'<img alt="{html.escape(said, quote=True)}" src="data:image/jpeg;base64,{picture}">'
        return {
            "text/html": f'<div class="rw-keepsake">{NO_COMPLAINT}{shown}</div>',
            "image/jpeg": picture,
            "text/plain": said,
        }


def summary(record: TrainingRecord, title: str) -> str:
    """A run that has ended, in a sentence or two."""
    newest, ended = record.newest, record.ended
    assert newest is not None and ended is not None
    last = f" {words.told(record.epochs[-1])}" if record.epochs else ""
    return f"{title}: {words.STATES[ended.state]} at step {newest.step:,} of {newest.steps:,}.{last}"
