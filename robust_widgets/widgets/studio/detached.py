"""Move a cell's studio to a tab of JupyterLab.

The tab shows the same widget of the same kernel, so no state is copied. It is requested by an output with our own MIME
type, which the JupyterLab extension handles: an output survives a reload of the page, and without the extension it
still shows a text.
"""

from __future__ import annotations

import uuid
from typing import Any

from IPython.display import display

from robust_widgets.interface.session import ModelInfo

MIME = "application/vnd.robust-widgets.detached+json"
# Shown only by front ends that do not know the type above.
NO_EXTENSION = (
    "The studio stays in its cell, because tabs need JupyterLab 4.2 or newer with the robust-widgets extension; "
    "install robust-widgets in JupyterLab's environment and reload the page."
)


def status_bar_info(model: ModelInfo) -> dict[str, str]:
    """What JupyterLab's status bar shows of a studio; the device comes from the studio's view."""
    return {"model": model.name}


def move_to_tab(view: dict[str, Any], model_id: str, display_id: str, model: ModelInfo) -> None:
    """Request the tab, both in the outputs that show the studio and in the running cell.

    Args:
        view: the MIME bundle that shows the studio in a cell; front ends without the extension keep showing it.
        model_id: the id of the studio's widget.
        display_id: the id of the outputs that show the studio.
        model: shown in the status bar.
    """
    # A new ticket each time, so a tab that was closed opens again.
    request = {"version": 1, "modelId": model_id, "ticket": uuid.uuid4().hex, **status_bar_info(model)}
    display({**view, MIME: request}, raw=True, display_id=display_id, update=True)
    display({MIME: request, "text/plain": NO_EXTENSION}, raw=True)
