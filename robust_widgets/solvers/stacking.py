"""Steps of several runs as one batch: problems of one structure become one, with the numbers of each run's pictures.

Runs join and leave at any step, and each is at a step of its own. A sample of a batch evolves as if it were alone, so a
run in a stack is what it would be alone: to the bit where the network gives the same numbers whatever the batch, and
up to its rounding elsewhere.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar, cast

import torch
from torch import Tensor

from robust_widgets.errors import RunError
from robust_widgets.pictures.tensors import plain_torch
from robust_widgets.runs.frame import Frame
from robust_widgets.synthesis.constraints import L2Ball, LinfBall, Unconstrained
from robust_widgets.synthesis.loop import FrameRenderer, heat_map_on_cpu, heat_map_on_device, render, step
from robust_widgets.synthesis.objectives import (
    AwayFrom,
    Classifier,
    CrossEntropy,
    Jitter,
    MatchOutside,
    Mixture,
    Objective,
)
from robust_widgets.synthesis.objectives.base import Scaled, Sum, changed
from robust_widgets.synthesis.objectives.layers import Activation, DeepDream, Direction
from robust_widgets.synthesis.problem import Problem, State
from robust_widgets.synthesis.steppers import GradientStep, L2Step, LinfStep, Momentum, Weighted

T = TypeVar("T")
Spread: TypeAlias = Callable[[Any, int, Tensor], Tensor]  # an attribute, a run's number of pictures, and its pictures


class _NotStackableError(Exception):
    """A part whose numbers cannot be told apart from its structure; its run takes its steps alone."""


def _for_pictures(value: float, count: int, x: Tensor) -> Tensor:
    """A number as (n, 1, 1, 1), which broadcasts over pictures."""
    return torch.full((count, 1, 1, 1), float(value), dtype=x.dtype, device=x.device)


def _for_losses(value: float, count: int, x: Tensor) -> Tensor:
    """A number as (n,), which broadcasts over losses."""
    return torch.full((count,), float(value), dtype=x.dtype, device=x.device)


def _rows(value: Tensor, count: int, x: Tensor) -> Tensor:
    """A tensor with a row for each picture, or one for all of them, as (n, ...)."""
    value = value.to(x.device)
    value = value.reshape(1) if value.dim() == 0 else value
    return value if len(value) == count else value.expand(count, *value.shape[1:])


def _same_row(value: Tensor, count: int, x: Tensor) -> Tensor:
    """A tensor without a row for each picture as (n, ...)."""
    return value.to(x.device).expand(count, *value.shape)


def _vectors(value: Tensor, count: int, x: Tensor) -> Tensor:
    """A vector for each picture, or one for all of them, as (n, ...)."""
    return value.to(x.device).expand(count, value.shape[-1])


# How the attributes of each part become those of a stack. Parts of other classes, and of subclasses, run alone.
SPREAD: dict[type, dict[str, Spread]] = {
    L2Ball: {"epsilon": _for_pictures},
    LinfBall: {"epsilon": _for_pictures},
    Unconstrained: {},
    L2Step: {"step_size": _for_pictures},
    LinfStep: {"step_size": _for_pictures},
    GradientStep: {"step_size": _for_pictures},
    Momentum: {"decay": _for_pictures},
    Weighted: {"weight": _rows},
    CrossEntropy: {"target": _rows},
    AwayFrom: {"target": _rows},
    Mixture: {"weights": _same_row},
    Activation: {"channels": _rows},
    Direction: {"vector": _vectors},
    DeepDream: {},
    MatchOutside: {"picture": _rows, "mask": _rows, "_weight": _rows},
    Sum: {},
    Scaled: {"weight": _for_losses},
    Jitter: {},
}
# The attributes that have to be equal.
EQUAL: dict[type, tuple[str, ...]] = {
    Activation: ("layer", "at"),
    Direction: ("layer", "at"),
    DeepDream: ("layer",),
}
# The attributes that are parts themselves.
INNER: dict[type, tuple[str, ...]] = {
    Momentum: ("inner",),
    Weighted: ("inner",),
    Sum: ("first", "second"),
    Scaled: ("inner",),
}


def _structure(part: Any) -> Hashable:
    """What parts must have in common to be stacked.

    Raises:
        _NotStackableError: the part is not one of ours, or not bound to a model that knows its classes.
    """
    kind = type(part)
    if kind not in SPREAD:
        raise _NotStackableError(kind.__qualname__)
    if kind is Jitter:
        return kind, _structure(part.inner)
    for name, spread in SPREAD[kind].items():
        if spread in (_rows, _same_row, _vectors) and not isinstance(getattr(part, name), Tensor):
            raise _NotStackableError(f"{kind.__qualname__} before it is bound")
    equal = tuple(getattr(part, name) for name in EQUAL.get(kind, ()))
    return kind, equal, tuple(_structure(getattr(part, name)) for name in INNER.get(kind, ()))


@dataclass(frozen=True, eq=False)
class _EachShifted(Objective):
    """`Jitter` of a stack: the pictures of each run are shifted as they would be alone."""

    inner: Objective
    shifts: tuple[Jitter, ...]
    counts: tuple[int, ...]

    def sample(self) -> tuple[Objective, Objective]:
        loss, following = super().sample()
        shifts = tuple(cast(Jitter, shift.sample()[1]) for shift in self.shifts)
        return loss, changed(cast(_EachShifted, following), shifts=shifts)

    def _shifted(self, x: Tensor) -> Tensor:
        parts = zip(self.shifts, x.split(self.counts), strict=True)
        return torch.cat([shift.shifted(part) for shift, part in parts])

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return self.inner(model, self._shifted(x))

    def probability(self, model: Classifier, x: Tensor) -> Tensor | None:
        return self.inner.probability(model, self._shifted(x))

    def loss_and_probability(self, model: Classifier, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.inner.loss_and_probability(model, self._shifted(x))


def _stacked(parts: Sequence[T], pictures: Sequence[Tensor]) -> T:
    """One part for the pictures of several runs, from that of each; all have the same structure."""
    first = cast(Any, parts[0])
    kind, counts = type(first), tuple(len(x) for x in pictures)
    if kind is Jitter:
        shifts = cast("tuple[Jitter, ...]", tuple(parts))
        return cast(T, _EachShifted(_stacked([shift.inner for shift in shifts], pictures), shifts, counts))
    values: dict[str, Any] = {
        name: torch.cat(
            [spread(getattr(part, name), len(x), x) for part, x in zip(parts, pictures, strict=True)]
        ).contiguous()
        for name, spread in SPREAD[kind].items()
    }
    for name in INNER.get(kind, ()):
        values[name] = _stacked([getattr(part, name) for part in parts], pictures)
    if isinstance(first, CrossEntropy):
        ranges = [cast("tuple[int, int]", cast(Any, part)._range) for part in parts]
        values["_range"] = min(low for low, _ in ranges), max(high for _, high in ranges)
    if isinstance(first, Activation):
        values["_range"] = tuple(int(channel) for channel in values["channels"].tolist())
    return cast(T, changed(first, **values))


def _objective_after(stacked: Any, index: int, before: Objective) -> Objective:
    """A run's own objective for its next step: that of its last one, with the shifts where the stack has come to."""
    if isinstance(stacked, _EachShifted):
        inner = _objective_after(stacked.inner, index, cast(Jitter, before).inner)
        return changed(stacked.shifts[index], inner=inner)
    names = INNER.get(type(before), ())
    inner = {name: _objective_after(getattr(stacked, name), index, getattr(before, name)) for name in names}
    return changed(before, **inner) if inner else before


