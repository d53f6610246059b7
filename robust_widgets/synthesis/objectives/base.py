"""What a picture is asked to become: a loss per sample, to be minimised.

An objective maps ``(model, x)``, with x (n, 3, h, w) in [0, 1], to a loss of shape (n,). Objectives add and scale:
``CrossEntropy(3) + 0.5 * other``. The ``model`` an objective is handed remembers its last answer, so a sum of
objectives still costs one forward pass. (One beside `Activation` costs a second: its gradient takes another way.)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from torch import Tensor


class Classifier(Protocol):
    """What an objective may ask of a model."""

    def __call__(self, x: Tensor) -> Tensor:
        """Logits (n, classes) of pictures (n, 3, h, w) in [0, 1]."""
        ...


class Objective(ABC):
    """A loss per sample that can be added to others and scaled."""

    def started(self) -> Objective:
        """The objective for one run: itself, or a fresh copy where it keeps something from step to step."""
        return self

    @abstractmethod
    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        """The loss of each sample; x (n, 3, h, w) in [0, 1] -> (n,)."""

    def probability(self, model: Classifier, x: Tensor) -> Tensor | None:
        """The probability of what is asked for, (n,), or None where that has no meaning."""
        return None

    def __add__(self, other: Objective) -> Objective:
        return Sum(self, other)

    def __mul__(self, weight: float) -> Objective:
        return Scaled(self, float(weight))

    def __rmul__(self, weight: float) -> Objective:
        return Scaled(self, float(weight))

    def __neg__(self) -> Objective:
        return Scaled(self, -1.0)

    def __sub__(self, other: Objective) -> Objective:
        return Sum(self, -other)


class Sum(Objective):
    """Two losses added; the probability is the first one's that has any."""

    def __init__(self, first: Objective, second: Objective) -> None:
        self.first = first
        self.second = second

    def started(self) -> Objective:
        first, second = self.first.started(), self.second.started()
        return self if first is self.first and second is self.second else Sum(first, second)

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return self.first(model, x) + self.second(model, x)

    def probability(self, model: Classifier, x: Tensor) -> Tensor | None:
        found = self.first.probability(model, x)
        return found if found is not None else self.second.probability(model, x)

    def __repr__(self) -> str:
        return f"{self.first!r} + {self.second!r}"


class Scaled(Objective):
    """A loss times a number; a negative number turns descent into ascent."""

    def __init__(self, inner: Objective, weight: float) -> None:
        self.inner = inner
        self.weight = weight

    def started(self) -> Objective:
        inner = self.inner.started()
        return self if inner is self.inner else Scaled(inner, self.weight)

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return self.weight * self.inner(model, x)

    def probability(self, model: Classifier, x: Tensor) -> Tensor | None:
        return self.inner.probability(model, x)

    def __repr__(self) -> str:
        inner = f"({self.inner!r})" if isinstance(self.inner, Sum) else repr(self.inner)
        return f"{self.weight:g} * {inner}"
