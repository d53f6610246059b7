"""Charts of model cards and benchmarks, and the contact sheet of generated pictures."""

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
from robust_widgets.benchmark.competitors import BASELINE
from robust_widgets.evaluation.scores import FACTOR, Calibration, Ratio
from robust_widgets.pictures import Pixels

DPI = 150
INK, FAINT = "#222222", "#c8c8c8"
COLOURS = ("#1b6ca8", "#d1662b", "#5b8c3a", "#8a5aa8")
TILE = 64
PER_CLASS = 4
BLOCKS = 3
ROW_INCHES, HEAD_INCHES, WIDTH_INCHES = 0.22, 0.75, 8.0


def classes_chart(classes: Sequence[str], accuracies: Mapping[str, Sequence[float]]) -> bytes:
    """Accuracy of each class as PNG, with a row for each class and a dot for each attack.

    Args:
        classes: class names.
        accuracies: for each attack, by name, the accuracy in [0, 1] on each class; NaN without pictures.
    """
    figure, axes = _figure(6.4, 0.9 + 0.22 * len(classes))
    rows = np.arange(len(classes))
    table = np.array(list(accuracies.values()))
    known = ~np.isnan(table).all(0)
    low, high = np.nanmin(table[:, known], 0), np.nanmax(table[:, known], 0)
    axes.hlines(rows[known], low, high, color=FAINT, linewidth=3, zorder=1)
    for colour, (name, values) in zip(COLOURS * len(accuracies), accuracies.items(), strict=False):
        axes.scatter(values, rows, color=colour, s=26, label=name, zorder=2)
    axes.set_yticks(rows, classes)
    axes.set_ylim(len(classes) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlabel("accuracy")
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=len(accuracies), frameon=False)
    return as_png(figure)


def reliability_chart(calibration: Calibration) -> bytes:
    """A reliability diagram as PNG: accuracy by confidence, above a histogram of the pictures."""
    figure = Figure(figsize=(4.8, 5.2), dpi=DPI, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    bins = len(calibration.counts)
    centres = (np.arange(bins) + 0.5) / bins
    present = np.array(calibration.counts) > 0
    upper.bar(centres[present], np.array(calibration.accuracy)[present], 0.9 / bins, color=COLOURS[0], label="accuracy")
    upper.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--", label="perfect calibration")
    upper.set_ylabel("accuracy")
    upper.set_ylim(0, 1.02)
    figure.legend(*upper.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    lower.bar(centres, calibration.counts, 0.9 / bins, color=FAINT)
    lower.set_ylabel("pictures")
    lower.set_xlabel("confidence")
    lower.set_xlim(0, 1)
    for axes in (upper, lower):
        plain_axes(axes)
    return as_png(figure)


def spectrum_chart(curves: Mapping[str, tuple[Ratio, Ratio]], size: int) -> bytes:
    """Power relative to photographs as PNG, on rings and on the axes, with a band of a factor of 3.

    Args:
        curves: for each set of pictures, by name, the ratio on rings and on the axes.
        size: width and height of the pictures in pixels.
    """
    figure = Figure(figsize=(8.4, 3.9), dpi=DPI, layout="constrained")
    pair: Sequence[Axes] = figure.subplots(1, 2, sharey=True)
    for column, (axes, title) in enumerate(zip(pair, ("all directions", "along rows and columns"), strict=True)):
        axes.axhspan(1 / FACTOR, FACTOR, color="#eaf1ea", zorder=0)
        axes.axhline(1, color=INK, linewidth=0.8, linestyle="--")
        for colour, (name, ratios) in zip(COLOURS * len(curves), curves.items(), strict=False):
            values = ratios[column].values
            axes.plot(np.arange(1, len(values) + 1), values, color=colour, linewidth=1.6, label=name)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("cycles per picture")
        axes.set_xlim(1, len(next(iter(curves.values()))[column].values))
        plain_axes(axes)
    pair[0].axvline(size / 2, color=FAINT, linewidth=1)
    pair[0].annotate(
        "corners", (size / 2, 1), (4, -4), xycoords=("data", "axes fraction"), textcoords="offset points", va="top",
        fontsize=8, color="#777777",
    )  # fmt: skip
    pair[0].set_ylabel("power / power of photographs")
    handles = pair[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(curves), frameon=False)
    return as_png(figure)


def contact_sheet(pixels: Pixels, labels: Tensor, classes: Sequence[str]) -> bytes:
    """The first pictures of each class next to its name, as PNG; uint8 (n, size, size, 3), labels (n,)."""
    size = pixels.shape[1]
    tile = size * max(1, round(TILE / size))
    font = ImageFont.load_default(13)
    name_width = round(max(font.getlength(name) for name in classes)) + 12
    blocks = min(BLOCKS, len(classes))
    rows = -(-len(classes) // blocks)
    per_class = min(PER_CLASS, int(labels.bincount().max()))
    block = name_width + per_class * tile + 12
    sheet = Image.new("RGB", (blocks * block, rows * tile), "white")
    draw = ImageDraw.Draw(sheet)
    for label, name in enumerate(classes):
        left, top = label // rows * block, label % rows * tile
        draw.text((left + name_width - 6, top + tile / 2), name, INK, font, anchor="rm")
        for column, index in enumerate((labels == label).nonzero().flatten()[:per_class].tolist()):
            picture = Image.fromarray(pixels[index]).resize((tile, tile), Image.Resampling.NEAREST)
            sheet.paste(picture, (left + name_width + column * tile, top))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def speed_chart(rows: Sequence[Row]) -> bytes:
    """Times relative to the baseline as PNG, with a panel for each model, batch and task and a bar for each loop."""
    panels = list(dict.fromkeys((row.model, row.side, row.batch, row.task) for row in rows))
    grouped = [[row for row in rows if (row.model, row.side, row.batch, row.task) == panel] for panel in panels]
    heights = [len(group) for group in grouped]
    inches = ROW_INCHES * sum(heights) + HEAD_INCHES * len(panels)
    figure = Figure(figsize=(WIDTH_INCHES, inches), dpi=DPI, layout="constrained")
    subplots = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (model, size, batch, task), group in zip(subplots, panels, grouped, strict=True):
        ratios = np.array([row.ratio_to_floor for row in group])
        colours = [COLOURS[1] if row.engine == BASELINE else COLOURS[0] for row in group]
        bars = axes.barh(np.arange(len(group)), ratios, color=colours, height=0.7)
        labels = [f"{row.ratio_to_floor:.2f} x   {row.ms_per_step:.1f} ms" for row in group]
        axes.bar_label(bars, labels, padding=3, fontsize=8)
        axes.set_yticks(np.arange(len(group)), [row.engine for row in group], fontsize=8)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.3 * float(ratios.max()))
        axes.axvline(1, color=FAINT, linewidth=1, zorder=0)
        axes.set_title(f"{model}, {size} px, batch {batch}, {task}: step time over forward + backward", fontsize=9)
        plain_axes(axes)
    return as_png(figure)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    plain_axes(axes)
    return figure, axes


def plain_axes(axes: Axes) -> None:
    """Remove the right and top spines."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9)


def as_png(figure: Figure) -> bytes:
    """A figure as PNG."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()