def _joined(states: Sequence[Any]) -> Any:
    """The steppers' states of several runs as one: tensors with a row for each picture, and tuples of them."""
    if isinstance(states[0], Tensor):
        return torch.cat(list(states))
    return tuple(_joined(parts) for parts in zip(*states, strict=True))


def _part_of(state: Any, begin: int, end: int) -> Any:
    if isinstance(state, Tensor):
        return state[begin:end]
    return tuple(_part_of(part, begin, end) for part in state)


@dataclass
class StackableRun:
    """A run whose steps are taken by `step_together`, alone or with others.

    Attributes:
        problem: what it solves.
        key: runs of the same key can be stacked; None for a run that takes its steps alone.
        x: the pictures before the next step, (n, 3, h, w).
        state: what goes with them.
        step: number of the next frame, from 0.
    """

    problem: Problem
    renderer: FrameRenderer = field(default_factory=FrameRenderer)
    step: int = 0

    def __post_init__(self) -> None:
        self.x, self.state = self.problem.init()
        self.key = _key(self.problem, self.x, self.state)

    @property
    def finished(self) -> bool:
        """Whether its last frame has been made."""
        return self.step > self.problem.steps


def _key(problem: Problem, x: Tensor, state: State) -> Hashable | None:
    try:
        parts = [_structure(part) for part in (problem.constraint, problem.stepper, state.objective)]
    except _NotStackableError:
        return None
    return id(problem.model), tuple(x.shape[1:]), x.dtype, x.device, *parts


