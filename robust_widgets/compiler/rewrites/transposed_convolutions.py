"""Replaces transposed convolutions, which are the gradients of convolutions, by plain ones, which run faster."""

from __future__ import annotations

import itertools
from typing import Any, cast

import torch
from torch import Tensor, fx

from robust_widgets.compiler.rewrites.constant_folding import add_constant, remove_dead_code, set_weight, weight_of

aten = torch.ops.aten
MAX_SUBPIXEL_CHANNELS = 16  # a convolution computes about so many at once anyway


def replace_transposed(graph: fx.GraphModule) -> None:
    """Replace the transposed convolutions for which a plain one is faster.

    At stride 1 that is a convolution with the flipped kernel. At a larger stride and with few output channels, as in
    the gradient of the first layer, it is a sub-pixel convolution: stride² as many channels, and a pixel shuffle.
    """
    for node in list(graph.graph.nodes):
        weight = weight_of(graph, node)
        if weight is None or not node.args[6]:
            continue
        stride, _, dilation, _, output_padding, groups = cast("tuple[Any, ...]", node.args[3:9])
        if all(step == 1 for step in stride) and not any(output_padding):
            _flip(graph, node, weight)
            continue
        plain = groups == 1 and all(reach == 1 for reach in dilation) and node.args[2] is None
        if plain and stride[0] == stride[1] > 1 and weight.shape[1] * stride[0] ** 2 <= MAX_SUBPIXEL_CHANNELS:
            _to_subpixel(graph, node, weight)
    remove_dead_code(graph)


def _flip(graph: fx.GraphModule, node: fx.Node, weight: Tensor) -> None:
    stride, padding, dilation, _, output_padding, groups = cast("tuple[Any, ...]", node.args[3:9])
    size = weight.shape[2:]
    plain_padding = [reach * (length - 1) - crop for reach, length, crop in zip(dilation, size, padding, strict=True)]
    if any(width < 0 for width in plain_padding):
        return
    inputs, outputs = weight.shape[:2]
    flipped = weight.flip(2, 3).view(groups, inputs // groups, outputs, *size).transpose(1, 2)
    set_weight(graph, node, flipped.reshape(groups * outputs, inputs // groups, *size))
    node.args = (*node.args[:3], stride, plain_padding, dilation, False, output_padding, groups)


def _to_subpixel(graph: fx.GraphModule, node: fx.Node, weight: Tensor) -> None:
    """Output pixel ``step * i + a`` has tap ``a + padding - step * d`` of the kernel at input pixel ``i + d``."""
    x, step = cast(fx.Node, node.args[0]), cast("list[int]", node.args[3])[0]
    padding, outputs = cast("list[int]", node.args[4]), weight.shape[1]
    size, blocks, plain_padding, starts, taps = node.meta["shape"][2:], [], [], [], []
    for axis in (0, 1):
        length, crop = weight.shape[2 + axis], padding[axis]
        first, last = -((length - 1 - crop) // step), (step - 1 + crop) // step
        blocks.append(-(-size[axis] // step))
        plain_padding.append(max(-first, blocks[axis] - x.meta["shape"][2 + axis] + last, 0))
        starts.append(first + plain_padding[axis])
        taps.append([[pixel + crop - step * d for d in range(first, last + 1)] for pixel in range(step)])
    kernel = weight.new_zeros(outputs, step, step, weight.shape[0], len(taps[0][0]), len(taps[1][0]))
    for up, left in itertools.product(range(step), repeat=2):
        for (row, tap), (column, other) in itertools.product(enumerate(taps[0][up]), enumerate(taps[1][left])):
            if 0 <= tap < weight.shape[2] and 0 <= other < weight.shape[3]:
                kernel[:, up, left, :, row, column] = weight[:, :, tap, other].T
    kernel_node = add_constant(graph, node, kernel.flatten(0, 2))
    with graph.graph.inserting_before(node):
        result = graph.graph.call_function(
            aten.convolution.default, (x, kernel_node, None, [1, 1], plain_padding, [1, 1], False, [0, 0], 1)
        )
        shape = [x.meta["shape"][0], outputs * step * step]
        shape += [x.meta["shape"][2 + axis] + 2 * plain_padding[axis] - len(taps[axis][0]) + 1 for axis in (0, 1)]
        result.meta["shape"] = tuple(shape)
        for axis in (0, 1):
            result = _crop(graph, result, 2 + axis, starts[axis], starts[axis] + blocks[axis])
        shuffled = graph.graph.call_function(aten.pixel_shuffle.default, (result, step))
        shuffled.meta["shape"] = (shape[0], outputs, blocks[0] * step, blocks[1] * step)
        for axis in (0, 1):
            shuffled = _crop(graph, shuffled, 2 + axis, 0, size[axis])
    node.replace_all_uses_with(shuffled)
    graph.graph.erase_node(node)


def _crop(graph: fx.GraphModule, x: fx.Node, axis: int, start: int, stop: int) -> fx.Node:
    shape = list(x.meta["shape"])
    if start == 0 and stop == shape[axis]:
        return x
    cropped = graph.graph.call_function(aten.slice.Tensor, (x, axis, start, stop))
    shape[axis] = stop - start
    cropped.meta["shape"] = tuple(shape)
    return cropped
