"""The tasks, and their problems by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from robust_widgets.errors import PictureError, UnknownNameError, unknown_name
from robust_widgets.interface.parameters import TASK_PARAMETERS
from robust_widgets.interface.session import RunRequest
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures.tensors import Mask, Picture, to_batch
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks.common import resolve_model
from robust_widgets.tasks.generate import generate, generate_problem
from robust_widgets.tasks.inpaint import inpaint, inpaint_problem
from robust_widgets.tasks.paint_features import paint_features, paint_features_problem
from robust_widgets.tasks.sketch_to_image import sketch_problem, sketch_to_image
from robust_widgets.tasks.super_resolve import super_resolve, super_resolve_problem
from robust_widgets.tasks.translate import translate, translate_problem

__all__ = [
    "TASKS",
    "build_problem",
    "generate",
    "inpaint",
    "paint_features",
    "problem",
    "sketch_to_image",
    "super_resolve",
    "translate",
]

TASKS = tuple(TASK_PARAMETERS)
_FROM_PICTURE = {
    "sketch_to_image": sketch_problem,
    "translate": translate_problem,
    "super_resolve": super_resolve_problem,
}
_FROM_MASK = {"inpaint": inpaint_problem, "paint_features": paint_features_problem}


def problem(
    task: str,
    target: str | int,
    *,
    picture: Picture | Sequence[Picture] | None = None,
    mask: Mask | None = None,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    **parameters: Any,
) -> Problem:
    """A task's problem, to be changed with `dataclasses.replace` before it is run.

    Args:
        task: the name of a task's function, such as ``"generate"``.
        target: the class, by name or index; for feature painting, the feature.
        picture: what the task starts from; not for generation.
        mask: where the task paints, for in-painting and feature painting.
        model, device: as for the tasks.
        parameters: the task's parameters.

    Raises:
        UnknownNameError: there is no such task, class, feature or parameter.
        PictureError: the task needs a picture or a mask and there is none, or it cannot be read.
        ParameterError: a parameter is out of range.
        WeightsError: the model lacks what the task needs.
    """
    if task not in TASKS:
        raise UnknownNameError(unknown_name("task", task, TASKS))
    classifier = resolve_model(model, device)
    if task == "generate":
        return generate_problem(classifier, target, parameters)
    if picture is None:
        raise PictureError("There is no picture to start from; paint something, or bring a picture, first.")
    if task in _FROM_PICTURE:
        return _FROM_PICTURE[task](classifier, picture, target, parameters)
    if mask is None:
        raise PictureError("There is no mask; mark the part of the picture that is to be painted.")
    return _FROM_MASK[task](classifier, picture, mask, target, parameters)


def build_problem(model: RobustClassifier, request: RunRequest) -> Problem:
    """The problem a session's request asks for; raises as `problem`."""
    built = problem(
        request.task, request.target, picture=request.picture, mask=request.mask, model=model, **request.parameters
    )
    if request.start is None:
        return built
    return replace(built, start=to_batch(request.start, built.start.shape[-1]).to(model.device))
