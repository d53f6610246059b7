"""Runs a traced network in torch with oneDNN's fused convolutions, in channels-last order.

A convolution, the tensor added to it, and the ReLU after that are one operation. For one picture at a time the weights
are packed in advance; else oneDNN would repack a ResNet-50's 100 MB in each pass. With more pictures that matters less,
and weights packed for one are slow for eight. Gradients of ReLUs and sums overwrite tensors that are no longer needed.

`torch.compile` uses the same operations. They are undocumented, so `is_available` looks for them.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, fx

from robust_widgets.compiler.compiled_module import TorchModule
from robust_widgets.compiler.rewrites import add_constant, constant, remove_dead_code
from robust_widgets.compiler.tracing import JointGraph

aten, mkldnn = torch.ops.aten, torch.ops.mkldnn


def is_available() -> bool:
    """Whether this torch has oneDNN and its fused operations."""
    fused = ("_convolution_pointwise", "_convolution_pointwise_", "_convolution_transpose_pointwise")
    packing = ("_reorder_convolution_weight", "_reorder_convolution_transpose_weight")
    return torch.backends.mkldnn.is_available() and all(hasattr(mkldnn, name) for name in (*fused, *packing))


def compile_joint(graphs: JointGraph, single: bool) -> TorchModule:
    """Compile a trace.

    Args:
        graphs: the trace; it is changed.
        single: pack the weights for one picture at a time.
    """
    for graph in (graphs.forward, graphs.backward):
        for node in list(graph.graph.nodes):
            if node.target is aten.convolution.default:
                _fuse(graph, node, single)
            elif node.target is aten.matmul.default:
                _filter(graph, node)
    pictures = next(iter(graphs.forward.graph.find_nodes(op="placeholder")))
    with graphs.forward.graph.inserting_after(pictures):
        source = graphs.forward.graph.call_method("contiguous", (pictures,), {"memory_format": torch.channels_last})
    pictures.replace_all_uses_with(source, lambda user: user is not source)
    (output,) = graphs.backward.graph.find_nodes(op="output")
    (gradient,) = cast("tuple[fx.Node]", output.args[0])
    with graphs.backward.graph.inserting_before(output):
        output.args = ((graphs.backward.graph.call_method("contiguous", (gradient,)),),)
    for graph in (graphs.forward, graphs.backward):
        remove_dead_code(graph)
        _reuse_memory(graph)
    return TorchModule(graphs)


def _fuse(graph: fx.GraphModule, node: fx.Node, single: bool) -> None:
    """Replace a convolution, and what is fused with it, by oneDNN's."""
    x, weight_node, bias, stride, padding, dilation, transposed, output_padding, groups = cast(Any, node.args)
    weight = constant(graph, weight_node)
    if weight is None or weight.dim() != 4 or (bias is not None and constant(graph, bias) is None):
        return
    geometry = (padding, *([output_padding] if transposed else []), stride, dilation, groups)
    if single:
        pack = mkldnn._reorder_convolution_transpose_weight if transposed else mkldnn._reorder_convolution_weight
        weight = pack(weight.contiguous(), *geometry, [1, *x.meta["shape"][1:]])
    else:
        weight = weight.contiguous(memory_format=torch.channels_last)
    last, summand, relu = node, None, None
    if not transposed:
        last, summand = _sum(node)
        relu = _only_user(last, aten.relu.default)
    last = relu or last
    weights = (add_constant(graph, node, weight), bias, *geometry)
    if transposed:
        kind, args = mkldnn._convolution_transpose_pointwise.default, (x, *weights, "none", [], "")
    elif summand is None:
        kind, args = mkldnn._convolution_pointwise.default, (x, *weights, "relu" if relu else "none", [], "")
    else:
        post = ("add", 1.0, "relu" if relu else None, [], None)
        kind, args = mkldnn._convolution_pointwise.binary, (x, summand, *weights, *post)
    with graph.graph.inserting_before(last):
        fused = graph.graph.call_function(kind, args)
    fused.meta = dict(last.meta)
    last.replace_all_uses_with(fused)


def _sum(node: fx.Node) -> tuple[fx.Node, fx.Node | None]:
    """The sum that alone uses a convolution, and its other summand if that is computed first; else the convolution."""
    total = _only_user(node, aten.add.Tensor)
    if total is None or total.kwargs.get("alpha", 1) != 1:
        return node, None
    other = total.args[1] if total.args[0] is node else total.args[0]
    if not isinstance(other, fx.Node) or not other < node:
        return node, None
    return (total, other) if other.meta["shape"] == node.meta["shape"] else (node, None)


def _only_user(node: fx.Node, target: object) -> fx.Node | None:
    (user, *others) = node.users
    return user if not others and user.target is target else None


def _filter(graph: fx.GraphModule, node: fx.Node) -> None:
    """Replace a product along the rows or columns of pictures by one that keeps channels last without a copy."""
    first, second = node.args
    for x, matrix, function in ((first, second, filter_rows), (second, first, filter_columns)):
        values = constant(graph, matrix)
        if isinstance(x, fx.Node) and values is not None and values.dim() == 2 and len(x.meta["shape"]) == 4:
            values = values.T.contiguous() if function is filter_rows else values
            node.target, node.args = function, (x, add_constant(graph, node, values))
            return


def _reuse_memory(graph: fx.GraphModule) -> None:
    """Let gradients of ReLUs, and sums fused with a convolution, overwrite an operand nothing reads afterwards.

    The graph's inputs and outputs stay unchanged. Without this a ResNet-50 takes 10 to 15 % longer.
    """
    relu_backward, sum_ = aten.threshold_backward, mkldnn._convolution_pointwise.binary
    fresh = {  # results with memory of their own, which are no views of an operand
        *(mkldnn._convolution_pointwise.default, sum_, mkldnn._convolution_pointwise_.binary, aten.add.Tensor),
        *(mkldnn._convolution_transpose_pointwise.default, relu_backward.default, relu_backward.grad_input),
    }

    def last_use(operand: fx.Node, node: fx.Node) -> bool:
        return operand.target in fresh and all(
            user is node or (user.target in fresh and user < node) for user in operand.users
        )

    for node in graph.graph.nodes:
        if node.target is relu_backward.default:
            gradient, result, _ = cast("tuple[fx.Node, ...]", node.args)
            if gradient is not result and last_use(gradient, node):
                node.target, node.kwargs = relu_backward.grad_input, {"grad_input": gradient}
        elif node.target is sum_:
            x, summand, *rest = node.args
            if summand is not x and last_use(cast(fx.Node, summand), node):
                node.target, node.args = mkldnn._convolution_pointwise_.binary, (summand, x, *rest)


def filter_rows(x: Tensor, matrix: Tensor) -> Tensor:
    """``x @ matrix.T`` for pictures (n, c, h, w) and a matrix (w out, w)."""
    return torch.matmul(matrix, x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def filter_columns(x: Tensor, matrix: Tensor) -> Tensor:
    """``matrix @ x`` for pictures (n, c, h, w) and a matrix (h out, h)."""
    count, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(count, height, width * channels)
    return torch.matmul(matrix, rows).view(count, -1, width, channels).permute(0, 3, 1, 2)
