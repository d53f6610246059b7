"""The way back through a shortcut that takes every second pixel: only those pixels are added to.

As it is recorded, a transposed convolution puts zeros between them, and all of that is added.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, fx

from robust_widgets.compiler.rewrites.constant_folding import set_weight, weight_of

aten = torch.ops.aten


def add_at_strides(graph: fx.GraphModule) -> None:
    """Rewrite the sums of a convolution and a transposed one of single pixels and a larger stride."""
    for node in list(graph.graph.nodes):
        if node.target is not aten.add.Tensor or node.kwargs.get("alpha", 1) != 1:
            continue
        for spread, whole in (node.args[:2], node.args[1::-1]):
            own = weight_of(graph, whole) is not None and whole is not spread and len(whole.users) == 1
            if own and (step := _spreads(graph, spread)) and whole.meta["shape"] == spread.meta["shape"]:
                _gather(graph, spread)
                node.target, node.args = added_at_strides, (whole, spread, step)
                break


def _spreads(graph: fx.GraphModule, node: fx.Node) -> int:
    """By what stride a transposed convolution of single pixels, which only a sum sees, puts them apart; else 0."""
    weight = weight_of(graph, node)
    if weight is None or tuple(weight.shape[2:]) != (1, 1) or len(node.users) != 1:
        return 0
    _, _, bias, stride, padding, _, transposed, _, groups = cast("tuple[Any, ...]", node.args)
    plain = transposed and bias is None and groups == 1 and not any(padding) and stride[0] == stride[1] > 1
    return stride[0] if plain else 0


def _gather(graph: fx.GraphModule, node: fx.Node) -> None:
    """Make it the convolution without zeros between the pixels."""
    weight = cast(Tensor, weight_of(graph, node))
    set_weight(graph, node, weight.transpose(0, 1))
    x = cast(fx.Node, node.args[0])
    node.args = (x, node.args[1], None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)
    node.meta["shape"] = (*node.meta["shape"][:2], *x.meta["shape"][2:])


def added_at_strides(whole: Tensor, gathered: Tensor, step: int) -> Tensor:
    """The first, (n, c, h, w), with the second, (n, c, h / step, w / step), added to each step-th pixel, in place."""
    whole[:, :, ::step, ::step].add_(gathered)
    return whole
