"""Operations of losses and of what a step shows, in terms of fewer and simpler ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._decomp import get_decompositions
from torch.utils._python_dispatch import (
    _disable_current_modes,  # pyright: ignore[reportPrivateUsage,reportUnknownVariableType]
)

from robust_widgets.compiler.separable import Filter, along_both, filter_matrix

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


class UnsupportedOpError(Exception):
    """What this network does cannot be prepared; it then runs as it is."""


def _convolution_backward(
    gradient: Tensor,
    x: Tensor,
    weight: Tensor,
    bias_sizes: object,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    mask: Sequence[bool],
) -> tuple[Tensor, None, None]:
    """The gradient in the pictures alone is the transposed convolution."""
    if mask[1] or mask[2] or transposed:
        raise UnsupportedOpError("The gradient of a weight was asked for.")
    left_over = [
        x.shape[2 + i] - ((gradient.shape[2 + i] - 1) * stride[i] - 2 * padding[i] + dilation[i] * (side - 1) + 1)
        for i, side in enumerate(weight.shape[2:])
    ]
    return aten.convolution(gradient, weight, None, stride, padding, dilation, True, left_over, groups), None, None


def _scale(weight: Tensor | None, variance: Tensor, epsilon: float) -> Tensor:
    inverse = torch.rsqrt(variance + epsilon)
    return inverse if weight is None else weight * inverse


def _along_channels(values: Tensor, like: Tensor) -> Tensor:
    return values.view(1, -1, *[1] * (like.dim() - 2))


def _batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    variance: Tensor | None,
    training: bool,
    momentum: float,
    epsilon: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """With frozen statistics: a factor and a summand for each channel."""
    if training or mean is None or variance is None:
        raise UnsupportedOpError("A batch normalisation uses the statistics of the batch.")
    scale = _scale(weight, variance, epsilon)
    shift = -mean * scale if bias is None else bias - mean * scale
    return x * _along_channels(scale, x) + _along_channels(shift, x), mean, variance


def _batch_norm_backward(
    gradient: Tensor,
    x: Tensor,
    weight: Tensor | None,
    mean: Tensor | None,
    variance: Tensor | None,
    saved_mean: object,
    saved_inverse: object,
    training: bool,
    epsilon: float,
    mask: Sequence[bool],
) -> tuple[Tensor, None, None]:
    if training or variance is None or mask[1] or mask[2]:
        raise UnsupportedOpError("The gradient of a normalisation's own weights was asked for.")
    return gradient * _along_channels(_scale(weight, variance, epsilon), gradient), None, None


def _average_pool_backward(
    gradient: Tensor,
    x: Tensor,
    side: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Tensor:
    """Each value goes back in equal shares: a transposed convolution of each channel with a constant."""
    if ceil_mode or divisor or (any(padding) and not count_include_pad):
        return NotImplemented
    channels = x.shape[1]
    share = torch.full((channels, 1, *side), 1 / (side[0] * side[1]), dtype=x.dtype, device=x.device)
    steps = list(stride) or list(side)
    nothing = (True, False, False)
    return _convolution_backward(gradient, x, share, None, steps, padding, (1, 1), False, (0, 0), channels, nothing)[0]


def _adaptive_average_pool(x: Tensor, size: Sequence[int]) -> Tensor:
    """Each value is the mean of a range of rows and columns."""
    if tuple(size) == (1, 1):
        return x.mean((2, 3), keepdim=True)
    return along_both(x, *(_ranges(side, to, x) for side, to in zip(x.shape[2:], size, strict=True)))


def _adaptive_average_pool_backward(gradient: Tensor, x: Tensor) -> Tensor:
    if tuple(gradient.shape[2:]) == (1, 1):
        return gradient.expand_as(x) / (x.shape[2] * x.shape[3])
    sides = zip(x.shape[2:], gradient.shape[2:], strict=True)
    return along_both(gradient, *(_ranges(side, to, x).T for side, to in sides))


def _ranges(side: int, to: int, like: Tensor) -> Tensor:
    matrix = np.zeros((to, side))
    for row in range(to):
        begin, end = row * side // to, -(-(row + 1) * side // to)
        matrix[row, begin:end] = 1 / (end - begin)
    with _disable_current_modes():  # a constant, not a part of what is recorded
        return torch.from_numpy(matrix).to(like)


def _pad(edges: str) -> Callable[[Tensor, Sequence[int]], Tensor]:
    def padded(x: Tensor, padding: Sequence[int]) -> Tensor:
        if len(set(padding)) != 1:
            return NotImplemented
        return along_both(x, *(_padding(edges, side, padding[0], x) for side in x.shape[2:]))

    return padded


def _pad_backward(edges: str) -> Callable[[Tensor, Tensor, Sequence[int]], Tensor]:
    def gathered(gradient: Tensor, x: Tensor, padding: Sequence[int]) -> Tensor:
        if len(set(padding)) != 1:
            return NotImplemented
        return along_both(gradient, *(_padding(edges, side, padding[0], x).T for side in x.shape[2:]))

    return gathered


def _padding(edges: str, side: int, beyond: int, like: Tensor) -> Tensor:
    with _disable_current_modes():  # a constant, not a part of what is recorded
        return filter_matrix(Filter((1.0,), edges, beyond=beyond), side, like.dtype, like.device)


def _silu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


def _silu_backward(gradient: Tensor, x: Tensor) -> Tensor:
    gate = torch.sigmoid(x)
    out = x * gate
    return gradient * (out + gate * (1 - out))


def _gelu_backward(gradient: Tensor, x: Tensor, approximate: str = "none") -> Tensor:
    if approximate != "none":
        return NotImplemented
    below = 0.5 * (1 + torch.erf(x * math.sqrt(0.5)))
    return gradient * (below + x * torch.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi)))


def _gelu(x: Tensor, approximate: str = "none") -> Tensor:
    return x * (0.5 * (1 + torch.erf(x * math.sqrt(0.5)))) if approximate == "none" else NotImplemented


def _sigmoid_backward(gradient: Tensor, out: Tensor) -> Tensor:
    return gradient * (out * (1 - out))


def _tanh_backward(gradient: Tensor, out: Tensor) -> Tensor:
    return gradient * (1 - out * out)


def _threshold_backward(gradient: Tensor, x: Tensor, threshold: float) -> Tensor:
    return torch.where(x > threshold, gradient, 0.0)


def _linear_with_bias(bias: Tensor, first: Tensor, second: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    return torch.mm(first, second) + bias if beta == alpha == 1 else NotImplemented


def _split(x: Tensor, size: int, axis: int = 0) -> list[Tensor]:
    return [aten.slice(x, axis, begin, begin + size) for begin in range(0, x.shape[axis], size)]


_OURS: dict[Any, Callable[..., Any]] = {
    aten.convolution_backward.default: _convolution_backward,
    aten.native_batch_norm.default: _batch_norm,
    aten._native_batch_norm_legit_no_training.default: lambda x, weight, bias, mean, variance, momentum, epsilon: (
        _batch_norm(x, weight, bias, mean, variance, False, momentum, epsilon)
    ),
    aten.native_batch_norm_backward.default: _batch_norm_backward,
    aten.avg_pool2d_backward.default: _average_pool_backward,
    aten._adaptive_avg_pool2d.default: _adaptive_average_pool,
    aten._adaptive_avg_pool2d_backward.default: _adaptive_average_pool_backward,
    aten.replication_pad2d.default: _pad("replicate"),
    aten.replication_pad2d_backward.default: _pad_backward("replicate"),
    aten.reflection_pad2d.default: _pad("reflect"),
    aten.reflection_pad2d_backward.default: _pad_backward("reflect"),
    aten.silu.default: _silu,
    aten.silu_backward.default: _silu_backward,
    aten.gelu.default: _gelu,
    aten.gelu_backward.default: _gelu_backward,
    aten.sigmoid_backward.default: _sigmoid_backward,
    aten.tanh_backward.default: _tanh_backward,
    aten.threshold_backward.default: _threshold_backward,
    aten.addmm.default: _linear_with_bias,
    aten.split.Tensor: _split,
}
_TORCHS = (
    *(aten.elu, aten.elu_backward, aten.leaky_relu, aten.leaky_relu_backward, aten.hardswish, aten.hardswish_backward),
    *(aten.hardsigmoid, aten.hardsigmoid_backward, aten.hardtanh, aten.hardtanh_backward, aten.native_dropout),
    *(aten.slice_backward, aten.select_backward, aten.t, aten.rsub),
)
DECOMPOSITIONS: dict[Any, Callable[..., Any]] = {**get_decompositions(list(_TORCHS)), **LOSSES, **_OURS}
