"""Operations of losses and of what a step shows, in terms of fewer and simpler ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten


def _negative_log_likelihood(
    logs: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignored: int
) -> tuple[Tensor, Tensor]:
    if weight is not None or reduction != 0 or logs.dim() != 2:
        return NotImplemented
    return -logs.gather(1, target[:, None])[:, 0], logs.new_zeros(())


def _negative_log_likelihood_backward(
    gradient: Tensor,
    logs: Tensor,
    target: Tensor,
    weight: Tensor | None,
    reduction: int,
    ignored: int,
    total_weight: Tensor,
) -> Tensor:
    if weight is not None or reduction != 0 or logs.dim() != 2:
        return NotImplemented
    return torch.where(_chosen(logs, 1, target[:, None]), -gradient[:, None], 0.0)


def _chosen(x: Tensor, axis: int, places: Tensor) -> Tensor:
    return torch.arange(x.shape[axis], device=x.device) == places


def _scatter_add(x: Tensor, axis: int, places: Tensor, values: Tensor) -> Tensor:
    """Of one place in each row, as the gradient of `gather` asks for it."""
    if x.dim() != 2 or axis not in (1, -1) or places.shape[1] != 1:
        return NotImplemented
    return x + torch.where(_chosen(x, axis, places), values, 0.0)


def _log_softmax_backward(gradient: Tensor, logs: Tensor, axis: int, dtype: torch.dtype) -> Tensor:
    return gradient - logs.exp() * gradient.sum([axis], True)


def _norm(
    x: Tensor, order: float = 2, axes: Sequence[int] | None = None, keep: bool = False, *, dtype: object = None
) -> Tensor:
    if order != 2 or axes is None or dtype is not None:
        return NotImplemented
    return (x * x).sum(list(axes), keep).sqrt()


def _power(x: Tensor, exponent: float) -> Tensor:
    return x * x if exponent == 2 else x.clone() if exponent == 1 else NotImplemented


def _stack(parts: Sequence[Tensor], axis: int = 0) -> Tensor:
    return torch.cat([part.unsqueeze(axis) for part in parts], axis)


def _masked_fill(x: Tensor, mask: Tensor, value: float) -> Tensor:
    return torch.where(mask, value, x)


def _copied(x: Tensor, value: Tensor) -> Tensor:
    return value.clone() if (x.shape, x.dtype) == (value.shape, value.dtype) else NotImplemented


def _clamp_below(x: Tensor, low: float) -> Tensor:
    return x.clamp(min=low)


LOSSES: dict[Any, Callable[..., Any]] = {
    aten.nll_loss_forward.default: _negative_log_likelihood,
    aten.nll_loss_backward.default: _negative_log_likelihood_backward,
    aten.scatter_add.default: _scatter_add,
    aten._log_softmax_backward_data.default: _log_softmax_backward,
    aten.linalg_vector_norm.default: _norm,
    aten.pow.Tensor_Scalar: _power,
    aten.stack.default: _stack,
    aten.masked_fill.Scalar: _masked_fill,
    aten.clamp_min.default: _clamp_below,
    aten.copy.default: _copied,
}
