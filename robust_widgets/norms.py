"""Norms of each sample of a batch."""

from __future__ import annotations

import torch
from torch import Tensor


def l2_norm(x: Tensor, *, keepdim: bool = False) -> Tensor:
    """The L2 norm of each sample; (n, ...) -> (n,), or (n, 1, ..., 1) with ``keepdim``."""
    return torch.linalg.vector_norm(x, dim=tuple(range(1, x.dim())), keepdim=keepdim)


def per_sample(values: Tensor, like: Tensor) -> Tensor:
    """(n,) shaped so that it broadcasts over the samples of ``like``."""
    return values.view(-1, *([1] * (like.dim() - 1)))
