"""JointGraph for oneDNN, torch's library for convolutions on CPUs of x86.

Channels lie last in memory. A convolution, what is added to it, and a rectifier behind it are one operation. Where one
picture goes through at a time, the weights are laid out beforehand as the library wants them: with a ResNet-50 it would
lay out 100 MB anew on each way. With more pictures that counts less, and what suits one does not suit eight.
What nobody needs any more is written over. For one picture, `partitions` compiles what is around the convolutions, too.

torch's compiler uses the same operations; they are not documented, so `available` looks for them.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, fx

from robust_widgets.compiler.rewrites.constant_folding import add_constant, constant, tidy
from robust_widgets.compiler.rewrites.in_place import write_over
from robust_widgets.compiler.rewrites.strided import add_at_strides
from robust_widgets.compiler.tracing.joint_graph import JointGraph

aten, library = torch.ops.aten, torch.ops.mkldnn


def available() -> bool:
    """Whether this torch has oneDNN and the joined operations."""
    needed = ("convolution_pointwise", "convolution_transpose_pointwise")
    laying_out = ("reorder_convolution_weight", "reorder_convolution_transpose_weight")
    return torch.backends.mkldnn.is_available() and all(hasattr(library, f"_{one}") for one in (*needed, *laying_out))


def rewrite(graphs: JointGraph, one_picture: bool, in_runs: bool = False) -> None:
    """Rewrite both graphs.

    Args:
        graphs: are changed.
        one_picture: weights are laid out beforehand for one picture at a time, or not at all.
        in_runs: convolutions are left plain, to be compiled (`partitions`) with what is around them.
    """
    for graph in (graphs.forward, graphs.backward):
        add_at_strides(graph)
        places = {node: place for place, node in enumerate(graph.graph.nodes)}
        for node in list(graph.graph.nodes):
            if node.op == "call_function" and node.target is aten.convolution.default:
                if in_runs and not node.args[6]:
                    _leave_plain(graph, node)
                else:
                    _join(graph, node, places, one_picture)
            elif node.op == "call_function" and node.target is aten.matmul.default:
                _filter(graph, node)
    pictures = next(node for node in graphs.forward.graph.nodes if node.op == "placeholder")
    with graphs.forward.graph.inserting_after(pictures):
        last = graphs.forward.graph.call_method("contiguous", (pictures,), {"memory_format": torch.channels_last})
    pictures.replace_all_uses_with(last, lambda user: user is not last)
    output = next(node for node in graphs.backward.graph.nodes if node.op == "output")
    (gradient,) = cast("tuple[fx.Node]", output.args[0])
    with graphs.backward.graph.inserting_before(output):
        if gradient.target is aten.pixel_shuffle.default:
            gradient.target = shuffled_in_rows
        else:
            gradient = graphs.backward.graph.call_method("contiguous", (gradient,))
        output.args = ((gradient,),)
    for graph in (graphs.forward, graphs.backward):
        tidy(graph)
        write_over(graph)


def _join(graph: fx.GraphModule, node: fx.Node, places: dict[fx.Node, int], one_picture: bool) -> None:
    x, known, bias, stride, padding, dilation, transposed, left_over, groups = cast("tuple[Any, ...]", node.args)
    weight = constant(graph, known)
    if weight is None or weight.dim() != 4 or (bias is not None and constant(graph, bias) is None):
        return
    last, behind, added = node, "none", None
    if not transposed:
        last, added = _addition(node, places)
        if (rectifier := _only_user(last, aten.relu.default)) is not None:
            last, behind = rectifier, "relu"
    how = (padding, stride, dilation, groups)
    if transposed:
        how = (padding, left_over, stride, dilation, groups)
    if one_picture:
        lay_out = library._reorder_convolution_transpose_weight if transposed else library._reorder_convolution_weight
        weight = lay_out(weight.contiguous(), *how, [1, *x.meta["shape"][1:]])
    else:
        weight = weight.contiguous(memory_format=torch.channels_last)
    held = add_constant(graph, node, weight, as_it_lies=True)
    if transposed:
        kind = library._convolution_transpose_pointwise.default
        given = (x, held, bias, *how, "none", [], "")
    elif added is None:
        kind = library._convolution_pointwise.default
        given = (x, held, bias, *how, behind, [], "")
    else:
        kind = library._convolution_pointwise.binary
        given = (x, added, held, bias, *how, "add", 1.0, None if behind == "none" else behind, [], None)
    with graph.graph.inserting_before(last):
        joined = graph.graph.call_function(kind, given)
    joined.meta, places[joined] = dict(last.meta), places[last]
    last.replace_all_uses_with(joined)
    for done in (last, *((node,) if last is not node else ())):
        if not done.users:
            graph.graph.erase_node(done)


def _leave_plain(graph: fx.GraphModule, node: fx.Node) -> None:
    x, known, bias, stride, padding, dilation, _, _, groups = cast("tuple[Any, ...]", node.args)
    weight = constant(graph, known)
    if weight is not None and weight.dim() == 4:
        held = add_constant(graph, node, weight.contiguous(memory_format=torch.channels_last), as_it_lies=True)
        node.target, node.args = torch.conv2d, (x, held, bias, stride, padding, dilation, groups)


def _addition(node: fx.Node, places: dict[fx.Node, int]) -> tuple[fx.Node, fx.Node | None]:
    """The sum that alone sees a convolution, with what is added, where that is known before; else the convolution."""
    total = _only_user(node, aten.add.Tensor)
    if total is None or total.kwargs.get("alpha", 1) != 1:
        return node, None
    other = total.args[1] if total.args[0] is node else total.args[0]
    if not isinstance(other, fx.Node) or other is node or places.get(other, places[node]) >= places[node]:
        return node, None
    return (total, other) if other.meta["shape"] == node.meta["shape"] else (node, None)


def _only_user(node: fx.Node, target: object) -> fx.Node | None:
    (user, *others) = node.users
    return user if not others and user.op == "call_function" and user.target is target else None


def _filter(graph: fx.GraphModule, node: fx.Node) -> None:
    """A product along the rows or columns of pictures, as channels that lie last make it without a copy."""
    first, second = node.args
    for x, matrix, along in ((first, second, filtered_along_rows), (second, first, filtered_along_columns)):
        values = constant(graph, matrix)
        if not isinstance(x, fx.Node) or values is None or values.dim() != 2 or len(x.meta["shape"]) != 4:
            continue
        held = add_constant(graph, node, values.T if along is filtered_along_rows else values)
        node.target, node.args = along, (x, held)
        return


def filtered_along_rows(x: Tensor, matrix: Tensor) -> Tensor:
    """x @ matrix.T of pictures (n, c, h, w); matrix (to, w)."""
    return torch.matmul(matrix, x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def filtered_along_columns(x: Tensor, matrix: Tensor) -> Tensor:
    """matrix @ x of pictures (n, c, h, w); matrix (to, h)."""
    count, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(count, height, width * channels)
    return torch.matmul(matrix, rows).view(count, -1, width, channels).permute(0, 3, 1, 2)


def shuffled_in_rows(x: Tensor, step: int) -> Tensor:
    """As torch's `pixel_shuffle`, which keeps channels last and copies twice for that; the result lies in rows."""
    count, channels, height, width = x.shape
    squares = x.reshape(count, -1, step, step, height, width).permute(0, 1, 4, 2, 5, 3)
    return squares.reshape(count, channels // step**2, height * step, width * step)
