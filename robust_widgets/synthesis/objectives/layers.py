"""Losses on the activations of a model's layers.

A layer is named as ``model.layers()`` names it; without a name it is the penultimate layer, whose channels are the
model's features. The activation that ends a layer passes its gradient straight through; otherwise a channel that is off
could never be switched on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

import torch
from torch import Tensor

from robust_widgets._deprecated import renamed_attribute, renamed_keywords
from robust_widgets.errors import ParameterError, UnknownNameError, at_least, short_repr, whole_number
from robust_widgets.synthesis.checks import no_features, no_layers
from robust_widgets.synthesis.objectives.base import Classifier, Objective, changed

Place: TypeAlias = 'tuple[int, int] | Literal["centre"] | None'


@dataclass(frozen=True, eq=False, repr=False)
class Activation(Objective):
    """Minus the activation of one channel of a layer, so that descent maximises it (paper, section 3.5).

    Args:
        channel: the index of the channel, or one for each sample.
        layer: one of ``model.layers()``, by name; by default the penultimate layer, whose channels are the features.
        at: where in the layer: None for the mean over height and width, a neuron's (row, column) from 0, or
            ``"centre"``.

    Attributes:
        channels: the indices; once bound, int64 on the device.

    Raises:
        UnknownNameError: when evaluated, if the model has no such layer or the layer no such channel.
        ParameterError: when evaluated, if the layer has no such row or column.
        WeightsError: when evaluated, if the model gives no access to its features or layers.
    """

    channels: tuple[int, ...] | Tensor
    layer: str | None
    at: Place
    _range: tuple[int, ...] | None = field(default=None, init=False, compare=False)  # the indices, once bound

    @renamed_keywords(unit="channel")
    def __init__(self, channel: int | Sequence[int], *, layer: str | None = None, at: Place = None) -> None:
        indices = [whole_number(index) for index in (channel if isinstance(channel, (list, tuple)) else [channel])]
        if None in indices:
            raise UnknownNameError(
                f"A {_kind(layer)} is {short_repr(channel)}; give its index, or a feature of model_features."
            )
        object.__setattr__(self, "channels", tuple(indices))
        object.__setattr__(self, "layer", _layer(layer))
        object.__setattr__(self, "at", _place(at))
        object.__setattr__(self, "_range", None)

    units = renamed_attribute("units", "channels")

    def bind(self, model: Classifier, x: Tensor) -> Objective:
        indices = self._range if self._range is not None else cast("tuple[int, ...]", self.channels)
        return changed(self, _range=indices, channels=torch.tensor(indices, dtype=torch.long, device=x.device))

    def activation(self, model: Classifier, x: Tensor) -> Tensor:
        """The activation of each sample's channel, (n,)."""
        values = _at(_activations(model, x, self.layer, straight_through=True), self.at, self.layer)
        bound = self if self._range is not None else cast(Activation, self.bind(model, values))
        indices, channels = cast("tuple[int, ...]", bound._range), cast(Tensor, bound.channels)
        for index in indices:
            if not 0 <= index < values.shape[1]:
                raise UnknownNameError(
                    f"There is no {_kind(self.layer)} {index}; {_name(self.layer)} has {values.shape[1]} "
                    f"{_kind(self.layer)}s, 0 to {values.shape[1] - 1}."
                )
        if len(indices) not in (1, len(x)):
            raise UnknownNameError(
                f"There are {len(indices)} {_kind(self.layer)}s for {len(x)} pictures; give one {_kind(self.layer)}, "
                "or one for each picture."
            )
        return values.gather(1, channels.to(values.device).expand(len(x))[:, None])[:, 0]

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return -self.activation(model, x)

    def __repr__(self) -> str:
        channels = list(self._range if self._range is not None else cast("tuple[int, ...]", self.channels))
        return f"Activation({channels[0] if len(channels) == 1 else channels}{_rest(self.layer, self.at)})"


@dataclass(frozen=True, eq=False, repr=False)
class Direction(Objective):
    """Minus the activations of a layer along a direction of its channels: their sum, each times its weight.

    Args:
        vector: the weight of each channel, a sequence or a float tensor (channels,), or (n, channels) for a direction
            of each sample.
        layer, at: as for `Activation`.

    Raises:
        ParameterError: the vector is none, or not finite; when evaluated, if it has not one weight for each channel.
        UnknownNameError, WeightsError: as for `Activation`.
    """

    vector: Tensor
    layer: str | None
    at: Place

    def __init__(self, vector: Sequence[float] | Tensor, *, layer: str | None = None, at: Place = None) -> None:
        try:
            weights = torch.as_tensor(vector, dtype=torch.float32).detach().clone()
        except (TypeError, ValueError, RuntimeError):
            raise ParameterError(f"The direction is {short_repr(vector)}; give a number for each channel.") from None
        if weights.dim() not in (1, 2) or not weights.numel() or not weights.isfinite().all():
            raise ParameterError(
                f"The direction has shape {tuple(weights.shape)}; give finite numbers of shape (channels,), or "
                "(n, channels)."
            )
        object.__setattr__(self, "vector", weights)
        object.__setattr__(self, "layer", _layer(layer))
        object.__setattr__(self, "at", _place(at))

    def bind(self, model: Classifier, x: Tensor) -> Objective:
        return changed(self, vector=self.vector.to(x.device, x.dtype))

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        values = _at(_activations(model, x, self.layer, straight_through=True), self.at, self.layer)
        shape = self.vector.shape
        if shape[-1] != values.shape[1] or (len(shape) == 2 and shape[0] not in (1, len(x))):
            raise ParameterError(
                f"The direction has shape {tuple(shape)}; {_name(self.layer)} has {values.shape[1]} channels for "
                f"{len(x)} pictures."
            )
        return -(values * self.vector.to(values)).sum(1)

    def __repr__(self) -> str:
        return f"Direction(<{self.vector.shape[-1]} channels>{_rest(self.layer, self.at)})"


