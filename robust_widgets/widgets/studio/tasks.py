"""The studio's requests to its session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from robust_widgets.errors import ParameterError, PictureError
from robust_widgets.interface.session import RunRequest
from robust_widgets.interface.tasks import task_spec
from robust_widgets.pictures import Pixels
from robust_widgets.widgets.painting.surface import Surface

SURELY_NOT = 0.02


def make_request(
    task: str, target: str, parameters: dict[str, Any], surface: Surface | None, start: Pixels | None = None
) -> RunRequest:
    """The request for a run.

    Args:
        task, target, parameters: what to run.
        surface: the canvas, if the studio has one.
        start: pictures to continue from, uint8 (n, h, w, 3), instead of the task's own start.

    Raises:
        PictureError: the canvas that the task starts from is empty, or its mask is empty or covers everything.
        ParameterError: the task needs a feature and none is selected.
    """
    spec = task_spec(task)
    if spec.target == "feature" and not target:
        raise ParameterError(
            "This model has no feature catalogue to choose from; create one with 'robust-widgets features'."
        )
    if start is not None and "n" in parameters:
        parameters = {**parameters, "n": len(start)}
    request = RunRequest(task, target, parameters, start=start)
    if not spec.takes_picture or surface is None:
        return request
    if not surface.raster.is_blank:
        request = replace(request, picture=surface.picture())
    elif start is not None:
        request = replace(request, picture=start[0])
    else:
        raise PictureError("The canvas is empty; paint something, or drop a picture on it, then press Run.")
    return replace(request, mask=_checked(surface.mask())) if spec.takes_mask else request


def _checked(mask: Pixels) -> Pixels:
    inside = mask > 127
    if not inside.any():
        raise PictureError("The mask is empty; press M and mark the part of the picture to paint, then press Run.")
    if inside.all():
        raise PictureError("The mask covers the whole picture; leave the part to preserve unmarked, then press Run.")
    return mask
