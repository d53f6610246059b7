"""What is optimised, and where a run begins."""

from __future__ import annotations

import warnings
from dataclasses import InitVar, dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from robust_widgets.pictures.tensors import plain_torch
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
        start: the first picture, float (n, 3, h, w) in [0, 1]; brought to the model's device and precision.
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
        ParameterError: steps is not a whole number of at least 1, or the model, the objective or the constraint is
            none.
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
        from robust_widgets.synthesis.checks import check_parts, usable_region, usable_start

        check_parts(self)
        object.__setattr__(self, "stepper", as_stepper(self.stepper))
        object.__setattr__(self, "start", usable_start(self.start, self.model))
        if self.region is not None:
            object.__setattr__(self, "region", usable_region(self.region, self.start))

    @plain_torch(autocast=True)
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
