"""The step loop: a `Problem` goes in, one `Frame` a step comes out.

This is the only step loop of the project. Painting, generating, attacking a model while it is trained or measured:
all are `advance` repeated.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor

from robust_widgets.errors import ParameterError, PictureError, WeightsError
from robust_widgets.pictures.tensors import to_bytes
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.graphs.backend import Arrays
from robust_widgets.solvers.graphs.step_graph import recorded
from robust_widgets.synthesis.constraints import Constraint, Unconstrained
from robust_widgets.synthesis.objectives import Classifier, Objective
from robust_widgets.synthesis.steppers import Stepper, started


@dataclass(frozen=True)
class Problem:
    """Everything that decides a picture's path.

    Attributes:
        model: maps (n, 3, h, w) in [0, 1] to logits; parameters frozen, evaluation mode.
        start: the first picture, float (n, 3, h, w) in [0, 1], on the model's device.
        objective: the loss per sample, minimised.
        stepper: turns a gradient into an update; sizes in raw pixels.
        steps: how many updates are made, at least 1.
        constraint: where the picture may go, around ``start``; radii in raw pixels.
        region: where the picture may change, bool (n or 1, 1, h, w); outside it stays the start to the bit. The
            gradient is masked before it becomes a step, so the whole step is spent inside. None is everywhere.
        seed: if given, the path begins at a random point of the constraint's ball drawn with this seed instead of at
            its centre.
        task: what the trace calls the run.
        target: what was asked for, in words.
        parameters: the parameters the problem was made from, for the trace.

    Raises:
        ParameterError: steps is not a whole number of at least 1.
        PictureError: the start is not a batch of finite pictures in [0, 1], or the region does not fit it.
    """

    model: Classifier
    start: Tensor
    objective: Objective
    stepper: Stepper
    steps: int
    constraint: Constraint = field(default_factory=Unconstrained)
    region: Tensor | None = None
    seed: int | None = None
    task: str = "problem"
    target: str = ""
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if isinstance(self.steps, bool) or not hasattr(self.steps, "__index__") or self.steps < 1:
            raise ParameterError(f"steps is {self.steps!r}; give a whole number of at least 1.")
        if not self.start.is_floating_point():
            raise PictureError(f"The start has values of type {self.start.dtype}; pictures are floats within 0 to 1.")
        if self.start.dim() != 4 or self.start.shape[1] != 3 or 0 in self.start.shape:
            raise PictureError(
                f"The start has shape {tuple(self.start.shape)}; a batch of pictures has shape (n, 3, height, width)."
            )
        low, high = float(self.start.min()), float(self.start.max())
        if not (math.isfinite(low) and math.isfinite(high)) or low < 0 or high > 1:
            raise PictureError(f"The start holds values from {low:g} to {high:g}; pictures are within 0 to 1.")
        if self.region is not None:
            count, _, height, width = self.start.shape
            fitting = {(1, 1, height, width), (count, 1, height, width)}
            if self.region.dtype != torch.bool or tuple(self.region.shape) not in fitting:
                raise PictureError(
                    f"The region is {self.region.dtype} of shape {tuple(self.region.shape)}; for this start it is "
                    f"bool of shape (1 or {count}, 1, {height}, {width})."
                )

    def started(self) -> Problem:
        """The problem for one run: whatever keeps something from step to step begins anew."""
        objective, stepper = self.objective.started(), started(self.stepper)
        kept = objective is self.objective and stepper is self.stepper
        return self if kept else replace(self, objective=objective, stepper=stepper)


@dataclass(frozen=True)
class Reading:
    """The numbers of a batch at one step, still on the device.

    Attributes:
        loss, probability, distance: (n,) each.
        logits: (n, classes), where the objective asked for them or they cost nothing; else None.
        gradient: of the loss in the picture, (n, 3, h, w), masked by the region; None where no step follows.
    """

    loss: Tensor
    probability: Tensor
    distance: Tensor
    logits: Tensor | None = None
    gradient: Tensor | None = None


class CachedForward:
    """A model that answers a repeated question from memory, so that each step costs one forward pass."""

    def __init__(self, model: Classifier) -> None:
        self._model = model
        self._answers: list[tuple[Tensor, Tensor]] = []
        self._features: list[tuple[Tensor, bool, Tensor]] = []

    def __call__(self, x: Tensor) -> Tensor:
        known = next((answer for asked, answer in self._answers if asked is x), None)
        if known is None:
            # Where a gradient is wanted, features that pass it straight through would give another one.
            known = self._from_features(x, straight_through_too=not torch.is_grad_enabled())
            known = self._model(x) if known is None else known
            self._answers.append((x, known))
        return known

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        for asked, how, answer in self._features:
            if asked is x and how == straight_through:
                return answer
        features = getattr(self._model, "features", None)
        if features is None:
            raise WeightsError("This model gives no access to its penultimate layer; bring one with a features method.")
        answer = cast(Tensor, features(x, straight_through=straight_through))
        self._features.append((x, straight_through, answer))
        return answer

    def logits(self) -> Tensor | None:
        """The logits of whatever was asked about first, if they are known or follow from known features."""
        if not self._answers and self._features:
            return self._from_features(self._features[0][0], straight_through_too=True)
        return self._answers[0][1] if self._answers else None

    def _from_features(self, x: Tensor, straight_through_too: bool) -> Tensor | None:
        classify = getattr(self._model, "classify", None)
        fitting = (answer for asked, how, answer in self._features if asked is x and (straight_through_too or not how))
        known = next(fitting, None)
        if classify is None or known is None:
            return None
        try:
            return cast(Tensor, classify(known))
        except WeightsError:
            return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def begin(problem: Problem) -> Tensor:
    """The picture before the first step: the start, or a random point around it if the problem has a seed."""
    start = problem.start.detach()
    if problem.seed is None:
        return start
    generator = torch.Generator().manual_seed(problem.seed)
    moved = problem.constraint.random_start(start, generator).clamp(0, 1)
    return moved if problem.region is None else torch.where(problem.region, moved, start)


def read(problem: Problem, x: Tensor) -> Reading:
    """The numbers at ``x``; differentiable in ``x`` where that asks for gradients."""
    model = CachedForward(problem.model)
    loss = problem.objective(model, x)
    with torch.no_grad():
        found = problem.objective.probability(model, x)
        probability = found.detach() if found is not None else torch.full_like(loss, math.nan)
        distance = problem.constraint.distance(x.detach(), problem.start)
        logits = model.logits()
        if logits is not None and len(logits) != len(x):  # the objective asked about other pictures, such as crops
            logits = None
    return Reading(loss, probability, distance, None if logits is None else logits.detach())


def advance(problem: Problem, x: Tensor) -> tuple[Tensor, Reading]:
    """One projected gradient step: the next picture, and the numbers at ``x``.

    One forward and one backward pass to the picture. Losses are summed over the batch, so a sample's gradient does
    not depend on its neighbours.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        reading = read(problem, x)
        (gradient,) = torch.autograd.grad(reading.loss.sum(), x)
    x = x.detach()
    if problem.region is not None:
        gradient = gradient.masked_fill(~problem.region, 0)
    moved = problem.constraint.project(x + problem.stepper(gradient), problem.start).clamp(0, 1)
    if problem.region is not None:  # a stepper of somebody's own may move where there is no gradient
        moved = torch.where(problem.region, moved, x)
    return moved, replace(reading, loss=reading.loss.detach(), gradient=gradient)


