"""The tasks as a person sees them, and the request each one makes of a session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from robust_widgets.errors import ParameterError, PictureError
from robust_widgets.interface.session import RunRequest
from robust_widgets.pictures import Pixels
from robust_widgets.widgets.painting.surface import Surface


@dataclass(frozen=True)
class TaskUI:
    """What a person reads of a task.

    Attributes:
        label: on its button.
        hint: what to do, in a sentence.
        picture: whether it starts from the canvas.
        mask: whether it needs a mask.
        feature: whether it asks for a feature instead of a class.
        shows_class: whether the picture is meant to show the class already.
    """

    label: str
    hint: str
    picture: bool = True
    mask: bool = False
    feature: bool = False
    shows_class: bool = False


TASK_UI: dict[str, TaskUI] = {
    "sketch_to_image": TaskUI("Sketch", "Paint a few shapes; they become a picture of the class."),
    "generate": TaskUI("Generate", "Random colours of the class become a picture of it.", picture=False),
    "translate": TaskUI("Translate", "Bring a photograph; it becomes a picture of another class."),
    "super_resolve": TaskUI(
        "Enlarge", "Bring a picture; it is made small, then enlarged with the detail of its class.", shows_class=True
    ),
    "inpaint": TaskUI(
        "Fill in", "Mask a part of the picture; it is painted anew as a part of the class.", mask=True, shows_class=True
    ),
    "paint_features": TaskUI(
        "Features", "Mask a part of the picture and choose a feature; it is painted there.", mask=True, feature=True
    ),
}
SURELY_NOT = 0.02


def make_request(
    task: str, target: str, parameters: dict[str, Any], surface: Surface | None, start: Pixels | None = None
) -> RunRequest:
    """The request for a run.

    Args:
        task, target, parameters: what is asked for.
        surface: the canvas, where the studio has one.
        start: pictures to go on from, uint8 (n, h, w, 3), instead of where the task would start.

    Raises:
        PictureError: the task starts from the canvas and that is empty, or its mask is empty or covers everything.
        ParameterError: the task needs a feature and none is chosen.
    """
    face = TASK_UI[task]
    if face.feature and not target:
        raise ParameterError(
            "This model has no catalogue of features to choose from; make one with 'robust-widgets features'."
        )
    if start is not None and "n" in parameters:
        parameters = {**parameters, "n": len(start)}
    request = RunRequest(task, target, parameters, start=start)
    if not face.picture or surface is None:
        return request
    if not surface.raster.is_blank:
        request = replace(request, picture=surface.picture())
    elif start is not None:
        request = replace(request, picture=start[0])
    else:
        raise PictureError("The canvas is empty; paint something, or drop a picture on it, then press Run.")
    return replace(request, mask=_checked(surface.mask())) if face.mask else request


def _checked(mask: Pixels) -> Pixels:
    inside = mask > 127
    if not inside.any():
        raise PictureError("The mask is empty; press M and mark the part of the picture to paint, then press Run.")
    if inside.all():
        raise PictureError(
            "The mask covers the whole picture; leave a part of it unmarked, which stays as it is, then press Run."
        )
    return mask


def painted_over(result: Pixels, before: Pixels, now: Pixels) -> Pixels:
    """A result with what was painted meanwhile laid over it.

    Args:
        result: uint8 (h, w, 3), of any side.
        before, now: the canvas when the run began and as it is, uint8 (side, side, 3).
    """
    side = now.shape[0]
    base = np.asarray(Image.fromarray(result).resize((side, side), Image.Resampling.BICUBIC))
    return np.where((before != now).any(axis=2, keepdims=True), now, base)
