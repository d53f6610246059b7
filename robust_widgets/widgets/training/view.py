"""The monitor's half in the browser.

All it shows comes in messages, never as widget state, so none is saved into the notebook. A page that is loaded anew
says hello and is told everything again.
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets as t

STATIC = Path(__file__).parents[2] / "static"


class MonitorView(anywidget.AnyWidget):
    """Heading, buttons, progress, curves and pictures of a training run.

    Attributes:
        label: what a screen reader calls it.
    """

    _esm = STATIC / "training.js"
    _css = STATIC / "training.css"

    label = t.Unicode("Training monitor").tag(sync=True)
