"""What a picture is asked to become: a loss per sample, to be minimised.

An objective maps ``(model, x)``, with x (n, 3, h, w) in [0, 1], to a loss of shape (n,). Objectives add and scale:
``CrossEntropy(3) + 0.5 * other``. The ``model`` an objective is handed remembers its last answer, so a sum of
objectives still costs one forward pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from robust_widgets.errors import UnknownNameError


class Classifier(Protocol):
    """What an objective may ask of a model."""

    def __call__(self, x: Tensor) -> Tensor:
        """Logits (n, classes) of pictures (n, 3, h, w) in [0, 1]."""
        ...


class Objective(ABC):
    """A loss per sample that can be added to others and scaled."""

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

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return self.weight * self.inner(model, x)

    def probability(self, model: Classifier, x: Tensor) -> Tensor | None:
        return self.inner.probability(model, x)

    def __repr__(self) -> str:
        inner = f"({self.inner!r})" if isinstance(self.inner, Sum) else repr(self.inner)
        return f"{self.weight:g} * {inner}"


def _full_precision(logits: Tensor) -> Tensor:
    """Half-precision logits as float32; float32 and float64 stay as they are."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


class CrossEntropy(Objective):
    """Cross-entropy of the model's logits to a target class (paper, equation 1).

    Args:
        target: the class index for all samples, or one per sample (sequence or integer tensor of shape (n,)).

    Raises:
        UnknownNameError: when evaluated, if a target is not an index of the model's logits.
    """

    def __init__(self, target: int | Sequence[int] | Tensor) -> None:
        self.target = torch.as_tensor(target, dtype=torch.long)
        if self.target.dim() > 1 or self.target.numel() == 0:
            raise UnknownNameError(
                f"Targets have shape {tuple(self.target.shape)}; give one class index, or one per sample."
            )
        self._checked_classes = 0

    def _indices(self, logits: Tensor) -> Tensor:
        classes = logits.shape[1]
        if self._checked_classes != classes:
            # Checked once, on the host's copy: a check in the loop would make a GPU wait.
            low, high = int(self.target.min()), int(self.target.max())
            if low < 0 or high >= classes:
                raise UnknownNameError(
                    f"Class index {low if low < 0 else high} does not exist; this model has {classes} classes, "
                    f"0 to {classes - 1}."
                )
            self._checked_classes = classes
        if self.target.dim() == 1 and len(self.target) not in (1, len(logits)):
            raise UnknownNameError(
                f"There are {len(self.target)} targets for {len(logits)} pictures; give one class index, or one per "
                "sample."
            )
        self.target = self.target.to(logits.device)
        return self.target.expand(logits.shape[0])

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        logits = model(x)
        return nn.functional.cross_entropy(_full_precision(logits), self._indices(logits), reduction="none")

    def probability(self, model: Classifier, x: Tensor) -> Tensor:
        logits = model(x)
        return _full_precision(logits).softmax(1).gather(1, self._indices(logits)[:, None])[:, 0]

    def __repr__(self) -> str:
        return f"CrossEntropy({self.target.tolist()})"
