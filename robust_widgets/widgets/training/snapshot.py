"""The snapshot of a training run in the notebook: a static report with its curves and rows of pictures."""

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
from robust_widgets.widgets.player.snapshot import HIDE_MISSING_WIDGET, Publish, Snapshot
from robust_widgets.widgets.training import formatting
from robust_widgets.widgets.training.history import TrainingHistory, rows_to_show
from robust_widgets.widgets.training.view import accuracy_curves, first_pictures, loss_curve

MAX_ROWS = 8
PICTURE_SIZE, GAP = 64, 2
CELL = PICTURE_SIZE + 2 * GAP
DOTS_PER_INCH = 110
WIDTH = 8.0
CURVES_HEIGHT = 2.4
# Colours and dashes as in the page.
LINE_STYLES = (
    ("#2f7fd6", "-"),
    ("#d0661f", (0, (4, 2))),
    ("#2b9155", (0, (1, 1))),
    ("#a25bd0", (0, (6, 2, 1, 2))),
    ("#c2477f", (0, (3, 1, 1, 1))),
)


def static_report(history: TrainingHistory, title: str) -> bytes:
    """Curves, and below them rows of pictures, newest first: a JPEG file, white in both themes."""
    # pyplot is not safe off the main thread. Imported late: it is needed only once a run has ended.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [epoch for epoch in history.epochs if epoch.pictures is not None and len(epoch.pictures)]
    rows = [rows[index] for index in reversed(rows_to_show(len(rows), MAX_ROWS))]
    count = max((len(first_pictures(epoch)) for epoch in rows), default=0)
    cell = min(0.8, (WIDTH - 1.2) / count) if count else 0.0
    heights = [CURVES_HEIGHT] + ([cell * len(rows) + 0.4] if rows else [])
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.4), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11, fontweight="bold")
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    loss_axes, accuracy_axes = parts[0].subplots(1, 2)
    _plot_curves(loss_axes, accuracy_axes, history)
    if rows:
        axes = parts[1].subplots()
        pictures = [picture for epoch in rows for picture in _row(first_pictures(epoch), count)]
        axes.imshow(tile(np.stack(pictures), columns=count))
        labels = [*rows[0].labels[:count], *[""] * (count - len(rows[0].labels))]
        axes.set_xticks(_middles(count), [textwrap.fill(label, 11) for label in labels], fontsize=7)
        axes.set_yticks(_middles(len(rows)), [f"epoch {epoch.epoch}" for epoch in rows], fontsize=7)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    file = io.BytesIO()
    figure.savefig(file, format="jpeg", pil_kwargs={"quality": 85})
    return file.getvalue()


def _plot_curves(loss_axes: Any, accuracy_axes: Any, history: TrainingHistory) -> None:
    loss, accuracies = loss_curve(history), accuracy_curves(history)
    loss_axes.plot(loss["steps"], _numbers(loss["values"]), color=LINE_STYLES[0][0])
    loss_axes.set_title("loss", fontsize=9, loc="left")
    for series, (color, dashes) in zip(accuracies["series"], itertools.cycle((*LINE_STYLES[1:], LINE_STYLES[0]))):
        values = [100 * value for value in _numbers(series["values"])]
        accuracy_axes.plot(
            accuracies["steps"], values, color=color, linestyle=dashes, marker="o", markersize=3, label=series["name"]
        )
    accuracy_axes.set_title("accuracy (%)", fontsize=9, loc="left")
    if accuracies["series"]:
        accuracy_axes.set_ylim(0, 100)
        accuracy_axes.legend(fontsize=7, frameon=False)
    for axes in (loss_axes, accuracy_axes):
        axes.set_xlabel("step", fontsize=8)
        axes.set_xlim(0, max(1, history.step))
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)


def _numbers(values: list[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _row(pictures: Pixels, count: int) -> list[Pixels]:
    """``count`` pictures of one size with a white border; missing ones are white."""
    row: list[Pixels] = []
    for picture in pictures:
        fitted = Image.fromarray(picture).resize((PICTURE_SIZE, PICTURE_SIZE), Image.Resampling.LANCZOS)
        row.append(np.asarray(ImageOps.expand(fitted, GAP, "white")))
    return [*row, *[np.full((CELL, CELL, 3), 255, np.uint8)] * (count - len(row))]


def _middles(count: int) -> list[float]:
    return [(index + 0.5) * CELL for index in range(count)]


class TrainingSnapshot(Snapshot):
    """An output of the cell that is updated when a run has ended.

    Args:
        read: returns a copy of the current history, and its title; called on another thread.
        publisher: as for a `Snapshot`.
    """

    def __init__(self, read: Callable[[], tuple[TrainingHistory, str]], publisher: Publish | None = None) -> None:
        super().__init__("No training monitor here? Run this cell.", publisher=publisher)
        self._read = read

    def refresh(self) -> None:
        """Show the current history. Returns at once."""
        self.update(())

    def _bundle(self, traces: Sequence[Trace]) -> dict[str, str]:
        history, title = self._read()
        if history.newest is None or history.ended is None:
            return super()._bundle(())
        picture = base64.b64encode(static_report(history, title)).decode()
        text = summary(history, title)
        image = f'<img alt="{html.escape(text, quote=True)}" src="data:image/jpeg;base64,{picture}">'
        return {
            "text/html": f'<div class="rw-keepsake">{HIDE_MISSING_WIDGET}{image}</div>',
            "image/jpeg": picture,
            "text/plain": text,
        }


def summary(history: TrainingHistory, title: str) -> str:
    """A finished run in a sentence or two."""
    newest, ended = history.newest, history.ended
    assert newest is not None and ended is not None
    last = f" {formatting.epoch_sentence(history.epochs[-1])}" if history.epochs else ""
    return f"{title}: {formatting.STATES[ended.state]} at step {newest.step:,} of {newest.steps:,}.{last}"
