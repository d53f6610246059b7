"""How a gradient becomes an update of the picture.

A stepper maps the gradient of the loss, (n, 3, h, w), to the update that is added to the picture, sample by sample.
Steps go downhill. Step sizes are in the pixels of the picture that is optimised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, cast

from torch import Tensor

from robust_widgets.errors import ParameterError
from robust_widgets.synthesis.constraints import l2_norm, per_sample


class Stepper(Protocol):
    """What the step loop asks of a stepper."""

    def __call__(self, gradient: Tensor) -> Tensor:
        """The update for this gradient; same shape."""
        ...


@dataclass(frozen=True)
class _Sized:
    """A stepper with a step size.

    Raises:
        ParameterError: the step size is not a finite number above 0.
    """

    step_size: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.step_size) or self.step_size <= 0:
            raise ParameterError(f"The step size is {self.step_size}; give a finite number above 0.")


@dataclass(frozen=True)
class L2Step(_Sized):
    """``-step_size * g / (||g||_2 + 1e-10)``: every step has the same length (paper, Appendix A.1).

    Raises:
        ParameterError: the step size is not a finite number above 0.
    """

    def __call__(self, gradient: Tensor) -> Tensor:
        return (-self.step_size * gradient).div_(l2_norm(gradient, keepdim=True) + 1e-10)


@dataclass(frozen=True)
class LinfStep(_Sized):
    """``-step_size * sign(g)``: every value moves by the same amount.

    Raises:
        ParameterError: the step size is not a finite number above 0.
    """

    def __call__(self, gradient: Tensor) -> Tensor:
        return -self.step_size * gradient.sign()


@dataclass(frozen=True)
class GradientStep(_Sized):
    """``-step_size * g``: plain gradient descent, the length depends on the gradient.

    Raises:
        ParameterError: the step size is not a finite number above 0.
    """

    def __call__(self, gradient: Tensor) -> Tensor:
        return -self.step_size * gradient


def started(stepper: Stepper) -> Stepper:
    """The stepper for one run: what its ``started`` method gives, or itself where it keeps nothing and has none."""
    fresh = getattr(stepper, "started", None)
    return stepper if fresh is None else cast(Stepper, fresh())


class Momentum:
    """Another stepper, given a running sum of the gradients instead of the newest one.

    The sum is ``decay * sum + g / ||g||_1``, as in the momentum attack of Dong et al. (2018): each gradient counts by
    its direction alone. A run starts with an empty sum.

    Args:
        inner: the stepper.
        decay: how much of the old sum stays, from 0 (no momentum) to below 1.

    Raises:
        ParameterError: decay is out of range.
    """

    def __init__(self, inner: Stepper, decay: float = 0.9) -> None:
        if not 0 <= decay < 1:
            raise ParameterError(f"The momentum's decay is {decay}; give a number of at least 0 and below 1.")
        self.inner = inner
        self.decay = decay
        self._sum: Tensor | None = None

    def started(self) -> Momentum:
        """A stepper of the same kind with an empty sum."""
        return Momentum(started(self.inner), self.decay)

    def __call__(self, gradient: Tensor) -> Tensor:
        length = per_sample(gradient.flatten(1).abs().sum(1).clamp_min(1e-12), gradient)
        direction = gradient / length
        self._sum = direction if self._sum is None else self.decay * self._sum + direction
        return self.inner(self._sum)

    def __repr__(self) -> str:
        return f"Momentum({self.inner!r}, {self.decay})"