def solve(problem: Problem) -> Tensor:
    """The picture after the last step, (n, 3, h, w), without recording anything on the way."""
    problem = problem.started()
    x = begin(problem)
    for _ in range(problem.steps):
        x, _ = advance(problem, x)
    return x


def readings(problem: Problem, first: Tensor | None = None) -> Iterator[tuple[Tensor, Reading]]:
    """Run the problem, yielding ``steps + 1`` pictures with their numbers, all still on the device.

    The first is what `begin` gives, where it is not given. The last one's numbers cost one forward pass more.
    """
    problem = problem.started()
    x = begin(problem) if first is None else first
    for _ in range(problem.steps):
        following, reading = advance(problem, x)
        yield x, reading
        x = following
    with torch.no_grad():
        reading = read(problem, x)
    yield x, reading


def iterate(problem: Problem) -> Iterator[Frame]:
    """Run the problem, yielding ``steps + 1`` frames: the start, then the picture after each step.

    A frame's numbers are those of its own picture. Closing the generator stops the run. Steps are recorded and
    replayed where they can be (`captured`); on a GPU a frame is then handed out while the next step runs. Else the host
    waits for the device once a frame, to copy the frame's picture and numbers.
    """
    began = time.perf_counter()
    first = begin(problem)
    plain = partial(_plain, problem, first)
    for step, shown in enumerate(recorded(problem.started(), first, _step_and_shown, plain)):
        yield _frame(step, shown if step < problem.steps else shown[:2], began)


