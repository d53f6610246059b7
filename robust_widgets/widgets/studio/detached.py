"""Moves a cell's studio to a tab of JupyterLab.

The tab shows the very same widget of the same kernel, so its state is not copied but the same. It is asked for by an
output with a MIME type of its own, which the project's extension acts on: an output is there again after a reload of
the page, and where nobody acts on it, it still says something.
"""

from __future__ import annotations

import uuid
from typing import Any

from IPython.display import display

from robust_widgets.interface.session import ModelInfo

MIME = "application/vnd.robust-widgets.detached+json"
# Read only where nothing knows the type above.
STAYS = (
    "The studio stays in its cell: only JupyterLab 4.2 or newer with the extension of robust-widgets has a tab for it; "
    "install robust-widgets beside JupyterLab and reload the page."
)


def about(model: ModelInfo) -> dict[str, str]:
    """What JupyterLab tells of a studio in its status bar; its device it reads from the studio's view."""
    return {"model": model.name}


def move_to_tab(view: dict[str, Any], model_id: str, display_id: str, model: ModelInfo) -> None:
    """Ask for the tab: where the studio is shown, and in the cell that runs.

    Args:
        view: the bundle that shows the studio in a cell; what does not know the type above goes on to show that.
        model_id: names the studio's widget.
        display_id: names the outputs that show the studio.
        model: what the status bar tells of.
    """
    # Asked for anew each time, so that a tab that was closed opens again.
    told = {"version": 1, "modelId": model_id, "ticket": uuid.uuid4().hex, **about(model)}
    display({**view, MIME: told}, raw=True, display_id=display_id, update=True)
    display({MIME: told, "text/plain": STAYS}, raw=True)
