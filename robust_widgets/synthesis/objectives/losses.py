"""Losses on the model's logits, and on the picture itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from robust_widgets.errors import ParameterError, UnknownNameError, WeightsError, real_number, short_repr, whole_number
from robust_widgets.pictures.tensors import Mask, Picture, plain_torch, to_batch, to_mask
from robust_widgets.synthesis.objectives.base import Classifier, Objective, changed


@dataclass(frozen=True, eq=False, repr=False)
class CrossEntropy(Objective):
    """Cross-entropy of the model's logits to a target class (paper, equation 1).

    Args:
        target: the class for all samples, by name or index; or one for each sample (a sequence, or an integer tensor
            of shape (n,)). Once bound to a model, the indices, int64 of shape () or (n,).

    Raises:
        UnknownNameError: a target is neither a name nor an index; when bound or evaluated, it is not a class of the
            model.
    """

    target: str | int | Sequence[str | int] | Tensor
    _range: tuple[int, int] | None = field(default=None, init=False, compare=False)  # of the indices, once bound

    def __post_init__(self) -> None:
        if _has_names(self.target):
            return
        is_sequence = isinstance(self.target, (list, tuple))
        for index in cast("Sequence[Any]", self.target) if is_sequence else [self.target]:
            if not isinstance(index, (Tensor, np.ndarray, list, tuple)) and whole_number(index) is None:
                raise UnknownNameError(f"A target is {short_repr(index)}; give a class by name or index.")
        try:
            with plain_torch():  # a gradient passes by them
                indices = torch.as_tensor(self.target, dtype=torch.long).clone()
        except (TypeError, ValueError, RuntimeError, OverflowError):
            raise UnknownNameError(f"A target is {short_repr(self.target)}; give a class by name or index.") from None
        if indices.dim() > 1 or indices.numel() == 0:
            raise UnknownNameError(
                f"Targets have shape {tuple(indices.shape)}; give one class index, or one per sample."
            )
        object.__setattr__(self, "target", indices)

    def bind(self, model: Classifier, x: Tensor) -> Objective:
        indices = _indices(model, self.target)
        # Read once, on the host: a check of the device's copy at each step would synchronise.
        range_ = self._range or (int(indices.min()), int(indices.max()))
        return changed(self, target=indices.to(x.device), _range=range_)

    def _targets(self, model: Classifier, logits: Tensor) -> Tensor:
        """The class index of each sample, (n,)."""
        bound = self if self._range is not None else cast(CrossEntropy, self.bind(model, logits))
        indices, (low, high), classes = (
            cast(Tensor, bound.target),
            cast("tuple[int, int]", bound._range),
            logits.shape[1],
        )
        if classes < 2:
            raise WeightsError(
                f"The model has {classes} class, whose probability is always 1; painting towards a class needs two "
                "classes at least."
            )
        if low < 0 or high >= classes:
            raise _no_such_class(low if low < 0 else high, classes)
        if indices.dim() == 1 and len(indices) not in (1, len(logits)):
            raise UnknownNameError(
                f"There are {len(indices)} targets for {len(logits)} pictures; give one class index, or one per sample."
            )
        return indices.to(logits.device).expand(len(logits))

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        logits = model(x)
        return nn.functional.cross_entropy(_full_precision(logits), self._targets(model, logits), reduction="none")

    def probability(self, model: Classifier, x: Tensor) -> Tensor:
        logits = model(x)
        return _full_precision(logits).softmax(1).gather(1, self._targets(model, logits)[:, None])[:, 0]

    def __repr__(self) -> str:
        target = self.target.tolist() if isinstance(self.target, Tensor) else self.target
        return f"{type(self).__name__}({list(target) if isinstance(target, tuple) else target!r})"


class AwayFrom(CrossEntropy):
    """The untargeted loss: away from a class, towards any other. Arguments as for `CrossEntropy`.

    Its probability is that of all other classes together.
    """

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return -super().__call__(model, x)

    def probability(self, model: Classifier, x: Tensor) -> Tensor:
        return 1 - super().probability(model, x)


@dataclass(frozen=True, eq=False, repr=False)
class Mixture(Objective):
    """Cross-entropy to several classes at once, each with its weight.

    Args:
        weights: a weight above 0 for each class, by name or index; they are scaled to a sum of 1. Once bound to a model
            that knows its classes, the weight of each of them, (classes,).

    Raises:
        ParameterError: there is no class, or a weight is not a finite number above 0.
        UnknownNameError: when bound or evaluated, if a class is not one of the model's.
    """

    weights: Mapping[str | int, float] | Mapping[str, float] | Mapping[int, float] | Tensor

    def __post_init__(self) -> None:
        if not isinstance(self.weights, Mapping) or not self.weights:
            raise ParameterError("The mixture has no classes; give at least one, such as {'lion': 2, 'bear': 1}.")
        for name, weight in self.weights.items():
            number = real_number(weight)
            if number is None or not math.isfinite(number) or number <= 0:
                raise ParameterError(
                    f"The weight of {short_repr(name)} is {short_repr(weight)}; give a finite number above 0."
                )
        total = float(sum(self.weights.values()))
        scaled = {name: float(weight) / total for name, weight in self.weights.items()}
        object.__setattr__(self, "weights", scaled)

    def bind(self, model: Classifier, x: Tensor) -> Objective:
        classes = getattr(model, "classes", None)
        return (
            self if isinstance(self.weights, Tensor) or classes is None else self._bind(model, len(classes), x.device)
        )

    def _bind(self, model: Classifier, classes: int, device: torch.device) -> Mixture:
        weights = torch.zeros(classes, dtype=torch.float32)
        for name, weight in cast("Mapping[str | int, float]", self.weights).items():
            index = _class_index(model, name)
            if not 0 <= index < classes:
                raise _no_such_class(index, classes)
            weights[index] += weight
        return changed(self, weights=weights.to(device))

    def _weights(self, model: Classifier, logits: Tensor) -> Tensor:
        bound = self if isinstance(self.weights, Tensor) else self._bind(model, logits.shape[1], logits.device)
        return cast(Tensor, bound.weights)

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        logits = model(x)
        return -(_full_precision(logits).log_softmax(1) * self._weights(model, logits)).sum(1)

    def probability(self, model: Classifier, x: Tensor) -> Tensor:
        logits = model(x)
        return (_full_precision(logits).softmax(1) * (self._weights(model, logits) > 0)).sum(1)

    def __repr__(self) -> str:
        return f"Mixture({self.weights})"


@dataclass(frozen=True, eq=False, repr=False)
class MatchOutside(Objective):
    """The mean squared difference to a picture, counted outside a mask (paper, section 3.2).

    The mean is over all values of the picture, so that a weight means the same for a small mask and a large one.

    Args:
        picture: the target, anything `robust_widgets.pictures.tensors.to_batch` takes; brought to the size of the
            pictures that are optimised.
        mask: where the picture is free to change, anything `robust_widgets.pictures.tensors.to_mask` takes.

    Raises:
        PictureError: when bound or evaluated, if the picture or the mask cannot be read.
    """

    picture: Picture
    mask: Mask
    _weight: Tensor | None = field(default=None, init=False)  # of each pixel, 0 or 1, once bound

    def bind(self, model: Classifier, x: Tensor) -> Objective:
        size = x.shape[-1]
        if self._fits(x):
            return self
        picture, mask = to_batch(self.picture, size).to(x.device, x.dtype), to_mask(self.mask, size).to(x.device)
        return changed(self, picture=picture, mask=mask, _weight=(~mask).to(x.dtype))

    def _fits(self, x: Tensor) -> bool:
        weight = self._weight
        return weight is not None and weight.shape[-1] == x.shape[-1] and weight.device == x.device

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        bound = self if self._fits(x) else cast(MatchOutside, self.bind(model, x))
        picture, weight = cast(Tensor, bound.picture), cast(Tensor, bound._weight)
        return ((x - picture).square() * weight).mean((1, 2, 3))

    def __repr__(self) -> str:
        return "MatchOutside(picture, mask)"


def _full_precision(logits: Tensor) -> Tensor:
    """Half-precision logits as float32; float32 and float64 unchanged."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def _has_names(target: object) -> bool:
    if isinstance(target, (list, tuple)):
        return any(isinstance(name, str) for name in cast("Sequence[Any]", target))
    return isinstance(target, str)


def _indices(model: Classifier, target: str | int | Sequence[str | int] | Tensor) -> Tensor:
    """Class indices, int64 of shape () or (n,); names are looked up in the model."""
    if isinstance(target, Tensor):
        return target
    if isinstance(target, (str, int)):
        return torch.tensor(_class_index(model, target))
    return torch.tensor([_class_index(model, name) for name in target])


def _class_index(model: Classifier, target: str | int) -> int:
    """The index of a class; a name is looked up in the model.

    Raises:
        UnknownNameError: the model has no class of this name, or knows no names.
    """
    if not isinstance(target, str):
        return target
    look_up = getattr(model, "class_index", None)
    if look_up is None:
        raise UnknownNameError(f"The model knows no class names, so {target!r} cannot be found; give a class index.")
    return cast(int, look_up(target))


def _no_such_class(index: int, classes: int) -> UnknownNameError:
    return UnknownNameError(
        f"Class index {index} does not exist; this model has {classes} classes, 0 to {classes - 1}."
    )