def _plain(problem: Problem, first: Tensor) -> Iterator[Arrays]:
    heat = _heat_here if problem.start.device.type == "cpu" else _heat
    for x, reading in readings(problem, first):
        yield [one.cpu().numpy() for one in _shown(x, reading, heat)]


def _step_and_shown(problem: Problem, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    following, reading = advance(problem, x)
    return following, _shown(x, reading, _heat)


def _shown(x: Tensor, reading: Reading, heat: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """What a frame shows, on the device: its numbers (3, n) or (3 + classes, n), picture, and heat map if any."""
    numbers = torch.stack([reading.loss, reading.probability.to(reading.loss), reading.distance.to(reading.loss)])
    if reading.logits is not None:
        numbers = torch.cat([numbers, reading.logits.to(reading.loss).softmax(1).T])
    return [numbers, to_bytes(x), *([] if reading.gradient is None else [heat(reading.gradient)])]


def _frame(step: int, shown: Arrays, began: float) -> Frame:
    rows = shown[0].astype(np.float64)
    loss, probability, distance = rows[:3]
    return Frame(
        step=step,
        pixels=shown[1],
        loss=loss,
        probability=probability,
        distance=distance,
        seconds=time.perf_counter() - began,
        probabilities=None if len(rows) == 3 else rows[3:].T.astype(np.float32, order="C"),
        gradient=shown[2] if len(shown) > 2 else None,
    )


def _heat(gradient: Tensor) -> Tensor:
    """The gradient's length over the channels, uint8 (n, h, w), 255 at the largest of each picture."""
    length = gradient.float().square().sum(1).sqrt_()
    largest = length.amax((1, 2), keepdim=True).clamp_min_(1e-20)
    return length.div_(largest).mul_(255).add_(0.5).to(torch.uint8)


def _heat_here(gradient: Tensor) -> Tensor:
    """As `_heat`, to the bit. torch's root would wake its threads, which then take the processor from the next step."""
    with np.errstate(all="ignore"):  # a gradient that is not finite
        length = np.sqrt(np.square(gradient.float().numpy()).sum(1))
        length /= np.maximum(length.max((1, 2), keepdims=True), np.float32(1e-20))
        return torch.from_numpy((length * np.float32(255) + np.float32(0.5)).astype(np.uint8))


Solver: TypeAlias = Callable[[Problem], Iterator[Frame]]


def new_trace(problem: Problem) -> Trace:
    """An empty record of the problem, with everything that decides it."""
    card = getattr(problem.model, "card", None)
    return Trace(
        task=problem.task,
        target=problem.target,
        parameters=problem.parameters or {"steps": problem.steps},
        seed=problem.parameters.get("seed", problem.seed),
        model=getattr(card, "name", type(problem.model).__name__),
        fingerprint=getattr(problem.model, "fingerprint", ""),
        classes=tuple(getattr(problem.model, "classes", ())),
        radius=getattr(problem.constraint, "epsilon", None),
        loading=getattr(problem.model, "loading", None),
    )


def run(problem: Problem, on_step: Callable[[Frame], object] | None = None, *, solver: Solver = iterate) -> Trace:
    """Run the problem to the end and return its record.

    Args:
        problem: what to solve.
        solver: yields the frames; `iterate`, or one of `robust_widgets.solvers.compose` around it.
        on_step: called with each frame as it is made; returning ``False`` stops the run after that frame.
    """
    trace = new_trace(problem)
    for frame in solver(problem):
        trace.append(frame)
        if on_step is not None and on_step(frame) is False:
            break
    return trace
