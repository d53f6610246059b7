"""Decompositions of operations into simpler ones: torch's own where their parts can be rewritten and exported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch._decomp import get_decompositions
from torch.utils._python_dispatch import (
    _disable_current_modes,  # pyright: ignore[reportPrivateUsage,reportUnknownVariableType]
)

aten = torch.ops.aten
Matrix: TypeAlias = npt.NDArray[np.float64]


class UnsupportedOpError(Exception):
    """This network cannot be compiled; it runs uncompiled."""


def _convolution_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, bias_sizes: object, *geometry: Any
) -> tuple[Tensor, None, None]:
    """The gradient of the input alone is a transposed convolution."""
    stride, padding, dilation, transposed, _, groups, mask = geometry
    if mask[1] or mask[2] or transposed:
        raise UnsupportedOpError("The gradient of a weight is needed.")
    remainder = [
        x.shape[2 + i] - ((gradient.shape[2 + i] - 1) * stride[i] - 2 * padding[i] + dilation[i] * (length - 1) + 1)
        for i, length in enumerate(weight.shape[2:])
    ]
    return aten.convolution(gradient, weight, None, stride, padding, dilation, True, remainder, groups), None, None


def _average_pool_backward(gradient: Tensor, x: Tensor, *geometry: Any) -> Tensor:
    """A transposed convolution of each channel with a constant."""
    size, stride, padding, ceil_mode, count_include_pad, divisor = geometry
    if ceil_mode or divisor or (any(padding) and not count_include_pad):
        return NotImplemented
    channels = x.shape[1]
    weight = torch.full((channels, 1, *size), 1 / (size[0] * size[1]), dtype=x.dtype, device=x.device)
    step, mask = list(stride) or list(size), (True, False, False)
    return _convolution_backward(gradient, x, weight, None, step, padding, (1, 1), False, (0, 0), channels, mask)[0]


def _adaptive_average_pool(x: Tensor, size: Sequence[int]) -> Tensor:
    if tuple(size) == (1, 1):
        return x.mean((2, 3), keepdim=True)
    return _along_sides(x, [_means(length, parts) for length, parts in zip(x.shape[2:], size, strict=True)])


def _adaptive_average_pool_backward(gradient: Tensor, x: Tensor) -> Tensor:
    if tuple(gradient.shape[2:]) == (1, 1):
        return gradient.expand_as(x) / (x.shape[2] * x.shape[3])
    sizes = zip(x.shape[2:], gradient.shape[2:], strict=True)
    return _along_sides(gradient, [_means(length, parts).T for length, parts in sizes])


def _means(length: int, parts: int) -> Matrix:
    """(parts, length): the means of adaptive pooling's ranges."""
    matrix = np.zeros((parts, length))
    for row in range(parts):
        start, stop = row * length // parts, -(-(row + 1) * length // parts)
        matrix[row, start:stop] = 1 / (stop - start)
    return matrix


def _pad(mode: Literal["reflect", "edge"], x: Tensor, padding: Sequence[int]) -> Tensor:
    return _along_sides(x, _padding(x, padding, mode))


def _pad_backward(mode: Literal["reflect", "edge"], gradient: Tensor, x: Tensor, padding: Sequence[int]) -> Tensor:
    return _along_sides(gradient, [matrix.T for matrix in _padding(x, padding, mode)])


def _padding(x: Tensor, padding: Sequence[int], mode: Literal["reflect", "edge"]) -> list[Matrix]:
    left, right, top, bottom = padding
    widths = ((top, bottom), (left, right))
    return [np.pad(np.eye(length), (width, (0, 0)), mode) for length, width in zip(x.shape[2:], widths, strict=True)]


def _along_sides(x: Tensor, matrices: Sequence[Matrix]) -> Tensor:
    """``rows @ x @ columns.T`` of pictures (n, c, h, w)."""
    with _disable_current_modes():  # constants, so not traced
        rows, columns = (torch.from_numpy(np.ascontiguousarray(matrix)).to(x) for matrix in matrices)
    return ((x @ columns.T).transpose(2, 3) @ rows.T).transpose(2, 3)


def _batch_norm(x: Tensor, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, *rest: Any) -> Any:
    if training or mean is None or variance is None:
        raise UnsupportedOpError("A batch normalisation uses the statistics of the batch.")
    return _TORCH[aten.native_batch_norm.default](x, weight, bias, mean, variance, False, *rest)


def _nll_loss(x: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignored: int) -> tuple[Tensor, Tensor]:
    if weight is not None or reduction != 0 or x.dim() != 2:
        return NotImplemented
    return -x.gather(1, target[:, None])[:, 0], x.new_zeros(())


def _nll_loss_backward(
    gradient: Tensor, x: Tensor, target: Tensor, weight: Tensor | None, reduction: int, *rest: object
) -> Tensor:
    if weight is not None or reduction != 0 or x.dim() != 2:
        return NotImplemented
    return torch.where(_one_hot(x, target[:, None]), -gradient[:, None], 0.0)


def _scatter_add(x: Tensor, axis: int, places: Tensor, values: Tensor) -> Tensor:
    """With one place per row, as in the gradient of `gather`."""
    if x.dim() != 2 or axis not in (1, -1) or places.shape[1] != 1:
        return NotImplemented
    return x + torch.where(_one_hot(x, places), values, 0.0)


