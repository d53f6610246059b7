"""What is optimised, and where a run begins."""

from __future__ import annotations

import math
import warnings
from dataclasses import InitVar, dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from robust_widgets.errors import ParameterError, PictureError, short_repr, whole_number
from robust_widgets.synthesis.constraints import Constraint, Unconstrained
from robust_widgets.synthesis.objectives import Classifier, Objective
from robust_widgets.synthesis.steppers import Stepper, StepperState, as_stepper


class State(NamedTuple):
    """What a run carries from step to step besides its pictures.

    Attributes:
        objective: bound to the model.
        stepper: the stepper's state.
    """

    objective: Objective
    stepper: StepperState


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
        region: where the picture may change, bool (n or 1, 1, h, w); outside it the start stays, bit for bit. The
            gradient is masked before it becomes a step, so the whole step is spent inside. None is everywhere.
        seed: if given, the path begins at a random point of the constraint's ball drawn with this seed instead of at
            its centre.
        task: what the trace calls the run.
        target: what the run was asked for, in words.
        parameters: the parameters the problem was built from, for the trace.

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
    knobs: InitVar[dict[str, Any] | None] = None  # the old name of parameters

    def __post_init__(self, knobs: dict[str, Any] | None) -> None:
        if knobs is not None:
            warnings.warn("Problem(knobs=...) is deprecated; use parameters=.", DeprecationWarning, stacklevel=3)
            object.__setattr__(self, "parameters", knobs)
        object.__setattr__(self, "stepper", as_stepper(self.stepper))
        steps = whole_number(self.steps)
        if steps is None or steps < 1:
            raise ParameterError(f"steps is {short_repr(self.steps)}; give a whole number of at least 1.")
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

    def init(self) -> tuple[Tensor, State]:
        """The pictures before the first step, (n, 3, h, w), and the state that goes with them.

        Raises:
            UnknownNameError: the objective names a class that the model doesn't have.
        """
        x = self._first_pictures()
        return x, State(self.objective.bind(self.model, x), self.stepper.init(x))

    def _first_pictures(self) -> Tensor:
        """The start, or a random point around it if the problem has a seed."""
        start = self.start.detach()
        if self.seed is None:
            return start
        generator = torch.Generator().manual_seed(self.seed)
        moved = self.constraint.random_start(start, generator).clamp(0, 1)
        return moved if self.region is None else torch.where(self.region, moved, start)
