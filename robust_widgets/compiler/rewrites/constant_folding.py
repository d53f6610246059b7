"""Fewer operations for the same answers: constants are worked out once, factors go into the convolutions' weights."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg

aten = torch.ops.aten
_MADE = (
    *(aten.full.default, aten.zeros.default, aten.ones.default, aten.scalar_tensor.default),
    *(aten.arange.default, aten.arange.start, aten.arange.start_step),
)
_MULTIPLICATIONS = (aten.mul.Tensor, aten.div.Tensor)


def constant(graph: fx.GraphModule, node: object) -> Tensor | None:
    """The tensor that a node of a graph stands for, or None where it is none of the graph's own."""
    if isinstance(node, fx.Node) and node.op == "get_attr":
        return cast(Tensor, getattr(graph, str(node.target)))
    return None


def fold_constants(graph: fx.GraphModule) -> None:
    """Work out once what depends on no input."""
    for node in list(graph.graph.nodes):
        inputs = node.all_input_nodes
        if (
            node.op != "call_function"
            or not (inputs or node.target in _MADE)
            or any(given.op != "get_attr" for given in inputs)
        ):
            continue
        with torch.no_grad():
            value = node.target(
                *map_arg(node.args, lambda given: constant(graph, given)),
                **map_arg(node.kwargs, lambda given: constant(graph, given)),
            )
        if isinstance(value, Tensor):
            node.replace_all_uses_with(add_constant(graph, node, value))
    tidy(graph)


def merge_equal(graph: fx.GraphModule) -> None:
    """Carry out once what is carried out several times on the same inputs."""
    first: dict[str, fx.Node] = {}
    for node in list(graph.graph.nodes):
        if node.op == "call_function":
            same = first.setdefault(f"{node.target} {node.args} {node.kwargs}", node)
            if same is not node:
                node.replace_all_uses_with(same)
    tidy(graph)


def fold_factors(graph: fx.GraphModule) -> None:
    """Fold what multiplies whole channels, and what is added to them, into the convolutions around.

    That is a batch normalisation behind a convolution, its gradient before a transposed one, and a picture's division
    by its standard deviation. The subtraction of the picture's mean stays: a convolution's zeros lie around the
    normalised picture.
    """
    for node in list(graph.graph.nodes):
        if node.op == "call_function" and node.target in _MULTIPLICATIONS:
            if not _into_convolution_before(graph, node):
                _into_convolutions_behind(graph, node)
        elif node.op == "call_function" and node.target is aten.add.Tensor:
            _into_bias(graph, node)
    tidy(graph)


def add_constant(graph: fx.GraphModule, before: fx.Node, value: Tensor, *, as_it_lies: bool = False) -> fx.Node:
    """A new constant of a graph, for use from a node on; in rows, or as it lies in memory."""
    number = len(graph._buffers)  # pyright: ignore[reportPrivateUsage] - to count those by name takes as long as the rest
    while hasattr(graph, name := f"folded_{number}"):
        number += 1
    graph.register_buffer(name, value.detach() if as_it_lies else value.detach().contiguous(), persistent=False)
    with graph.graph.inserting_before(before):
        node = graph.graph.get_attr(name)
    node.meta["shape"], node.meta["dtype"] = tuple(value.shape), value.dtype
    return node


def tidy(graph: fx.GraphModule) -> None:
    """Drop what nothing uses. To be run, a graph is compiled again, which takes longer than a change and is put off."""
    graph.graph.eliminate_dead_code()
    used = {str(node.target) for node in graph.graph.nodes if node.op == "get_attr"}
    for name in [name for name, _ in graph.named_buffers() if name not in used]:
        delattr(graph, name)


def _channel_factor(graph: fx.GraphModule, node: fx.Node) -> tuple[fx.Node, Tensor] | None:
    """What a multiplication by one number a channel multiplies, and by which, float64 (channels,)."""
    first, second = node.args[:2]
    factor = constant(graph, second)
    if factor is None and node.target is aten.mul.Tensor:
        first, factor = second, constant(graph, first)
    if factor is None or not isinstance(first, fx.Node) or len(node.meta["shape"]) != 4:
        return None
    channels = node.meta["shape"][1]
    if first.meta["shape"] != node.meta["shape"] or factor.numel() not in (1, channels):
        return None
    if factor.numel() > 1 and tuple(factor.shape) not in ((1, channels, 1, 1), (channels, 1, 1)):
        return None
    values = factor.double().flatten().expand(channels)
    return first, 1 / values if node.target is aten.div.Tensor else values


