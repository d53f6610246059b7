"""Evenly spaced steps of a run as one still picture."""

from __future__ import annotations

import numpy as np
from PIL import Image

from robust_widgets.pixels import enlarged, tile
from robust_widgets.trace import Trace


def strip(trace: Trace, count: int = 6, side: int = 128) -> Image.Image:
    """Evenly spaced steps of a run next to each other, one row for each picture, each at least ``side`` high."""
    steps = np.unique(np.linspace(0, len(trace) - 1, count).round().astype(int))
    chosen = np.stack([trace[int(step)].pixels for step in steps], axis=1)
    rows = [enlarged(tile(row, columns=len(steps)), side) for row in chosen]
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)))
    for index, row in enumerate(rows):
        sheet.paste(row, (0, index * row.height))
    return sheet
