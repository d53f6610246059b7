"""A classifier that computes in half precision, for GPUs."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from robust_widgets.models.classifier import RobustClassifier


class HalfPrecisionClassifier(RobustClassifier):
    """A copy of a model whose convolutions and linear layers compute in half precision and channels-last order.

    Pictures, features, logits and gradients are float32.

    Args:
        model: the original, which isn't changed.
        dtype: ``torch.bfloat16`` or ``torch.float16``.
    """

    def __init__(self, model: RobustClassifier, dtype: torch.dtype) -> None:
        super().__init__(copy.deepcopy(model.network), model.card)
        self.to(model.device)
        self._dtype = dtype
        for module in self.network.modules():
            # All other layers, like normalisations, keep float32.
            if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
                module.to(dtype)
        self.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, x: Tensor) -> Tensor:
        with self._autocast(x):
            return super().forward(x.contiguous(memory_format=torch.channels_last)).float()

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        with self._autocast(x):
            x = x.contiguous(memory_format=torch.channels_last)
            return super().features(x, straight_through=straight_through).float()

    def classify(self, features: Tensor) -> Tensor:
        with self._autocast(features):
            return super().classify(features).float()

    def _autocast(self, x: Tensor) -> torch.autocast:
        return torch.autocast(x.device.type, dtype=self._dtype, cache_enabled=False)