@dataclass(frozen=True, eq=False, repr=False)
class DeepDream(Objective):
    """Minus the mean square of all activations of a layer: whatever it sees in the picture grows.

    Args:
        layer: one of ``model.layers()``, by name.

    Raises:
        UnknownNameError, WeightsError: as for `Activation`.
    """

    layer: str

    def __post_init__(self) -> None:
        _layer(self.layer)

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return -_activations(model, x, self.layer).square().flatten(1).mean(1)

    def __repr__(self) -> str:
        return f"DeepDream({self.layer!r})"


@dataclass(frozen=True, eq=False, repr=False)
class Diversity(Objective):
    """How alike the pictures of a batch are to a layer, to be added to another objective: ``0.1 * Diversity(layer)``.

    For each sample, the mean cosine similarity between its Gram matrix of the layer's channels and those of the other
    samples, from 0 to 1 after a ReLU; 0 for a single picture. Samples so depend on each other.

    Args:
        layer: one of ``model.layers()``, by name.
        among: how many samples that follow each other are compared; by default all.

    Raises:
        ParameterError: ``among`` is not a whole number of at least 1; when evaluated, if it does not divide the batch.
        UnknownNameError, WeightsError: as for `Activation`.
    """

    layer: str
    among: int | None = None

    def __post_init__(self) -> None:
        _layer(self.layer)
        if self.among is not None:
            object.__setattr__(self, "among", at_least(1, among=self.among))

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        values = _activations(model, x, self.layer).flatten(2)
        count = self.among or len(x)
        if len(x) % count:
            raise ParameterError(f"among is {count} for {len(x)} pictures; give a number that divides them.")
        gram = (values @ values.transpose(1, 2)).flatten(1)
        gram = gram / gram.square().sum(1, keepdim=True).clamp_min(1e-20).sqrt()
        groups = gram.view(-1, count, gram.shape[1])
        places = torch.arange(count, device=gram.device)
        others = torch.where(places[:, None] == places, 0.0, groups @ groups.transpose(1, 2))
        return others.sum(2).flatten() / max(1, count - 1)

    def __repr__(self) -> str:
        return f"Diversity({self.layer!r}{'' if self.among is None else f', among={self.among}'})"


def _activations(model: Classifier, x: Tensor, layer: str | None, straight_through: bool = False) -> Tensor:
    """(n, channels, height, width), or (n, channels) of the penultimate layer."""
    read: Any = getattr(model, "features" if layer is None else "activations", None)
    if read is None:
        raise no_features() if layer is None else no_layers()
    return read(x, *([] if layer is None else [layer]), straight_through=straight_through)


def _at(values: Tensor, at: Place, layer: str | None) -> Tensor:
    """The activations at a place, or their mean over height and width, (n, channels)."""
    if values.dim() == 2:
        if at is None:
            return values
        values = values[:, :, None, None]
    if at is None:
        return values.mean((2, 3))
    height, width = values.shape[2:]
    row, column = (height // 2, width // 2) if at == "centre" else at
    if row >= height or column >= width:
        raise ParameterError(
            f"at is {(row, column)!r}; {_name(layer)} has {height} rows and {width} columns for these pictures, "
            "counted from 0."
        )
    return values[:, :, row, column]


def _layer(layer: object) -> Any:
    if layer is not None and not isinstance(layer, str):
        raise UnknownNameError(f"A layer is {short_repr(layer)}; give its name, one of model.layers().")
    return layer


def _place(at: object) -> Any:
    if at is None or (isinstance(at, str) and at == "centre"):
        return at
    numbers = [whole_number(part) for part in cast("Sequence[Any]", at)] if isinstance(at, (tuple, list)) else []
    if len(numbers) != 2 or any(number is None or number < 0 for number in numbers):
        raise ParameterError(
            f"at is {short_repr(at)}; give (row, column), two whole numbers of at least 0, 'centre', or None."
        )
    return tuple(numbers)


def _kind(layer: str | None) -> str:
    return "unit" if layer is None else "channel"


def _name(layer: str | None) -> str:
    return "the penultimate layer" if layer is None else f"the layer {layer!r}"


def _rest(layer: str | None, at: Place) -> str:
    return (f", layer={layer!r}" if layer is not None else "") + (f", at={at!r}" if at is not None else "")
