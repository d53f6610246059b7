"""The pictures of a model card: matplotlib's figures, and a sheet of what was painted."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from robust_widgets.benchmark.compare import Row
from robust_widgets.benchmark.competitors import FLOOR
from robust_widgets.evaluation.scores import Calibration
from robust_widgets.evaluation.spectrum import FACTOR, Ratio
from robust_widgets.pictures import Pixels

DPI = 150
INK, FAINT = "#222222", "#c8c8c8"
COLOURS = ("#1b6ca8", "#d1662b", "#5b8c3a", "#8a5aa8")
TILE = 64
SHOWN = 4
BLOCKS = 3
ROW_INCHES, HEAD_INCHES, WIDTH_INCHES = 0.22, 0.75, 8.0


def classes_chart(classes: Sequence[str], shares: Mapping[str, Sequence[float]]) -> bytes:
    """Accuracy of each class as PNG: a row a class, a dot a measurement.

    Args:
        classes: names, one a row.
        shares: for each measurement, by name, a share in [0, 1] for each class.
    """
    figure, axes = _figure(6.4, 0.9 + 0.22 * len(classes))
    rows = np.arange(len(classes))
    both = np.array(list(shares.values()))
    known = ~np.isnan(both).all(0)  # a class may have no picture
    low, high = np.nanmin(both[:, known], 0), np.nanmax(both[:, known], 0)
    axes.hlines(rows[known], low, high, color=FAINT, linewidth=3, zorder=1)
    for colour, (name, values) in zip(COLOURS * len(shares), shares.items(), strict=False):
        axes.scatter(values, rows, color=colour, s=26, label=name, zorder=2)
    axes.set_yticks(rows, classes)
    axes.set_ylim(len(classes) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel("right")
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=len(shares), frameon=False)
    return as_png(figure)


def reliability_chart(calibration: Calibration) -> bytes:
    """A reliability diagram as PNG: accuracy by confidence, and below it how many pictures there are."""
    figure = Figure(figsize=(4.8, 5.2), dpi=DPI, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    bins = len(calibration.counts)
    middles = (np.arange(bins) + 0.5) / bins
    there = np.array(calibration.counts) > 0
    upper.bar(middles[there], np.array(calibration.accuracy)[there], 0.9 / bins, color=COLOURS[0], label="accuracy")
    upper.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--", label="as often right as it says")
    upper.set_ylabel("accuracy")
    upper.set_ylim(0, 1.02)
    figure.legend(*upper.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    lower.bar(middles, calibration.counts, 0.9 / bins, color=FAINT)
    lower.set_ylabel("pictures")
    lower.set_xlabel("confidence")
    lower.set_xlim(0, 1)
    for axes in (upper, lower):
        plain_axes(axes)
    return as_png(figure)


def spectrum_chart(curves: Mapping[str, tuple[Ratio, Ratio]], side: int) -> bytes:
    """Power over that of photographs as PNG, on rings and on the axes, with the band of a factor of 3.

    Args:
        curves: for each set of pictures, by name, its ratio on rings and on the axes.
        side: of the pictures, in pixels.
    """
    figure = Figure(figsize=(8.4, 3.9), dpi=DPI, layout="constrained")
    pair: Sequence[Axes] = figure.subplots(1, 2, sharey=True)
    for at, (axes, title) in enumerate(zip(pair, ("all directions", "along rows and columns"), strict=True)):
        axes.axhspan(1 / FACTOR, FACTOR, color="#eaf1ea", zorder=0)
        axes.axhline(1, color=INK, linewidth=0.8, linestyle="--")
        for colour, (name, ratios) in zip(COLOURS * len(curves), curves.items(), strict=False):
            values = ratios[at].values
            axes.plot(np.arange(1, len(values) + 1), values, color=colour, linewidth=1.6, label=name)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("cycles a picture")
        axes.set_xlim(1, len(next(iter(curves.values()))[at].values))
        plain_axes(axes)
    pair[0].axvline(side / 2, color=FAINT, linewidth=1)
    pair[0].annotate(
        "corners", (side / 2, 1), (4, -4), xycoords=("data", "axes fraction"), textcoords="offset points", va="top",
        fontsize=8, color="#777777",
    )  # fmt: skip
    pair[0].set_ylabel("power / power of photographs")
    handles = pair[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(curves), frameon=False)
    return as_png(figure)


def contact_sheet(pixels: Pixels, labels: Tensor, classes: Sequence[str]) -> bytes:
    """The first pictures of each class beside its name, as PNG; uint8 (n, side, side, 3), labels (n,)."""
    side = pixels.shape[1]
    scale = max(1, round(TILE / side))
    tile = side * scale
    font = ImageFont.load_default(13)
    wide = round(max(font.getlength(name) for name in classes)) + 12
    blocks = min(BLOCKS, len(classes))
    rows = -(-len(classes) // blocks)
    shown = min(SHOWN, int(labels.bincount().max()))
    block = wide + shown * tile + 12
    sheet = Image.new("RGB", (blocks * block, rows * tile), "white")
    draw = ImageDraw.Draw(sheet)
    for label, name in enumerate(classes):
        left, top = label // rows * block, label % rows * tile
        draw.text((left + wide - 6, top + tile / 2), name, INK, font, anchor="rm")
        for at, index in enumerate((labels == label).nonzero().flatten()[:shown].tolist()):
            picture = Image.fromarray(pixels[index]).resize((tile, tile), Image.Resampling.NEAREST)
            sheet.paste(picture, (left + wide + at * tile, top))
    written = io.BytesIO()
    sheet.save(written, "PNG", optimize=True)
    return written.getvalue()


def speed_chart(rows: Sequence[Row]) -> bytes:
    """Each loop's time over the floor's as PNG: a panel for each model, batch and task, a bar for each loop."""
    panels = list(dict.fromkeys((row.model, row.side, row.batch, row.task) for row in rows))
    inside = [[row for row in rows if (row.model, row.side, row.batch, row.task) == panel] for panel in panels]
    heights = [len(own) for own in inside]
    inches = ROW_INCHES * sum(heights) + HEAD_INCHES * len(panels)
    figure = Figure(figsize=(WIDTH_INCHES, inches), dpi=DPI, layout="constrained")
    every = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (model, side, batch, task), own in zip(every, panels, inside, strict=True):
        ratios = np.array([row.ratio_to_floor for row in own])
        colours = [COLOURS[1] if row.engine == FLOOR else COLOURS[0] for row in own]
        bars = axes.barh(np.arange(len(own)), ratios, color=colours, height=0.7)
        labels = [f"{row.ratio_to_floor:.2f} x   {row.ms_per_step:.1f} ms" for row in own]
        axes.bar_label(bars, labels, padding=3, fontsize=8)
        axes.set_yticks(np.arange(len(own)), [row.engine for row in own], fontsize=8)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.3 * float(ratios.max()))
        axes.axvline(1, color=FAINT, linewidth=1, zorder=0)
        axes.set_title(f"{model}, {side} px, batch {batch}, {task}: time of a step over the bare pass", fontsize=9)
        plain_axes(axes)
    return as_png(figure)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    plain_axes(axes)
    return figure, axes


def plain_axes(axes: Axes) -> None:
    """Axes with no frame on the right and above."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9)


def as_png(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG file."""
    written = io.BytesIO()
    FigureCanvasAgg(figure).print_png(written)
    return written.getvalue()
