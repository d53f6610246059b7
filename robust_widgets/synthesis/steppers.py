"""How a gradient becomes an update of the picture.

A stepper maps the gradient of the loss, (n, 3, h, w), to the update that is added to the picture, sample by sample.
Steps go downhill. Step sizes are in the pixels of the picture that is optimised. What a stepper remembers from step to
step is its state, which the step loop carries; the stepper itself never changes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, cast

import torch
from torch import Tensor

from robust_widgets.errors import ParameterError, real_number, short_repr
from robust_widgets.synthesis.constraints import l2_norm, per_sample

StepperState: TypeAlias = Any  # tensors and numbers, or tuples of them; () where there is none


class Stepper(Protocol):
    """What the step loop requires of a stepper.

    Write your own as a frozen dataclass; then its steps are compiled like ours.
    """

    def init(self, x: Tensor) -> StepperState:
        """The state before the first step from pictures ``x``, (n, 3, h, w)."""
        ...

    def step(self, gradient: Tensor, state: StepperState) -> tuple[Tensor, StepperState]:
        """The update for this gradient, of the same shape, and the next state."""
        ...


@dataclass(frozen=True)
class _SizedStep:
    """A stepper with a step size and no state.

    Raises:
        ParameterError: the step size is not a finite number above 0.
    """

    step_size: float

    def __post_init__(self) -> None:
        step_size = real_number(self.step_size)
        if step_size is None or not math.isfinite(step_size) or step_size <= 0:
            raise ParameterError(f"The step size is {short_repr(self.step_size)}; give a finite number above 0.")

    def init(self, x: Tensor) -> StepperState:
        return ()

    def step(self, gradient: Tensor, state: StepperState) -> tuple[Tensor, StepperState]:
        return self(gradient), state

    def __call__(self, gradient: Tensor) -> Tensor:
        """The update for this gradient; same shape."""
        raise NotImplementedError


@dataclass(frozen=True)
class L2Step(_SizedStep):
    """``-step_size * g / (||g||_2 + 1e-10)``: every step has the same length (paper, Appendix A.1).

    Raises:
        ParameterError: the step size is not a finite number above 0.
    """

    def __call__(self, gradient: Tensor) -> Tensor:
        return (-self.step_size * gradient).div_(l2_norm(gradient, keepdim=True) + 1e-10)


@dataclass(frozen=True)
class LinfStep(_SizedStep):
    """``-step_size * sign(g)``: every value moves by the same amount.

    Raises:
        ParameterError: the step size is not a finite number above 0.
    """

    def __call__(self, gradient: Tensor) -> Tensor:
        return -self.step_size * gradient.sign()


@dataclass(frozen=True)
class GradientStep(_SizedStep):
    """``-step_size * g``: plain gradient descent; the length of a step depends on the gradient.

    Raises:
        ParameterError: the step size is not a finite number above 0.
    """

    def __call__(self, gradient: Tensor) -> Tensor:
        return -self.step_size * gradient


@dataclass(frozen=True, repr=False)
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

    inner: Stepper
    decay: float = 0.9

    def __post_init__(self) -> None:
        decay = real_number(self.decay)
        if decay is None or not 0 <= decay < 1:
            raise ParameterError(
                f"The momentum's decay is {short_repr(self.decay)}; give a number of at least 0 and below 1."
            )
        object.__setattr__(self, "inner", as_stepper(self.inner))

    def init(self, x: Tensor) -> StepperState:
        return torch.zeros_like(x), self.inner.init(x)

    def step(self, gradient: Tensor, state: StepperState) -> tuple[Tensor, StepperState]:
        total, inner_state = state
        length = per_sample(gradient.flatten(1).abs().sum(1).clamp_min(1e-12), gradient)
        total = self.decay * total + gradient / length
        update, inner_state = self.inner.step(total, inner_state)
        return update, (total, inner_state)

    def __repr__(self) -> str:
        return f"Momentum({self.inner!r}, {self.decay})"


@dataclass(frozen=True, repr=False, eq=False)
class Weighted:
    """Another stepper, given the gradient with a weight at each pixel.

    Where the weight is small, a run changes little; a normalised step is spent on the rest.

    Args:
        inner: the stepper.
        weight: float (n or 1, 1, h, w), finite and at least 0; on the device of the pictures.

    Raises:
        ParameterError: the weight is of another kind; or, when a run begins, does not fit its pictures.
    """

    inner: Stepper
    weight: Tensor

    def __post_init__(self) -> None:
        from robust_widgets.synthesis.checks import check_weight

        object.__setattr__(self, "inner", as_stepper(self.inner))
        check_weight(self.weight)

    def init(self, x: Tensor) -> StepperState:
        from robust_widgets.synthesis.checks import check_weight_fits

        check_weight_fits(self.weight, x)
        return self.inner.init(x)

    def step(self, gradient: Tensor, state: StepperState) -> tuple[Tensor, StepperState]:
        return self.inner.step(gradient * self.weight.to(gradient.dtype), state)

    def __repr__(self) -> str:
        return f"Weighted({self.inner!r}, weight {tuple(self.weight.shape)})"


def is_stepper(value: object) -> bool:
    """Whether a value has a stepper's methods."""
    return hasattr(value, "init") and hasattr(value, "step")


def as_stepper(stepper: Stepper | Callable[[Tensor], Tensor]) -> Stepper:
    """The stepper, or an adapter for a function of the gradient, which steppers used to be.

    Raises:
        ParameterError: it is neither.
    """
    if isinstance(stepper, type) or not (callable(stepper) or is_stepper(stepper)):
        kind = f"the class {stepper.__name__!r}" if isinstance(stepper, type) else short_repr(stepper)
        raise ParameterError(f"The stepper is {kind}; give one, such as rw.L2Step(0.5).")
    if is_stepper(stepper):
        return cast(Stepper, stepper)
    warnings.warn(
        f"{type(stepper).__name__} is a function of the gradient, which the next release won't accept as a stepper; "
        "give it the methods init(x) and step(gradient, state).",
        DeprecationWarning,
        stacklevel=4,
    )
    return _CallableStepper(cast("Callable[[Tensor], Tensor]", stepper))


@dataclass(frozen=True)
class _CallableStepper:
    """A function of the gradient as a stepper; its ``started`` method, if any, gives a fresh one for each run."""

    function: Callable[[Tensor], Tensor]

    def init(self, x: Tensor) -> StepperState:
        return getattr(self.function, "started", lambda: self.function)()

    def step(self, gradient: Tensor, state: StepperState) -> tuple[Tensor, StepperState]:
        return state(gradient), state
