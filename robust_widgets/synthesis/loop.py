"""The step loop: a `Problem` goes in, one `Frame` a step comes out.

This is the only step loop of the project. Painting, generating, attacking a model while it is trained or measured: all
are `step` repeated.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeAlias, TypeVar, cast, overload

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robust_widgets.errors import RunError, WeightsError
from robust_widgets.pictures.tensors import plain_torch, to_bytes
from robust_widgets.runs.frame import Frame
from robust_widgets.synthesis.objectives import Classifier, Objective
from robust_widgets.synthesis.problem import Problem, State

T = TypeVar("T")
Arrays: TypeAlias = "list[npt.NDArray[Any]]"
Solver: TypeAlias = Callable[[Problem], Iterator[Frame]]


@dataclass(frozen=True)
class StepInfo:
    """What is known at one step of a batch, still on the device.

    Attributes:
        loss, probability, distance: (n,) each.
        logits: (n, classes), where the objective needed them or they cost nothing; otherwise None.
        gradient: of the loss with respect to the pictures, (n, 3, h, w), masked by the region.
        x_next: the pictures after the step, (n, 3, h, w). Like the gradient, None where no step follows.
    """

    loss: Tensor
    probability: Tensor
    distance: Tensor
    logits: Tensor | None = None
    gradient: Tensor | None = None
    x_next: Tensor | None = None


@overload
def iterate(problem: Problem) -> Iterator[Frame]: ...
@overload
def iterate(problem: Problem, frame: Callable[[int, Tensor, StepInfo], T]) -> Iterator[T]: ...
def iterate(problem: Problem, frame: Callable[[int, Tensor, StepInfo], Any] | None = None) -> Iterator[Any]:
    """Run the problem, yielding ``steps + 1`` frames: the start, then the pictures after each step.

    A frame's numbers are those of its own pictures. Closing the generator stops the run. On a GPU the host waits for
    the device once per frame, to copy it.

    Args:
        problem: what to solve.
        frame: makes what is yielded from the number of updates made, the pictures (n, 3, h, w) and their `StepInfo`;
            by default a `Frame`.
    """
    frame = frame or FrameRenderer()
    x, state = problem.init()
    for i in range(problem.steps):
        x_next, info, state = step(problem, x, state)
        yield frame(i, x, info)
        x = x_next
    yield frame(problem.steps, x, evaluate(problem, x, state))


@plain_torch(autocast=True)
def step(problem: Problem, x: Tensor, state: State) -> tuple[Tensor, StepInfo, State]:
    """One projected gradient step: the next pictures, what is known at ``x``, and the next state.

    One forward pass, and one backward pass to the pictures. Losses are summed over the batch, so a sample's gradient
    doesn't depend on its neighbours.
    """
    loss, objective = state.objective.sample()
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        info = _evaluate(problem, loss, x)
        (gradient,) = torch.autograd.grad(info.loss.sum(), x, allow_unused=True) if info.loss.requires_grad else (None,)
    if gradient is None:
        from robust_widgets.synthesis.checks import no_gradient

        raise no_gradient(loss)
    x = x.detach()
    if problem.region is not None:
        gradient = gradient.masked_fill(~problem.region, 0)
    update, stepper = problem.stepper.step(gradient, state.stepper)
    x_next = problem.constraint.project(x + update, problem.start).clamp(0, 1)
    if problem.region is not None:  # a custom stepper may move pixels whose gradient is zero
        x_next = torch.where(problem.region, x_next, x)
    info = replace(info, loss=info.loss.detach(), gradient=gradient, x_next=x_next)
    return x_next, info, State(objective, stepper)


@plain_torch(autocast=True)
@torch.no_grad()
def evaluate(problem: Problem, x: Tensor, state: State | None = None) -> StepInfo:
    """What is known at ``x``, without a step.

    Args:
        problem: what is solved.
        x: pictures, (n, 3, h, w).
        state: of the run that ``x`` is part of; by default, of a run that begins here.
    """
    objective = problem.objective.bind(problem.model, x) if state is None else state.objective
    loss, _ = objective.sample()
    return _evaluate(problem, loss, x)


def _evaluate(problem: Problem, objective: Objective, x: Tensor) -> StepInfo:
    model = CachedForward(problem.model)
    loss, probability = objective.loss_and_probability(model, x)
    if getattr(loss, "shape", None) != x.shape[:1]:
        from robust_widgets.synthesis.checks import not_one_loss_each

        raise not_one_loss_each(objective, loss, len(x))
    with torch.no_grad():
        probability = torch.full_like(loss, math.nan) if probability is None else probability.detach()
        distance = problem.constraint.distance(x.detach(), problem.start)
        logits = model.logits()
    if logits is not None and len(logits) != len(x):  # the objective evaluated other pictures, such as crops
        logits = None
    return StepInfo(loss, probability, distance, None if logits is None else logits.detach())


def minimize(problem: Problem) -> Tensor:
    """The pictures after the last step, (n, 3, h, w), without evaluating them."""
    infos = iterate(problem, lambda i, x, info: info)
    (last,) = deque(islice(infos, problem.steps), maxlen=1)
    return cast(Tensor, last.x_next)


class CachedForward:
    """A model that computes each output once per tensor, so that each step costs one forward pass."""

    def __init__(self, model: Classifier) -> None:
        self._model = model
        self._logits: list[tuple[Tensor, Tensor]] = []
        self._features: list[tuple[Tensor, bool, Tensor]] = []
        self._layers: list[tuple[Tensor, str, bool, Tensor]] = []
        self._without_gradient: Tensor | None = None  # logits that came with a layer

    def __call__(self, x: Tensor) -> Tensor:
        logits = next((logits for key, logits in self._logits if key is x), None)
        if logits is None:
            # Cached straight-through features have another gradient, so they only serve where none is needed.
            logits = self._from_features(x, straight_through_too=not torch.is_grad_enabled())
            logits = self._model(x) if logits is None else logits
            self._logits.append((x, logits))
        return logits

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        for key, kind, values in self._features:
            if key is x and kind == straight_through:
                return values
        features = getattr(self._model, "features", None)
        if features is None:
            from robust_widgets.synthesis.checks import no_features

            raise no_features()
        values = cast(Tensor, features(x, straight_through=straight_through))
        self._features.append((x, straight_through, values))
        return values

    def activations(self, x: Tensor, layer: str, *, straight_through: bool = False) -> Tensor:
        for key, name, kind, values in self._layers:
            if key is x and name == layer and kind == straight_through:
                return values
        read = getattr(self._model, "activations_and_logits", None)
        if read is None:
            from robust_widgets.synthesis.checks import no_layers

            raise no_layers()
        values, logits = cast("tuple[Tensor, Tensor]", read(x, layer, straight_through=straight_through))
        self._layers.append((x, layer, straight_through, values))
        self._without_gradient = self._without_gradient if self._without_gradient is not None else logits
        return values

    def logits(self) -> Tensor | None:
        """The logits of the first pictures that were evaluated, if they are cached or follow from cached features."""
        if not self._logits and self._features:
            return self._from_features(self._features[0][0], straight_through_too=True)
        return self._logits[0][1] if self._logits else self._without_gradient

    def _from_features(self, x: Tensor, straight_through_too: bool) -> Tensor | None:
        classify = getattr(self._model, "classify", None)
        cached = (values for key, kind, values in self._features if key is x and (straight_through_too or not kind))
        features = next(cached, None)
        if classify is None or features is None:
            return None
        try:
            return cast(Tensor, classify(features))
        except WeightsError:
            return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


@dataclass(frozen=True)
class FrameRenderer:
    """Renders frames, whose clock starts with it."""

    began: float = field(default_factory=time.perf_counter)

    def __call__(self, i: int, x: Tensor, info: StepInfo) -> Frame:
        heat_map = heat_map_on_cpu if x.device.type == "cpu" else heat_map_on_device
        return self.from_arrays(i, [tensor.cpu().numpy() for tensor in render(x, info, heat_map)])

    def from_arrays(self, i: int, arrays: Arrays) -> Frame:
        """A frame from what `render` gives, copied to the host.

        Raises:
            RunError: a loss is NaN or infinite.
        """
        rows = arrays[0].astype(np.float64)
        loss, probability, distance = rows[:3]
        if not np.isfinite(loss).all():
            raise RunError(
                f"The loss is {loss[~np.isfinite(loss)][0]} at step {i}, where the run stops; the frames before it are "
                "kept. Check the objective and its gradient there, or take smaller steps."
            )
        return Frame(
            step=i,
            pixels=arrays[1],
            loss=loss,
            probability=probability,
            distance=distance,
            seconds=time.perf_counter() - self.began,
            probabilities=None if len(rows) == 3 else rows[3:].T.astype(np.float32, order="C"),
            gradient=arrays[2] if len(arrays) > 2 else None,
        )


def render(x: Tensor, info: StepInfo, heat_map: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """What a frame shows, on the device: its numbers (3, n) or (3 + classes, n), picture, and heat map if any."""
    numbers = torch.stack([info.loss, info.probability.to(info.loss), info.distance.to(info.loss)])
    if info.logits is not None:
        numbers = torch.cat([numbers, info.logits.to(info.loss).softmax(1).T])
    return [numbers, to_bytes(x), *([] if info.gradient is None else [heat_map(info.gradient)])]


def heat_map_on_device(gradient: Tensor) -> Tensor:
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
