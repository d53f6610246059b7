"""Building and running a task's problem by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from robust_widgets.errors import PictureError
from robust_widgets.interface.session import RunRequest
from robust_widgets.interface.tasks import TaskSpec, task_spec
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.registry import DEFAULT, choose_device, load_model
from robust_widgets.pictures.files import as_path
from robust_widgets.pictures.tensors import Mask, Picture, plain_torch, to_batch
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.compose import coarse_to_fine
from robust_widgets.solvers.run import run
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks.running.problems import problems_by_size


def make_problem(
    task: str,
    target: str | int,
    *,
    picture: Picture | Sequence[Picture] | None = None,
    mask: Mask | Sequence[Mask] | None = None,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    **parameters: Any,
) -> Problem:
    """A task's problem, to change with `dataclasses.replace` before it is run.

    Args:
        task: the name of a task, such as ``"generate"``.
        target: the class, by name or index; for feature painting, the feature; for a dream, the layer.
        picture: what the task starts from; not for generation.
        mask: where the task paints, for inpainting and feature painting.
        model, device: as for the tasks.
        parameters: the task's parameters.

    Raises:
        UnknownNameError: there is no such task, class, feature or parameter.
        PictureError: a picture or mask that the task needs is missing or cannot be read.
        ParameterError: a parameter is out of range.
        WeightsError: the model lacks something that the task needs.
    """
    checked = task_spec(task).check(parameters)
    return task_problem(task, resolve_model(model, device), target, checked, picture=picture, mask=mask)


@plain_torch()
def task_problem(
    task: str | TaskSpec,
    model: RobustClassifier,
    target: Any,
    parameters: Mapping[str, Any],
    *,
    picture: Picture | Sequence[Picture] | None = None,
    mask: Mask | Sequence[Mask] | None = None,
) -> Problem:
    """The problem of a task for a model; arguments and errors as for `make_problem`."""
    spec = task_spec(task) if isinstance(task, str) else task
    checked = spec.check(parameters)
    inputs: list[Any] = []
    if spec.takes_picture:
        if picture is None and spec.needs_picture:
            raise PictureError("There is no picture to start from; paint something, or load a picture, first.")
        inputs.append(picture)
    if spec.takes_mask:
        if mask is None:
            raise PictureError("There is no mask; mark the part of the picture to paint.")
        inputs.append(mask)
    return spec.problem(model, *inputs, target, checked)


def task_stages(
    task: str | TaskSpec,
    model: RobustClassifier,
    target: Any,
    parameters: Mapping[str, Any],
    *,
    picture: Picture | Sequence[Picture] | None = None,
    mask: Mask | Sequence[Mask] | None = None,
) -> list[Problem]:
    """The problems of a run, from the model's own size to that of the parameters; the last one holds all parameters.

    Arguments and errors as for `make_problem`. Solve the last with `coarse_to_fine` of the others.
    """
    spec = task_spec(task) if isinstance(task, str) else task
    inputs: dict[str, Any] = {"picture": picture, "mask": mask}
    for name, value in inputs.items():  # each is read once for each size
        inputs[name] = list(value) if isinstance(value, Iterator) else value

    def build(part: dict[str, Any]) -> Problem:
        return task_problem(spec, model, target, part, **inputs)

    return problems_by_size(spec.check(parameters), model.input_size, build)


def run_task(
    spec: TaskSpec,
    target: Any,
    parameters: Mapping[str, Any],
    *,
    picture: Picture | Sequence[Picture] | None = None,
    mask: Mask | Sequence[Mask] | None = None,
    model: RobustClassifier | str | None,
    device: str | torch.device | None,
    on_step: Callable[[Frame], object] | None,
) -> Trace:
    """What a task's function does: check the parameters, find the model, build the problem and run it."""
    checked = spec.check(parameters)
    *coarser, problem = task_stages(spec, resolve_model(model, device), target, checked, picture=picture, mask=mask)
    trace = run(problem, on_step, solver=coarse_to_fine(*coarser))
    trace.sources = files_among(picture, mask)
    return trace


def files_among(*pictures: object) -> tuple[str, ...]:
    """The paths among pictures and lists of pictures."""
    each = [item for picture in pictures for item in (picture if isinstance(picture, (list, tuple)) else (picture,))]  # pyright: ignore[reportUnknownVariableType]
    return tuple(str(as_path(item)) for item in each if isinstance(item, (str, os.PathLike)))  # pyright: ignore[reportUnknownArgumentType]


@plain_torch()
def build_problem(model: RobustClassifier, request: RunRequest) -> Problem:
    """The problem that a session's request asks for, at its size alone; raises as `make_problem`."""
    problem = task_problem(
        request.task, model, request.target, request.parameters, picture=request.picture, mask=request.mask
    )
    if request.start is None:
        return problem
    return replace(problem, start=to_batch(request.start, problem.start.shape[-1]).to(model.device))


def build_stages(model: RobustClassifier, request: RunRequest) -> list[Problem]:
    """The problems that a session's request asks for, as `task_stages`; one alone where it names its start."""
    if request.start is not None:
        return [build_problem(model, request)]
    return task_stages(
        request.task, model, request.target, request.parameters, picture=request.picture, mask=request.mask
    )


def resolve_model(model: RobustClassifier | str | None, device: str | torch.device | None) -> RobustClassifier:
    """The model to run, on the device asked for.

    A model that is passed in stays where it is unless a device is named; then a copy is moved, never the caller's.
    """
    if not isinstance(model, RobustClassifier):
        return load_model(DEFAULT if model is None else model, device=device)
    if device is None:
        return model
    chosen, current = choose_device(device), model.device
    if (chosen.type, chosen.index or 0) == (current.type, current.index or 0):
        return model
    return model.copy_to(chosen)
