"""The tasks by name, for sessions: each builds a problem from a request."""

from __future__ import annotations

from robust_widgets.errors import PictureError, UnknownNameError, unknown_name
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.session import RunRequest
from robust_widgets.synthesis import Problem
from robust_widgets.tasks.generate import generate, generate_problem
from robust_widgets.tasks.sketch_to_image import sketch_problem, sketch_to_image

__all__ = ["TASKS", "build_problem", "generate", "sketch_to_image"]

TASKS = ("generate", "sketch_to_image")


def build_problem(model: RobustClassifier, request: RunRequest) -> Problem:
    """The problem a request asks for.

    Raises:
        UnknownNameError: there is no such task, class or knob.
        PictureError: the task needs a picture and there is none, or it cannot be read.
        KnobError: a knob is out of range.
    """
    if request.task == "generate":
        return generate_problem(model, request.target, dict(request.knobs))
    if request.task == "sketch_to_image":
        if request.picture is None:
            raise PictureError("There is no sketch to start from; paint something first.")
        return sketch_problem(model, request.picture, request.target, dict(request.knobs))
    raise UnknownNameError(unknown_name("task", request.task, TASKS))
