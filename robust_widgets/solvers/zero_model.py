"""A stand-in for a model, to check an objective on."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from robust_widgets.synthesis.checks import no_layers
from robust_widgets.synthesis.loop import CachedForward
from robust_widgets.synthesis.objectives import Classifier

Shape: TypeAlias = "tuple[int, ...]"


class ZeroModel:
    """Outputs zeros of a model's shapes, so that an objective checks its classes and units without a forward pass.

    Args:
        model: whose names count; it is run once for the shape of each kind of output.
        shapes: those known, of one picture, by kind of output; updated.
    """

    def __init__(self, model: Classifier, shapes: dict[Hashable, Shape]) -> None:
        self._model = model
        self._shapes = shapes

    def __call__(self, x: Tensor) -> Tensor:
        return self._zeros("logits", self._model, x)

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        return self._zeros("features", CachedForward(self._model).features, x)

    def activations(self, x: Tensor, layer: str, *, straight_through: bool = False) -> Tensor:
        activations = getattr(self._model, "activations", None)
        if activations is None:
            raise no_layers()
        return self._zeros((layer, *x.shape[2:]), lambda x: activations(x, layer), x)

    def _zeros(self, kind: Hashable, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        if kind not in self._shapes:
            self._shapes[kind] = tuple(function(x[:1]).shape[1:])
        return torch.zeros(len(x), *self._shapes[kind], dtype=x.dtype, device=x.device)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
