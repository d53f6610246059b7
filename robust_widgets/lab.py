"""What the JupyterLab extension asks of the kernel of a studio's tab."""

from __future__ import annotations

from typing import Any, cast

from IPython.display import display

from robust_widgets.app import Studio, open_studios
from robust_widgets.errors import RobustWidgetsError
from robust_widgets.files import load_trace
from robust_widgets.widgets.studio import StudioWidget

RUN_ENDING = ".rwtrace"


def show(file: str | None = None, *, model: str | None = None) -> None:
    """Show the tab's studio: the one that it has already, or else a new one.

    What is wrong with the file or the model is said in the studio, which then opens without.

    Args:
        file: a picture to lay under the sketch, or a saved run to go on from.
        model: as :func:`robust_widgets.Studio` takes it.
    """
    studio, complaint = _studio(file, model)
    if complaint:
        studio.notice.say(complaint, "error")
    # Not by the studio's own way of showing itself: that leaves a player in the notebook, and a tab is no notebook.
    bundle = cast("dict[str, Any]", studio._repr_mimebundle_())  # pyright: ignore[reportPrivateUsage]
    display(bundle, raw=True)


def unsaved() -> bool:
    """Whether something in this kernel was painted or run and not saved to a file."""
    return any(studio.unsaved for studio in open_studios())


def _studio(file: str | None, model: str | None) -> tuple[StudioWidget, str]:
    """A studio of as much of what is wanted as can be had, and what is wrong with the rest."""
    is_run = file is not None and file.lower().endswith(RUN_ENDING)
    complaints: list[str] = []
    given = None if is_run else file
    for picture, name in ((given, model), (given, None), (None, model)):
        try:
            studio = Studio(picture, model=name)
            break
        except RobustWidgetsError as error:
            complaints.append(str(error))
    else:
        studio = Studio()
    if file is not None and is_run and not studio.traces:
        try:
            studio.take(load_trace(file))
        except RobustWidgetsError as error:
            complaints.append(str(error))
    return studio, " ".join(dict.fromkeys(complaints))
