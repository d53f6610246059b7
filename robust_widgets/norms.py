"""Norms of each sample of a batch."""

from __future__ import annotations

from torch import Tensor


def l2_norm(x: Tensor) -> Tensor:
    """The L2 norm of each sample; (n, ...) -> (n,)."""
    return x.flatten(1).norm(dim=1)


def per_sample(values: Tensor, like: Tensor) -> Tensor:
    """(n,) shaped so that it broadcasts over the samples of ``like``."""
    return values.view(-1, *([1] * (like.dim() - 1)))