class Stack:
    """Runs of the same key that take their next steps together, as long as they are the same ones.

    Args:
        runs: at least one; one alone may have any key.
    """

    def __init__(self, runs: Sequence[StackableRun]) -> None:
        self.runs = tuple(runs)
        self._steps = [run.step for run in runs]
        first = runs[0]
        if len(runs) == 1:
            self._problem, self._x, self._state = first.problem, first.x, first.state
            return
        pictures = [run.x for run in runs]
        self._x = torch.cat(pictures)
        values: dict[str, Any] = {
            "start": torch.cat([run.problem.start for run in runs]),
            "region": _regions(runs),
            "constraint": _stacked([run.problem.constraint for run in runs], pictures),
            "stepper": _stacked([run.problem.stepper for run in runs], pictures),
        }
        self._problem = _changed_problem(first.problem, values)
        objective = _stacked([run.state.objective for run in runs], pictures)
        self._state = State(objective, _joined([run.state.stepper for run in runs]))

    def is_of(self, runs: Sequence[StackableRun]) -> bool:
        """Whether these are its runs, and have taken no step elsewhere."""
        same = len(runs) == len(self.runs) and all(run is own for run, own in zip(runs, self.runs, strict=True))
        return same and [run.step for run in runs] == self._steps

    @plain_torch()
    def step(self) -> list[Frame | RunError]:
        """Take one step; a run whose loss is not finite gets an error, and the others their frames.

        A last frame costs no pass of its own: its run takes a step with the others, which is dropped.

        Raises:
            Exception: whatever the network or a part raises; then no run has moved.
        """
        x_next, info, state = step(self._problem, self._x, self._state)
        on_cpu = self._x.device.type == "cpu"
        arrays = [
            tensor.cpu().numpy() for tensor in render(self._x, info, heat_map_on_cpu if on_cpu else heat_map_on_device)
        ]
        self._x, self._state = x_next, state
        results: list[Frame | RunError] = []
        begin = 0
        for index, run in enumerate(self.runs):
            end = begin + len(run.x)
            numbers, pixels, heat = arrays[0][:, begin:end], arrays[1][begin:end], arrays[2][begin:end]
            own = [numbers, pixels.copy()] if run.step == run.problem.steps else [numbers, pixels.copy(), heat.copy()]
            try:
                results.append(run.renderer.from_arrays(run.step, own))
            except RunError as error:
                results.append(error)
            self._move(run, index, begin, end)
            begin = end
        self._steps = [run.step for run in self.runs]
        return results

    def _move(self, run: StackableRun, index: int, begin: int, end: int) -> None:
        run.step += 1
        run.x = self._x[begin:end]
        if len(self.runs) == 1:
            run.state = self._state
            return
        objective = _objective_after(self._state.objective, index, run.state.objective)
        run.state = State(objective, _part_of(self._state.stepper, begin, end))


def step_together(runs: Sequence[StackableRun]) -> list[Frame | RunError]:
    """One step of each run: those of the same key as one batch, the others alone; raises as `Stack.step`.

    Returns:
        The next frame of each run, or what is wrong with its loss.
    """
    groups: dict[Hashable, list[int]] = {}
    for index, run in enumerate(runs):
        groups.setdefault(("alone", index) if run.key is None else run.key, []).append(index)
    results: dict[int, Frame | RunError] = {}
    for members in groups.values():
        results.update(zip(members, Stack([runs[index] for index in members]).step(), strict=True))
    return [results[index] for index in range(len(runs))]


def _regions(runs: Sequence[StackableRun]) -> Tensor | None:
    """The region of each picture; everywhere for the runs that have none, if another has."""
    if all(run.problem.region is None for run in runs):
        return None
    regions: list[Tensor] = []
    for run in runs:
        count, _, height, width = run.x.shape
        region = run.problem.region
        region = torch.ones(1, 1, height, width, dtype=torch.bool, device=run.x.device) if region is None else region
        regions.append(region.expand(count, -1, -1, -1))
    return torch.cat(regions)


def _changed_problem(problem: Problem, values: dict[str, Any]) -> Problem:
    """A problem with other parts, unchecked: they were checked one by one."""
    other = copy.copy(problem)
    for name, value in values.items():
        object.__setattr__(other, name, value)
    return other