def _one_hot(x: Tensor, places: Tensor) -> Tensor:
    return torch.arange(x.shape[1], device=x.device) == places


def _norm(
    x: Tensor, order: float = 2, axes: Sequence[int] | None = None, keep: bool = False, *, dtype: object = None
) -> Tensor:
    if order != 2 or axes is None or dtype is not None:
        return NotImplemented
    return (x * x).sum(list(axes), keep).sqrt()


def _slice_backward(gradient: Tensor, sizes: Sequence[int], axis: int, start: int, end: int, step: int) -> Tensor:
    """Zeros around the gradient; torch's own writes into a slice, which ONNX does not have."""
    if step != 1:
        return NotImplemented
    axis, start = axis % len(sizes), start + sizes[axis] * (start < 0)
    padding = [0, 0] * len(sizes)
    place = 2 * (len(sizes) - 1 - axis)
    padding[place : place + 2] = start, sizes[axis] - start - gradient.shape[axis]
    return aten.constant_pad_nd(gradient, padding, 0)


def _select_backward(gradient: Tensor, sizes: Sequence[int], axis: int, index: int) -> Tensor:
    axis, index = axis % len(sizes), index % sizes[axis]
    return _slice_backward(gradient.unsqueeze(axis), sizes, axis, index, index + 1, 1)


def _silu_backward(gradient: Tensor, x: Tensor) -> Tensor:
    """Shares a product with the forward pass; with torch's own, a step of a small network took 8 % longer."""
    gate = torch.sigmoid(x)
    result = x * gate
    return gradient * (result + gate * (1 - result))


_TORCH: dict[Any, Callable[..., Any]] = get_decompositions(
    [
        *(aten.native_batch_norm, aten.native_batch_norm_backward, aten.t, aten.rsub, aten.masked_fill),
        *(aten.clamp_min, aten.native_dropout),
    ]
)
DECOMPOSITIONS: dict[Any, Callable[..., Any]] = {
    **_TORCH,
    aten.convolution_backward.default: _convolution_backward,
    aten.native_batch_norm.default: _batch_norm,
    aten.avg_pool2d_backward.default: _average_pool_backward,
    aten._adaptive_avg_pool2d.default: _adaptive_average_pool,
    aten._adaptive_avg_pool2d_backward.default: _adaptive_average_pool_backward,
    aten.replication_pad2d.default: partial(_pad, "edge"),
    aten.replication_pad2d_backward.default: partial(_pad_backward, "edge"),
    aten.reflection_pad2d.default: partial(_pad, "reflect"),
    aten.reflection_pad2d_backward.default: partial(_pad_backward, "reflect"),
    # torch's own of these two import sympy: half a second and 40 MB.
    aten._log_softmax_backward_data.default: lambda gradient, result, axis, dtype: (
        gradient - result.exp() * gradient.sum(axis, keepdim=True)
    ),
    aten.stack.default: lambda tensors, axis=0: torch.cat([x.unsqueeze(axis) for x in tensors], axis),
    aten.nll_loss_forward.default: _nll_loss,
    aten.nll_loss_backward.default: _nll_loss_backward,
    aten.scatter_add.default: _scatter_add,
    # In the gradient of `gather`; a constant.
    aten.new_zeros.default: lambda x, size, **_: torch.zeros(size, dtype=x.dtype, device=x.device),
    aten.linalg_vector_norm.default: _norm,
    aten.pow.Tensor_Scalar: lambda x, exponent: (
        x * x if exponent == 2 else x.clone() if exponent == 1 else NotImplemented
    ),
    aten.copy.default: lambda x, value: (
        value.clone() if (x.shape, x.dtype) == (value.shape, value.dtype) else NotImplemented
    ),
    aten.addmm.default: lambda bias, first, second, beta=1, alpha=1: (
        torch.mm(first, second) + bias if beta == alpha == 1 else NotImplemented
    ),
    aten.split.Tensor: lambda x, size, axis=0: [
        aten.slice(x, axis, start, start + size) for start in range(0, x.shape[axis], size)
    ],
    aten.unbind.int: lambda x, axis=0: [aten.select(x, axis, place) for place in range(x.shape[axis])],
    aten.sgn.default: torch.sign,  # of real numbers
    aten.slice_backward.default: _slice_backward,
    aten.select_backward.default: _select_backward,
}
_ACTIVATIONS = ("gelu", "elu", "leaky_relu", "hardswish", "hardsigmoid", "hardtanh")
_EXPORTABLE = ("sigmoid", "tanh", "threshold")  # only their gradients have to be decomposed
# torch has one operation for each of these and for its gradient, ONNX only their parts.
ACTIVATIONS: dict[Any, Callable[..., Any]] = {
    **get_decompositions([getattr(aten, name) for name in _ACTIVATIONS]),
    **get_decompositions([getattr(aten, f"{name}_backward") for name in (*_ACTIVATIONS, *_EXPORTABLE)]),
    aten.silu.default: lambda x: x * torch.sigmoid(x),
    aten.silu_backward.default: _silu_backward,
}
