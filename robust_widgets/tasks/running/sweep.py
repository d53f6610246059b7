"""A task over a grid of two axes, its runs taking their steps together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, TypeAlias, cast

import torch

from robust_widgets.errors import ParameterError, RunError, nearest, quoted, short_repr
from robust_widgets.interface.tasks import TaskSpec, task_spec
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures.tensors import Mask, Picture, plain_torch
from robust_widgets.runs.sweep import Axis, Sweep
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.compose import StageSequence
from robust_widgets.solvers.run import new_trace
from robust_widgets.solvers.stacking import StackableRun, step_together
from robust_widgets.synthesis.objectives import CrossEntropy, Jitter, Mixture, Objective
from robust_widgets.synthesis.objectives.base import Scaled, Sum, changed
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks.running.batch import batch_size_for
from robust_widgets.tasks.running.problems import size_of
from robust_widgets.tasks.running.run import files_among, resolve_model, task_stages

Weights: TypeAlias = "Mapping[str, float] | Mapping[int, float] | Mapping[str | int, float]"
Target: TypeAlias = "str | int | Weights"
TARGET = "target"
MOST_RUNS = 400
PROBLEM = "problem"  # the task of a run towards several classes, which no task repeats


@plain_torch()
def sweep(
    task: str,
    target: Target | None = None,
    *,
    x: tuple[str, Iterable[Any]],
    y: tuple[str, Iterable[Any]],
    picture: Picture | None = None,
    mask: Mask | None = None,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_run: Callable[[Trace], object] | None = None,
    **parameters: Any,
) -> Sweep:
    """Run a task for each pair of values of two axes.

    Runs of one structure take their steps as one batch, whatever their epsilons, step sizes, targets and seeds; each is
    what it would be alone, up to rounding.

    Args:
        task: the name of a task, such as ``"generate"``.
        target: the class, feature or layer; or classes with weights, such as ``{"lion": 1, "bear": 2}``, towards all of
            which a run paints. Not given if it is an axis.
        x: the axis across: the name of a parameter of the task, or ``"target"``, and its values.
        y: the axis down, likewise.
        picture: what the task starts from, one picture; not for generation.
        mask: where the task paints, for tasks with a mask.
        model, device: as for the tasks.
        on_run: called with each run when it is done; returning False ends the sweep after the runs that are under way.
        parameters: the task's other parameters.

    Returns:
        The runs, one picture each, and a sheet of their last pictures.

    Raises:
        UnknownNameError: there is no such task, class, feature, layer or parameter.
        ParameterError: an axis is none, is named twice or given as a parameter, too, or a value is out of range.
        PictureError: a picture or mask that the task needs is missing or cannot be read.
        RunError: ``on_run`` ended the sweep before all runs were done, or a loss is not finite.
    """
    spec = task_spec(task)
    axes = [_axis(spec, axis, target, parameters) for axis in (x, y)]
    if axes[0][0] == axes[1][0]:
        raise ParameterError(f"Both axes are {axes[0][0]!r}; give two different ones.")
    (across, columns), (down, rows) = axes
    if len(columns) * len(rows) > MOST_RUNS:
        raise ParameterError(f"The sweep has {len(rows)} x {len(columns)} runs; give at most {MOST_RUNS}.")
    if target is None and TARGET not in (across, down):
        raise ParameterError("The sweep has no target; give one, or make it an axis.")
    classifier = resolve_model(model, device)
    settings = [{TARGET: target, **parameters, down: row, across: column} for row in rows for column in columns]
    mixed = any(isinstance(setting[TARGET], Mapping) for setting in settings)
    cells = [
        _Cell(_stages(spec, classifier, setting, mixed, picture=picture, mask=mask), files_among(picture, mask))
        for setting in settings
    ]
    _run_all(cells, batch_size_for(classifier, size_of(classifier, spec.check(_own(settings[0])))), on_run)
    traces = iter(cell.trace for cell in cells)
    return Sweep(
        Axis(across, tuple(map(_words, columns))),
        Axis(down, tuple(map(_words, rows))),
        tuple(tuple(islice(traces, len(columns))) for _ in rows),
        {name: value for name, value in parameters.items() if name not in (across, down)},
    )


class _Cell:
    """One run of a grid, from coarse to fine."""

    def __init__(self, stages: Sequence[Problem], sources: tuple[str, ...]) -> None:
        self.trace = new_trace(stages[-1])
        self.trace.sources = sources
        self._stages = StageSequence(*stages)
        self.run = StackableRun(cast(Problem, self._stages.begin_next()))
        self.done = False

    def take(self, frame: Any) -> None:
        """Record a frame, and begin the next size after the last one of this."""
        if isinstance(frame, RunError):
            raise frame
        whole = self._stages.enlarge(frame)
        if whole is not None:
            self.trace.append(whole)
        if self.run.finished:
            following = self._stages.begin_next()
            self.done = following is None
            if following is not None:
                self.run = StackableRun(following)


def _run_all(cells: Sequence[_Cell], at_once: int, on_run: Callable[[Trace], object] | None) -> None:
    waiting, active = list(cells), list[_Cell]()
    while waiting or active:
        while waiting and len(active) < at_once:
            active.append(waiting.pop(0))
        for cell, frame in zip(active, step_together([cell.run for cell in active]), strict=True):
            cell.take(frame)
            if cell.done and on_run is not None and on_run(cell.trace) is False:
                waiting.clear()
        active = [cell for cell in active if not cell.done]
    if not all(cell.done for cell in cells):
        raise RunError("The sweep was ended before all of its runs were done.")


def _axis(spec: TaskSpec, axis: object, target: object, parameters: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The name and the values of an axis."""
    try:
        name, values = cast("tuple[str, Iterable[Any]]", axis)
        listed = list(values)
    except (TypeError, ValueError):
        raise ParameterError(
            f"An axis is {short_repr(axis)}; give a name and values, such as ('epsilon', [10, 20, 40])."
        ) from None
    names = [TARGET, *(parameter.name for parameter in spec.parameters if parameter.name != "n")]
    if name not in names:
        near = quoted(nearest(str(name), names))
        raise ParameterError(f"{spec.name} has no axis {short_repr(name)}; the nearest are {near}.")
    if not listed or isinstance(values, (str, bytes)):
        raise ParameterError(f"The axis {name!r} has no values; give a list of at least one.")
    if name in parameters or (name == TARGET and target is not None):
        raise ParameterError(f"{name} is an axis and given, too; give one of them.")
    return name, listed


