"""The step loop: a `Problem` goes in, one `Frame` a step comes out.

This is the only step loop of the project. Painting, generating, attacking a model while it is trained or measured:
all are `advance` repeated.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from robust_widgets.constraints import Constraint, Unconstrained
from robust_widgets.errors import KnobError, PictureError
from robust_widgets.images import to_pixels
from robust_widgets.objectives import Classifier, Objective
from robust_widgets.steppers import Stepper
from robust_widgets.trace import Frame, Trace


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
        seed: if given, the path begins at a random point of the constraint's ball drawn with this seed instead of at
            its centre.
        task, target: what the trace calls the run and what was asked for, in words.
        knobs: the knobs the problem was made from, for the trace.

    Raises:
        KnobError: steps is not a whole number of at least 1.
        PictureError: the start is not a batch of finite pictures in [0, 1].
    """

    model: Classifier
    start: Tensor
    objective: Objective
    stepper: Stepper
    steps: int
    constraint: Constraint = field(default_factory=Unconstrained)
    seed: int | None = None
    task: str = "problem"
    target: str = ""
    knobs: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if isinstance(self.steps, bool) or not hasattr(self.steps, "__index__") or self.steps < 1:
            raise KnobError(f"steps is {self.steps!r}; give a whole number of at least 1.")
        if not self.start.is_floating_point():
            raise PictureError(f"The start has values of type {self.start.dtype}; pictures are floats within 0 to 1.")
        if self.start.dim() != 4 or self.start.shape[1] != 3 or 0 in self.start.shape:
            raise PictureError(
                f"The start has shape {tuple(self.start.shape)}; a batch of pictures has shape (n, 3, height, width)."
            )
        low, high = float(self.start.min()), float(self.start.max())
        if not (math.isfinite(low) and math.isfinite(high)) or low < 0 or high > 1:
            raise PictureError(f"The start holds values from {low:g} to {high:g}; pictures are within 0 to 1.")


@dataclass(frozen=True)
class Reading:
    """The numbers of a batch at one step, (n,) each, still on the device."""

    loss: Tensor
    probability: Tensor
    distance: Tensor


class OnceModel:
    """A model that answers a repeated question from memory, so that each step costs one forward pass."""

    def __init__(self, model: Classifier) -> None:
        self._model = model
        self._asked: Tensor | None = None
        self._answer: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        if self._answer is None or self._asked is not x:
            self._asked, self._answer = x, self._model(x)
        return self._answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def begin(problem: Problem) -> Tensor:
    """The picture before the first step: the start, or a random point around it if the problem has a seed."""
    if problem.seed is None:
        return problem.start.detach()
    generator = torch.Generator().manual_seed(problem.seed)
    return problem.constraint.random_start(problem.start.detach(), generator).clamp(0, 1)


def read(problem: Problem, x: Tensor) -> Reading:
    """The numbers at ``x``; differentiable in ``x`` where that asks for gradients."""
    model = OnceModel(problem.model)
    loss = problem.objective(model, x)
    with torch.no_grad():
        found = problem.objective.probability(model, x)
        probability = found.detach() if found is not None else torch.full_like(loss, math.nan)
        distance = problem.constraint.distance(x.detach(), problem.start)
    return Reading(loss, probability, distance)


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
    moved = problem.constraint.project(x + problem.stepper(gradient), problem.start)
    return moved.clamp(0, 1), Reading(reading.loss.detach(), reading.probability, reading.distance)


def solve(problem: Problem) -> Tensor:
    """The picture after the last step, (n, 3, h, w), without recording anything on the way."""
    x = begin(problem)
    for _ in range(problem.steps):
        x, _ = advance(problem, x)
    return x


def iterate(problem: Problem) -> Iterator[Frame]:
    """Run the problem, yielding ``steps + 1`` frames: the start, then the picture after each step.

    A frame's numbers are those of its own picture, so the last frame costs one forward pass more. Closing the
    generator stops the run. The host waits for the device once a frame, to copy the frame's picture and numbers.
    """
    began = time.perf_counter()
    x = begin(problem)
    for step in range(problem.steps):
        following, reading = advance(problem, x)
        yield _frame(step, x, reading, began)
        x = following
    with torch.no_grad():
        reading = read(problem, x)
    yield _frame(problem.steps, x, reading, began)


def _frame(step: int, x: Tensor, reading: Reading, began: float) -> Frame:
    numbers = torch.stack([reading.loss, reading.probability.to(reading.loss), reading.distance.to(reading.loss)])
    loss, probability, distance = numbers.cpu().double().numpy()
    return Frame(
        step=step,
        pixels=to_pixels(x),
        loss=loss,
        probability=probability,
        distance=distance,
        seconds=time.perf_counter() - began,
    )


def new_trace(problem: Problem) -> Trace:
    """An empty record of the problem, with everything that decides it."""
    card = getattr(problem.model, "card", None)
    return Trace(
        task=problem.task,
        target=problem.target,
        knobs=problem.knobs or {"steps": problem.steps},
        seed=problem.knobs.get("seed", problem.seed),
        model=getattr(card, "name", type(problem.model).__name__),
        fingerprint=getattr(problem.model, "fingerprint", ""),
    )


def run(problem: Problem, on_step: Callable[[Frame], object] | None = None) -> Trace:
    """Run the problem to the end and return its record.

    Args:
        problem: what to solve.
        on_step: called with each frame as it is made; returning ``False`` stops the run after that frame.
    """
    trace = new_trace(problem)
    for frame in iterate(problem):
        trace.append(frame)
        if on_step is not None and on_step(frame) is False:
            break
    return trace
