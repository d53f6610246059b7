"""Transposed convolutions, as which gradients are recorded, as plain ones, which run faster."""

from __future__ import annotations

import itertools
from typing import Any, cast

import torch
from torch import Tensor, fx

from robust_widgets.compiler.rewrites.constant_folding import add_constant, set_weight, tidy, weight_of

aten = torch.ops.aten
SQUARE_CHANNELS = 16  # a convolution works on about so many at once anyway


def straighten(graph: fx.GraphModule) -> None:
    """Put convolutions, which run faster, in place of transposed ones.

    One of stride 1 is a convolution with the kernel turned round. One of a larger stride that gives few channels, such
    as the last of a gradient in the picture, is a convolution that gives each pixel of a square as channels of its own.
    """
    for node in list(graph.graph.nodes):
        weight = weight_of(graph, node)
        if weight is None or not node.args[6]:
            continue
        stride, _, dilation, _, left_over, groups = cast("tuple[Any, ...]", node.args[3:9])
        if all(step == 1 for step in stride) and not any(left_over):
            _turn(graph, node, weight)
            continue
        plain = groups == 1 and all(reach == 1 for reach in dilation) and node.args[2] is None
        if plain and stride[0] == stride[1] > 1 and weight.shape[1] * stride[0] ** 2 <= SQUARE_CHANNELS:
            _as_squares(graph, node, weight)
    tidy(graph)


def _turn(graph: fx.GraphModule, node: fx.Node, weight: Tensor) -> None:
    stride, padding, dilation, _, left_over, groups = cast("tuple[Any, ...]", node.args[3:9])
    sides = weight.shape[2:]
    around = [reach * (side - 1) - cut for reach, side, cut in zip(dilation, sides, padding, strict=True)]
    if any(width < 0 for width in around):
        return
    inputs, outputs = weight.shape[:2]
    turned = weight.flip(2, 3).view(groups, inputs // groups, outputs, *sides).transpose(1, 2)
    set_weight(graph, node, turned.reshape(groups * outputs, inputs // groups, *sides))
    node.args = (*node.args[:3], stride, around, dilation, False, left_over, groups)


def _as_squares(graph: fx.GraphModule, node: fx.Node, weight: Tensor) -> None:
    """Pixel step * i + a of the result has tap a + padding - step * d of the kernel at pixel i + d of what is given."""
    x, step = cast(fx.Node, node.args[0]), cast("list[int]", node.args[3])[0]
    padding, outputs = cast("list[int]", node.args[4]), weight.shape[1]
    sides, squares, around, begins, taps = node.meta["shape"][2:], [], [], [], []
    for axis in (0, 1):
        side, cut = weight.shape[2 + axis], padding[axis]
        first, last = -((side - 1 - cut) // step), (step - 1 + cut) // step
        squares.append(-(-sides[axis] // step))
        around.append(max(-first, squares[axis] - x.meta["shape"][2 + axis] + last, 0))
        begins.append(first + around[axis])
        taps.append([[pixel + cut - step * d for d in range(first, last + 1)] for pixel in range(step)])
    made = weight.new_zeros(outputs, step, step, weight.shape[0], len(taps[0][0]), len(taps[1][0]))
    for up, left in itertools.product(range(step), repeat=2):
        for (row, tap), (column, other) in itertools.product(enumerate(taps[0][up]), enumerate(taps[1][left])):
            if 0 <= tap < weight.shape[2] and 0 <= other < weight.shape[3]:
                made[:, up, left, :, row, column] = weight[:, :, tap, other].T
    held = add_constant(graph, node, made.flatten(0, 2))
    with graph.graph.inserting_before(node):
        found = graph.graph.call_function(
            aten.convolution.default, (x, held, None, [1, 1], around, [1, 1], False, [0, 0], 1)
        )
        shape = [x.meta["shape"][0], outputs * step * step]
        shape += [x.meta["shape"][2 + axis] + 2 * around[axis] - len(taps[axis][0]) + 1 for axis in (0, 1)]
        found.meta["shape"] = tuple(shape)
        for axis in (0, 1):
            found = _cut(graph, found, 2 + axis, begins[axis], begins[axis] + squares[axis])
        squared = graph.graph.call_function(aten.pixel_shuffle.default, (found, step))
        squared.meta["shape"] = (shape[0], outputs, squares[0] * step, squares[1] * step)
        for axis in (0, 1):
            squared = _cut(graph, squared, 2 + axis, 0, sides[axis])
    node.replace_all_uses_with(squared)
    graph.graph.erase_node(node)


def _cut(graph: fx.GraphModule, x: fx.Node, axis: int, begin: int, end: int) -> fx.Node:
    shape = list(x.meta["shape"])
    if begin == 0 and end == shape[axis]:
        return x
    cut = graph.graph.call_function(aten.slice.Tensor, (x, axis, begin, end))
    shape[axis] = end - begin
    cut.meta["shape"] = tuple(shape)
    return cut
