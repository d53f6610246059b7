"""A classifier's network in half precision, for a GPU."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from robust_widgets.models.classifier import RobustClassifier


class HalfPrecisionClassifier(RobustClassifier):
    """A copy of a model whose convolutions and products are of half precision, in channels-last order.

    Pictures, features, logits and gradients stay float32.

    Args:
        model: which; it stays as it is.
        dtype: ``torch.bfloat16`` or ``torch.float16``.
    """

    def __init__(self, model: RobustClassifier, dtype: torch.dtype) -> None:
        super().__init__(copy.deepcopy(model.network), model.card)
        self.to(model.device)
        self._dtype = dtype
        for module in self.network.modules():
            if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):  # what else there is keeps its precision
                module.to(dtype)
        self.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, x: Tensor) -> Tensor:
        with self._half(x):
            return super().forward(x.contiguous(memory_format=torch.channels_last)).float()

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        with self._half(x):
            x = x.contiguous(memory_format=torch.channels_last)
            return super().features(x, straight_through=straight_through).float()

    def classify(self, features: Tensor) -> Tensor:
        with self._half(features):
            return super().classify(features).float()

    def _half(self, x: Tensor) -> torch.autocast:
        return torch.autocast(x.device.type, dtype=self._dtype, cache_enabled=False)
