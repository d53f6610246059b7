"""The numbers and tensors that a problem holds, apart from its structure."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterator
from typing import Any, TypeAlias, TypeVar

from torch import Tensor

from robust_widgets.synthesis.constraints import L2Ball, LinfBall, Unconstrained
from robust_widgets.synthesis.objectives import Activation, AwayFrom, CrossEntropy, MatchOutside, Mixture, Scaled, Sum
from robust_widgets.synthesis.steppers import GradientStep, L2Step, LinfStep, Momentum

Leaf: TypeAlias = "float | Tensor"
Part = TypeVar("Part")

PROBLEM = ("start", "region", "objective", "constraint", "stepper")
HELD: dict[type, tuple[str, ...]] = {
    Unconstrained: (),
    L2Ball: ("epsilon",),
    LinfBall: ("epsilon",),
    L2Step: ("step_size",),
    LinfStep: ("step_size",),
    GradientStep: ("step_size",),
    Momentum: ("inner", "decay", "_sum"),
    Sum: ("first", "second"),
    Scaled: ("inner", "weight"),
    CrossEntropy: ("target",),
    AwayFrom: ("target",),
    Mixture: ("_ready",),
    Activation: ("_ready",),
    MatchOutside: ("_ready",),
}


class UnsupportedNodeError(Exception):
    """A part of a kind that is not known here; it may do anything from step to step."""


def flatten(part: object, leaves: list[Leaf]) -> Hashable:
    """Append a part's numbers and tensors to ``leaves``, and give its structure: what is left without their values.

    Raises:
        UnsupportedNodeError: a part is of another kind than those of `HELD`, or than a problem of them.
    """
    if isinstance(part, Tensor):
        leaves.append(part)
        return tuple(part.shape), part.dtype
    if isinstance(part, (int, float)):
        leaves.append(float(part))
        return float
    if part is None:
        return None
    return type(part), tuple(flatten(inner, leaves) for inner in _inside(part))


def rebuilt(part: Part, leaves: Iterator[Any]) -> Part:
    """A part of the same structure with other leaves, in the order in which `flatten` gave them."""
    twin: Any
    if isinstance(part, (Tensor, int, float)):
        twin = next(leaves)
    elif isinstance(part, tuple):
        twin = tuple(rebuilt(inner, leaves) for inner in part)
    elif part is None:
        twin = None
    else:
        twin = copy.copy(part)  # not made anew: a constructor looks at the values
        for name, inner in zip(_names(part), _inside(part), strict=True):
            object.__setattr__(twin, name, rebuilt(inner, leaves))
    return twin


def with_model(problem: Part, model: object) -> Part:
    """The problem of another model."""
    other = copy.copy(problem)
    object.__setattr__(other, "model", model)
    return other


def _inside(part: object) -> tuple[object, ...]:
    return part if isinstance(part, tuple) else tuple(getattr(part, name) for name in _names(part))


def _names(part: object) -> tuple[str, ...]:
    if all(hasattr(part, name) for name in PROBLEM):
        return PROBLEM
    if type(part) not in HELD:
        raise UnsupportedNodeError(type(part).__name__)
    return HELD[type(part)]
