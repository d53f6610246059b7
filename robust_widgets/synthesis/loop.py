"""The step loop: a `Problem` goes in, one `Frame` a step comes out.

This is the only step loop of the project. Painting, generating, attacking a model while it is trained or measured:
all are `step` repeated.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robust_widgets.errors import WeightsError
from robust_widgets.pictures.tensors import to_bytes
from robust_widgets.runs.record import Frame
from robust_widgets.synthesis.objectives import Classifier
from robust_widgets.synthesis.problem import Problem

Arrays: TypeAlias = "list[npt.NDArray[Any]]"


@dataclass(frozen=True)
class StepInfo:
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


def initial_point(problem: Problem) -> Tensor:
    """The picture before the first step: the start, or a random point around it if the problem has a seed."""
    start = problem.start.detach()
    if problem.seed is None:
        return start
    generator = torch.Generator().manual_seed(problem.seed)
    moved = problem.constraint.random_start(start, generator).clamp(0, 1)
    return moved if problem.region is None else torch.where(problem.region, moved, start)


def evaluate(problem: Problem, x: Tensor) -> StepInfo:
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
    return StepInfo(loss, probability, distance, None if logits is None else logits.detach())


def step(problem: Problem, x: Tensor) -> tuple[Tensor, StepInfo]:
    """One projected gradient step: the next picture, and the numbers at ``x``.

    One forward and one backward pass to the picture. Losses are summed over the batch, so a sample's gradient does
    not depend on its neighbours.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        reading = evaluate(problem, x)
        (gradient,) = torch.autograd.grad(reading.loss.sum(), x)
    x = x.detach()
    if problem.region is not None:
        gradient = gradient.masked_fill(~problem.region, 0)
    moved = problem.constraint.project(x + problem.stepper(gradient), problem.start).clamp(0, 1)
    if problem.region is not None:  # a stepper of somebody's own may move where there is no gradient
        moved = torch.where(problem.region, moved, x)
    return moved, replace(reading, loss=reading.loss.detach(), gradient=gradient)


def minimize(problem: Problem) -> Tensor:
    """The picture after the last step, (n, 3, h, w), without recording anything on the way."""
    problem = problem.started()
    x = initial_point(problem)
    for _ in range(problem.steps):
        x, _ = step(problem, x)
    return x


def iterates(problem: Problem, first: Tensor | None = None) -> Iterator[tuple[Tensor, StepInfo]]:
    """Run the problem, yielding ``steps + 1`` pictures with their numbers, all still on the device.

    The first is what `initial_point` gives, where it is not given. The last one's numbers cost one forward pass more.
    """
    problem = problem.started()
    x = initial_point(problem) if first is None else first
    for _ in range(problem.steps):
        following, reading = step(problem, x)
        yield x, reading
        x = following
    with torch.no_grad():
        reading = evaluate(problem, x)
    yield x, reading


def iterate(problem: Problem) -> Iterator[Frame]:
    """Run the problem, yielding ``steps + 1`` frames: the start, then the picture after each step.

    A frame's numbers are those of its own picture. Closing the generator stops the run. The host waits for the device
    once a frame, to copy the frame's picture and numbers.
    """
    began = time.perf_counter()
    for i, arrays in enumerate(iterate_arrays(problem, initial_point(problem))):
        yield to_frame(i, arrays, began)


def iterate_arrays(problem: Problem, first: Tensor) -> Iterator[Arrays]:
    """As `iterate`, yielding what each frame holds."""
    heat = heat_map_on_cpu if problem.start.device.type == "cpu" else heat_map
    for x, info in iterates(problem, first):
        yield [tensor.cpu().numpy() for tensor in rendered(x, info, heat)]


def rendered(x: Tensor, reading: StepInfo, heat: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """What a frame shows, on the device: its numbers (3, n) or (3 + classes, n), picture, and heat map if any."""
    numbers = torch.stack([reading.loss, reading.probability.to(reading.loss), reading.distance.to(reading.loss)])
    if reading.logits is not None:
        numbers = torch.cat([numbers, reading.logits.to(reading.loss).softmax(1).T])
    return [numbers, to_bytes(x), *([] if reading.gradient is None else [heat(reading.gradient)])]


def to_frame(step: int, shown: Arrays, began: float) -> Frame:
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


def heat_map(gradient: Tensor) -> Tensor:
    """The gradient's length over the channels, uint8 (n, h, w), 255 at the largest of each picture."""
    length = gradient.float().square().sum(1).sqrt_()
    largest = length.amax((1, 2), keepdim=True).clamp_min_(1e-20)
    return length.div_(largest).mul_(255).add_(0.5).to(torch.uint8)


def heat_map_on_cpu(gradient: Tensor) -> Tensor:
    """Same result, bit for bit, in NumPy: torch.sqrt would wake the thread pool and slow the next step."""
    with np.errstate(all="ignore"):  # a gradient that is not finite
        length = np.sqrt(np.square(gradient.float().numpy()).sum(1))
        length /= np.maximum(length.max((1, 2), keepdims=True), np.float32(1e-20))
        return torch.from_numpy((length * np.float32(255) + np.float32(0.5)).astype(np.uint8))


Solver: TypeAlias = Callable[[Problem], Iterator[Frame]]
