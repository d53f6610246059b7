"""Rewrites of traced graphs: constants, scale factors, separable filters, transposed convolutions."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg

aten = torch.ops.aten
_CREATION = (
    *(aten.full.default, aten.zeros.default, aten.ones.default, aten.scalar_tensor.default),
    *(aten.arange.default, aten.arange.start, aten.arange.start_step),
)
_FACTORS, _SUMMANDS = (aten.mul.Tensor, aten.div.Tensor), (aten.add.Tensor, aten.sub.Tensor)


def constant(graph: fx.GraphModule, node: object) -> Tensor | None:
    """The value of a constant node; None for any other."""
    if isinstance(node, fx.Node) and node.op == "get_attr":
        return cast(Tensor, getattr(graph, str(node.target)))
    return None


def add_constant(graph: fx.GraphModule, before: fx.Node, value: Tensor) -> fx.Node:
    """Add a constant in front of a node."""
    number = len(graph._buffers)  # pyright: ignore[reportPrivateUsage] - named_buffers() is too slow to call per constant
    while hasattr(graph, name := f"folded_{number}"):
        number += 1
    graph.register_buffer(name, value.detach(), persistent=False)
    with graph.graph.inserting_before(before):
        node = graph.graph.get_attr(name)
    node.meta["shape"], node.meta["dtype"] = tuple(value.shape), value.dtype
    return node


def remove_dead_code(graph: fx.GraphModule) -> None:
    """Remove unused nodes and constants. The graph must be recompiled before it runs, which is slow and done once."""
    graph.graph.eliminate_dead_code()
    used = {str(node.target) for node in graph.graph.nodes if node.op == "get_attr"}
    for name in [name for name, _ in graph.named_buffers() if name not in used]:
        delattr(graph, name)


def fold_constants(graph: fx.GraphModule) -> None:
    """Compute what depends on constants only."""
    for node in list(graph.graph.nodes):
        inputs = node.all_input_nodes
        computes = node.op == "call_function" and (inputs or node.target in _CREATION)
        if not computes or any(source.op != "get_attr" for source in inputs):
            continue
        args, kwargs = (map_arg(part, partial(constant, graph)) for part in (node.args, node.kwargs))
        with torch.no_grad():
            value = node.target(*args, **kwargs)
        if isinstance(value, Tensor):
            node.replace_all_uses_with(add_constant(graph, node, value.contiguous()))
    remove_dead_code(graph)


def fold_factors(graph: fx.GraphModule) -> None:
    """Fold factors and summands of whole channels into the weights and biases of convolutions.

    These are a batch normalisation after a convolution, its gradient before a transposed one, and the division of a
    picture by its standard deviation. The subtraction of its mean stays: zero padding pads the normalised picture.
    """
    for node in list(graph.graph.nodes):
        operand = _channel_constant(graph, node) if node.target in (*_FACTORS, *_SUMMANDS) else None
        if operand is not None and not _into_convolution_before(graph, node, *operand) and node.target in _FACTORS:
            _into_convolutions_after(graph, node, *operand)
    remove_dead_code(graph)


def weight_of(graph: fx.GraphModule, node: object) -> Tensor | None:
    """The constant weight of a 2D convolution; None for any other node."""
    if not isinstance(node, fx.Node) or node.target is not aten.convolution.default:
        return None
    weight = constant(graph, node.args[1])
    return weight if weight is not None and weight.dim() == 4 else None


def set_weight(graph: fx.GraphModule, convolution: fx.Node, weight: Tensor) -> None:
    """Replace a convolution's weight; the old one is freed at once, else all weights would be there twice."""
    old = cast(fx.Node, convolution.args[1])
    new = add_constant(graph, convolution, weight.to(old.meta["dtype"]).contiguous())
    convolution.args = (convolution.args[0], new, *convolution.args[2:])
    if not old.users:
        graph.graph.erase_node(old)
        if not any(node.target == old.target for node in graph.graph.find_nodes(op="get_attr")):
            delattr(graph, str(old.target))


def _channel_constant(graph: fx.GraphModule, node: fx.Node) -> tuple[fx.Node, Tensor] | None:
    """What a node multiplies by factors, or adds summands to; and these, one per channel, float64 (channels,)."""
    source, other = node.args[:2]
    values = constant(graph, other)
    if values is None and node.target in (aten.mul.Tensor, aten.add.Tensor):
        source, values = other, constant(graph, source)
    shape = node.meta["shape"]
    if values is None or not isinstance(source, fx.Node) or source.meta["shape"] != shape or len(shape) != 4:
        return None
    channels = shape[1]
    each = values.numel() == 1 or tuple(values.shape) in ((1, channels, 1, 1), (channels, 1, 1))
    if not each or node.kwargs.get("alpha", 1) != 1:
        return None
    values = values.double().flatten().expand(channels)
    if node.target is aten.div.Tensor:
        values = 1 / values
    return source, -values if node.target is aten.sub.Tensor else values


