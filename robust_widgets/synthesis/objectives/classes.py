"""Losses on the classifier's answer: towards a class, away from one, or towards a mixture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, cast

import torch
from torch import Tensor, nn

from robust_widgets.errors import ParameterError, UnknownNameError
from robust_widgets.synthesis.objectives.base import Classifier, Objective


def _full_precision(logits: Tensor) -> Tensor:
    """Half-precision logits as float32; float32 and float64 stay as they are."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def _index(model: Classifier, target: str | int) -> int:
    """The index of a class; a name is looked up in the model.

    Raises:
        UnknownNameError: a name, and the model has no such class, or knows no names.
    """
    if not isinstance(target, str):
        return target
    look_up = getattr(model, "class_index", None)
    if look_up is None:
        raise UnknownNameError(f"The model knows no class names, so {target!r} cannot be found; give a class index.")
    return cast(int, look_up(target))


class CrossEntropy(Objective):
    """Cross-entropy of the model's logits to a target class (paper, equation 1).

    Args:
        target: the class for all samples, by name or index; or one for each sample (a sequence, or an integer tensor
            of shape (n,)).

    Raises:
        UnknownNameError: when evaluated, if a target is not a class of the model.
    """

    def __init__(self, target: str | int | Sequence[str | int] | Tensor) -> None:
        several = isinstance(target, (list, tuple))
        given = cast("Sequence[Any]", target) if several else [target]
        self._named = [] if not any(isinstance(one, str) for one in given) else list(given)
        self._several = several
        self._named_in: object = None
        self.target = torch.zeros(len(given), dtype=torch.long) if self._named else _as_indices(target)
        if self.target.dim() > 1 or self.target.numel() == 0:
            raise UnknownNameError(
                f"Targets have shape {tuple(self.target.shape)}; give one class index, or one per sample."
            )
        self._checked_classes = 0

    def _indices(self, model: Classifier, logits: Tensor) -> Tensor:
        classes = logits.shape[1]
        if self._named and self._named_in != (names := getattr(model, "classes", classes)):
            indices = [_index(model, one) for one in self._named]
            self.target, self._named_in = torch.tensor(indices if self._several else indices[0]), names
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
        return nn.functional.cross_entropy(_full_precision(logits), self._indices(model, logits), reduction="none")

    def probability(self, model: Classifier, x: Tensor) -> Tensor:
        logits = model(x)
        return _full_precision(logits).softmax(1).gather(1, self._indices(model, logits)[:, None])[:, 0]

    def __repr__(self) -> str:
        return f"CrossEntropy({self._shown()})"

    def _shown(self) -> object:
        if self._named:
            return self._named if self._several else repr(self._named[0])
        return self.target.tolist()


class AwayFrom(CrossEntropy):
    """The untargeted loss: away from a class, towards any other. Arguments as for `CrossEntropy`.

    Its probability is that of all other classes together.
    """

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return -super().__call__(model, x)

    def probability(self, model: Classifier, x: Tensor) -> Tensor:
        return 1 - super().probability(model, x)

    def __repr__(self) -> str:
        return f"AwayFrom({self._shown()})"


class Mixture(Objective):
    """Cross-entropy to several classes at once, each with its weight.

    Args:
        weights: a weight above 0 for each class, by name or index; they are scaled to add up to 1.

    Raises:
        ParameterError: there is no class, or a weight is not a finite number above 0.
        UnknownNameError: when evaluated, if a class is not one of the model's.
    """

    def __init__(self, weights: Mapping[str | int, float] | Mapping[str, float] | Mapping[int, float]) -> None:
        if not isinstance(weights, Mapping) or not weights:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ParameterError("The mixture has no classes; give at least one, such as {'lion': 2, 'bear': 1}.")
        for name, weight in weights.items():
            if not isinstance(weight, Real) or not math.isfinite(weight) or weight <= 0:
                raise ParameterError(f"The weight of {name!r} is {weight!r}; give a finite number above 0.")
        total = float(sum(weights.values()))
        self.weights: dict[str | int, float] = {name: float(weight) / total for name, weight in weights.items()}
        self._made_for: object = None
        self._ready = torch.zeros(0)

    def _shares(self, model: Classifier, logits: Tensor) -> Tensor:
        classes = logits.shape[1]
        made_for = (getattr(model, "classes", None), classes, logits.device)
        if self._made_for != made_for:
            # Once for a model: a copy to the device at each step would make it wait.
            shares = torch.zeros(classes)
            for name, weight in self.weights.items():
                index = _index(model, name)
                if not 0 <= index < classes:
                    raise UnknownNameError(
                        f"Class index {index} does not exist; this model has {classes} classes, 0 to {classes - 1}."
                    )
                shares[index] += weight
            self._ready, self._made_for = shares.to(logits.device), made_for
        return self._ready

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        logits = model(x)
        return -(_full_precision(logits).log_softmax(1) * self._shares(model, logits)).sum(1)

    def probability(self, model: Classifier, x: Tensor) -> Tensor:
        logits = model(x)
        return (_full_precision(logits).softmax(1) * (self._shares(model, logits) > 0)).sum(1)

    def __repr__(self) -> str:
        return f"Mixture({self.weights})"


def _as_indices(target: Any) -> Tensor:
    return torch.as_tensor(target, dtype=torch.long)
