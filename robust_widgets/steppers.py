"""How a gradient becomes an update of the picture.

A stepper maps the gradient of the loss, (n, 3, h, w), to the update that is added to the picture, sample by sample.
Steps go downhill. Step sizes are in the pixels of the picture that is optimised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from robust_widgets.errors import KnobError
from robust_widgets.norms import l2_norm, per_sample


class Stepper(Protocol):
    """What the step loop asks of a stepper."""

    def __call__(self, gradient: Tensor) -> Tensor:
        """The update for this gradient; same shape."""
        ...


@dataclass(frozen=True)
class _Sized:
    """A stepper with a step size.

    Raises:
        KnobError: the step size is not a finite number above 0.
    """

    step_size: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.step_size) or self.step_size <= 0:
            raise KnobError(f"The step size is {self.step_size}; give a finite number above 0.")


@dataclass(frozen=True)
class L2Step(_Sized):
    """``-step_size * g / (||g||_2 + 1e-10)``: every step has the same length (paper, Appendix A.1).

    Raises:
        KnobError: the step size is not a finite number above 0.
    """

    def __call__(self, gradient: Tensor) -> Tensor:
        return gradient * per_sample(-self.step_size / (l2_norm(gradient) + 1e-10), gradient)


@dataclass(frozen=True)
class LinfStep(_Sized):
    """``-step_size * sign(g)``: every value moves by the same amount.

    Raises:
        KnobError: the step size is not a finite number above 0.
    """

    def __call__(self, gradient: Tensor) -> Tensor:
        return -self.step_size * gradient.sign()


@dataclass(frozen=True)
class GradientStep(_Sized):
    """``-step_size * g``: plain gradient descent, the length depends on the gradient.

    Raises:
        KnobError: the step size is not a finite number above 0.
    """

    def __call__(self, gradient: Tensor) -> Tensor:
        return -self.step_size * gradient