def _into_convolution_before(graph: fx.GraphModule, node: fx.Node) -> bool:
    """A factor on what a convolution gives, and nothing else sees."""
    found = _channel_factor(graph, node)
    if found is None:
        return False
    convolution, factor = found
    weight = weight_of(graph, convolution)
    if weight is None or len(convolution.users) != 1:
        return False
    transposed, groups = convolution.args[6], convolution.args[8]
    if transposed and groups != 1:
        return False
    bias = constant(graph, convolution.args[2])
    if convolution.args[2] is not None and bias is None:
        return False
    set_weight(graph, convolution, weight.double() * factor.view((1, -1, 1, 1) if transposed else (-1, 1, 1, 1)))
    if bias is not None:
        _set_bias(graph, convolution, bias.double() * factor)
    node.replace_all_uses_with(convolution)
    graph.graph.erase_node(node)
    return True


def _into_convolutions_behind(graph: fx.GraphModule, node: fx.Node) -> bool:
    """A factor on what only convolutions take."""
    found = _channel_factor(graph, node)
    if found is None:
        return False
    given, factor = found
    users = list(node.users)
    if not all(weight_of(graph, user) is not None and user.args[0] is node for user in users):
        return False
    for user in users:
        weight = cast(Tensor, weight_of(graph, user)).double()
        groups, transposed = cast(int, user.args[8]), user.args[6]
        if transposed:  # (inputs, outputs of a group, h, w)
            weight = weight * factor.view(-1, 1, 1, 1)
        else:  # (outputs, inputs of a group, h, w)
            outputs, inputs = weight.shape[:2]
            own = factor.view(groups, 1, inputs).expand(groups, outputs // groups, inputs).reshape(outputs, inputs)
            weight = weight * own[:, :, None, None]
        set_weight(graph, user, weight)
        user.args = (given, *user.args[1:])
    graph.graph.erase_node(node)
    return True


def _into_bias(graph: fx.GraphModule, node: fx.Node) -> None:
    """A number added to each channel of what a convolution gives, and nothing else sees."""
    for convolution, other in (node.args[:2], node.args[1::-1]):
        added = constant(graph, other)
        if added is None or node.kwargs.get("alpha", 1) != 1 or not isinstance(convolution, fx.Node):
            continue
        channels = node.meta["shape"][1] if len(node.meta["shape"]) == 4 else 0
        if weight_of(graph, convolution) is None or len(convolution.users) != 1:
            continue
        if tuple(added.shape) not in ((1, channels, 1, 1), (channels, 1, 1)):
            continue
        bias = constant(graph, convolution.args[2])
        if convolution.args[2] is not None and bias is None:
            continue
        total = added.double().flatten() + (0 if bias is None else bias.double())
        _set_bias(graph, convolution, total)
        node.replace_all_uses_with(convolution)
        graph.graph.erase_node(node)
        return


def weight_of(graph: fx.GraphModule, node: object) -> Tensor | None:
    """A convolution's constant weight; None where the node is no such convolution."""
    if not isinstance(node, fx.Node) or node.target is not aten.convolution.default:
        return None
    weight = constant(graph, node.args[1])
    return weight if weight is not None and weight.dim() == 4 else None


def set_weight(graph: fx.GraphModule, convolution: fx.Node, weight: Tensor) -> None:
    dtype = cast(Tensor, weight_of(graph, convolution)).dtype
    made = add_constant(graph, convolution, weight.to(dtype))
    before = convolution.args[1]
    convolution.args = (convolution.args[0], made, *convolution.args[2:])
    if isinstance(before, fx.Node) and not before.users:  # else all weights lie there twice until the graph is tidied
        graph.graph.erase_node(before)
        if not any(node.op == "get_attr" and node.target == before.target for node in graph.graph.nodes):
            delattr(graph, str(before.target))


def _set_bias(graph: fx.GraphModule, convolution: fx.Node, bias: Tensor) -> None:
    dtype = cast(Tensor, weight_of(graph, convolution)).dtype
    made = add_constant(graph, convolution, bias.to(dtype))
    convolution.args = (*convolution.args[:2], made, *convolution.args[3:])
