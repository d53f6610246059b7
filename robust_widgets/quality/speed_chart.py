"""A contest as a bar chart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from robust_widgets.quality.charts import COLOURS, DPI, FAINT, as_png, plain_axes
from robust_widgets.quality.contest import Row
from robust_widgets.quality.peers import FLOOR

ROW_INCHES, HEAD_INCHES, WIDTH_INCHES = 0.22, 0.75, 8.0


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