def _own(setting: Mapping[str, Any]) -> dict[str, Any]:
    """A cell's parameters, without its target."""
    return {name: value for name, value in setting.items() if name != TARGET}


def _stages(
    spec: TaskSpec, model: RobustClassifier, setting: Mapping[str, Any], mixed: bool, **inputs: Any
) -> list[Problem]:
    """The problems of a cell, from coarse to fine."""
    target, parameters = setting[TARGET], _own(setting)
    if not mixed:
        return task_stages(spec, model, target, parameters, **inputs)
    if spec.target != "class":
        raise ParameterError(f"{spec.name} has no classes to weigh; give a {spec.target}.")
    weights: dict[Any, float] = dict(target) if isinstance(target, Mapping) else {target: 1.0}
    weights = {name: weight for name, weight in weights.items() if weight != 0}
    mixture = Mixture(weights)
    shares = cast("dict[Any, float]", mixture.weights)
    per_class = [task_stages(spec, model, name, parameters, **inputs) for name in shares]
    words = _words(target)
    stages: list[Problem] = []
    for problems in zip(*per_class, strict=True):
        start = sum(share * problem.start for share, problem in zip(shares.values(), problems, strict=True))
        objective = _mixed(problems[0].objective, mixture)
        problem = replace(problems[0], start=cast(Any, start).clamp(0, 1), objective=objective, target=words)
        stages.append(replace(problem, task=PROBLEM) if len(shares) > 1 else problem)
    return stages


def _mixed(objective: Objective, mixture: Mixture) -> Objective:
    """The objective with several classes in place of its one."""
    if isinstance(objective, CrossEntropy):
        return mixture
    if isinstance(objective, Sum):
        return changed(objective, first=_mixed(objective.first, mixture), second=_mixed(objective.second, mixture))
    return (
        changed(objective, inner=_mixed(objective.inner, mixture))
        if isinstance(objective, (Jitter, Scaled))
        else objective
    )


def _words(value: object) -> str:
    """A value of an axis as people read it."""
    if isinstance(value, Mapping):
        weights = cast("Mapping[Any, float]", value)
        total = sum(weights.values()) or 1
        return ", ".join(f"{name} {weight / total:.0%}" for name, weight in weights.items() if weight)
    return f"{value:g}" if isinstance(value, float) else str(value)