def _into_convolution_before(graph: fx.GraphModule, node: fx.Node, source: fx.Node, values: Tensor) -> bool:
    """Fold factors or summands into the convolution whose result a node alone multiplies, or adds them to."""
    weight = weight_of(graph, source)
    if weight is None or len(source.users) != 1:
        return False
    bias, transposed, groups = constant(graph, source.args[2]), source.args[6], source.args[8]
    multiplies = node.target in _FACTORS
    if (bias is None and source.args[2] is not None) or (multiplies and transposed and groups != 1):
        return False
    if multiplies:
        set_weight(graph, source, weight.double() * values.view((1, -1, 1, 1) if transposed else (-1, 1, 1, 1)))
    if bias is not None or not multiplies:
        bias = values if bias is None else bias.double() * values if multiplies else bias.double() + values
        new = add_constant(graph, source, bias.to(weight.dtype).contiguous())
        source.args = (*source.args[:2], new, *source.args[3:])
    node.replace_all_uses_with(source)
    graph.graph.erase_node(node)
    return True


def _into_convolutions_after(graph: fx.GraphModule, node: fx.Node, source: fx.Node, factor: Tensor) -> None:
    """Fold a factor into the convolutions that take its result, if nothing else does."""
    users = list(node.users)
    if not all(weight_of(graph, user) is not None and user.args[0] is node for user in users):
        return
    for user in users:
        weight = cast(Tensor, weight_of(graph, user)).double()
        groups, transposed = cast(int, user.args[8]), user.args[6]
        if transposed:  # (inputs, outputs of a group, h, w)
            weight = weight * factor.view(-1, 1, 1, 1)
        else:  # (outputs, inputs of a group, h, w)
            weight = (weight.unflatten(0, (groups, -1)) * factor.view(groups, 1, -1, 1, 1)).flatten(0, 1)
        set_weight(graph, user, weight)
        user.args = (source, *user.args[1:])
    graph.graph.erase_node(node)


def fuse_products(graph: fx.GraphModule) -> None:
    """Replace the operations around each product of pictures by ``x @ matrix`` or ``matrix @ x``."""
    for node in list(graph.graph.nodes):
        if node.target is aten.reshape.default:
            _fuse_reshapes(graph, node)
    for node in list(graph.graph.nodes):
        if _swaps_sides(node):
            _fuse_transposes(graph, node)
    remove_dead_code(graph)


def _fuse_reshapes(graph: fx.GraphModule, node: fx.Node) -> None:
    """reshape(mm(reshape(x), matrix)) is x @ matrix."""
    flat, matrix = _factors(node, aten.mm.default)
    if flat is None or flat.target is not aten.reshape.default or constant(graph, matrix) is None:
        return
    x = flat.args[0]
    if not isinstance(x, fx.Node) or len(x.meta["shape"]) != 4 or x.meta["shape"][:3] != node.meta["shape"][:3]:
        return
    if x.meta["shape"][3] == flat.meta["shape"][1]:
        node.target, node.args = aten.matmul.default, (x, matrix)


def _fuse_transposes(graph: fx.GraphModule, node: fx.Node) -> None:
    """transpose(transpose(x) @ matrix) is matrix.T @ x."""
    transposed, matrix = _factors(node, aten.matmul.default)
    values = constant(graph, matrix)
    if values is not None and transposed is not None and _swaps_sides(transposed):
        node.target, node.args = aten.matmul.default, (add_constant(graph, node, values.T), transposed.args[0])


def _factors(node: fx.Node, kind: object) -> tuple[fx.Node | None, fx.Node | None]:
    """The factors of the product that only this node uses."""
    product = node.args[0]
    if not isinstance(product, fx.Node) or product.target is not kind or len(product.users) != 1:
        return None, None
    first, second = product.args
    return (first, second) if isinstance(first, fx.Node) and isinstance(second, fx.Node) else (None, None)


def _swaps_sides(node: fx.Node) -> bool:
    shape = node.meta.get("shape", ())
    return node.target is aten.transpose.int and len(shape) == 4 and {a % 4 for a in node.args[1:]} == {2, 3}  # pyright: ignore[reportOperatorIssue]


def replace_transposed(graph: fx.GraphModule) -> None:
    """Replace transposed convolutions of stride 1 by convolutions with the flipped kernel, which run faster."""
    for node in list(graph.graph.nodes):
        weight = weight_of(graph, node)
        if weight is None or not node.args[6]:
            continue
        stride, padding, dilation, _, output_padding, groups = cast("tuple[Any, ...]", node.args[3:9])
        size = weight.shape[2:]
        plain_padding = [
            reach * (length - 1) - crop for reach, length, crop in zip(dilation, size, padding, strict=True)
        ]
        if any(step != 1 for step in stride) or any(output_padding) or any(width < 0 for width in plain_padding):
            continue
        inputs, outputs = weight.shape[:2]
        flipped = weight.flip(2, 3).view(groups, inputs // groups, outputs, *size).transpose(1, 2)
        set_weight(graph, node, flipped.reshape(groups * outputs, inputs // groups, *size))
        node.args = (*node.args[:3], stride, plain_padding, dilation, False, output_padding, groups)
    remove_dead_code(graph)
