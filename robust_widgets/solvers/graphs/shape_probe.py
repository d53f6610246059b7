"""A model that answers with zeros."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from robust_widgets.errors import WeightsError
from robust_widgets.synthesis.objectives import Classifier


class ZeroModel:
    """Answers with zeros of a model's shapes, so that an objective finds its classes and units without a pass.

    Args:
        model: whose names count; it is asked for the width of each kind of answer once.
        widths: what is known of them, and is added to.
    """

    def __init__(self, model: Classifier, widths: dict[str, int]) -> None:
        self._model = model
        self._widths = widths

    def __call__(self, x: Tensor) -> Tensor:
        return self._zeros("logits", self._model, x)

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        features = getattr(self._model, "features", None)
        if features is None:
            raise WeightsError("This model gives no access to its penultimate layer; bring one with a features method.")
        return self._zeros("features", cast("Callable[[Tensor], Tensor]", features), x)

    def _zeros(self, kind: str, ask: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        if kind not in self._widths:
            self._widths[kind] = ask(x[:1]).shape[1]
        return torch.zeros(len(x), self._widths[kind], device=x.device)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
