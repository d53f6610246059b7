"""Filters along rows and columns as one product each, whatever was laid out anew around them."""

from __future__ import annotations

import torch
from torch import fx

from robust_widgets.compiler.rewrites.constant_folding import add_constant, constant, tidy

aten = torch.ops.aten


def combine_products(graph: fx.GraphModule) -> None:
    """Put ``x @ matrix`` and ``matrix @ x`` in place of the copies, products and copies that torch makes of them."""
    for node in list(graph.graph.nodes):
        if node.op == "call_function" and node.target is aten.reshape.default:
            _along_columns(graph, node)
    for node in list(graph.graph.nodes):
        if node.op == "call_function" and _swaps_sides(node):
            _along_rows(graph, node)
    tidy(graph)


def _along_columns(graph: fx.GraphModule, node: fx.Node) -> None:
    """reshape(mm(reshape(x), matrix)) is x @ matrix."""
    product = node.args[0]
    if not isinstance(product, fx.Node) or product.target is not aten.mm.default or len(product.users) != 1:
        return
    flat, matrix = product.args
    if constant(graph, matrix) is None or not isinstance(flat, fx.Node) or flat.target is not aten.reshape.default:
        return
    x = flat.args[0]
    if not isinstance(x, fx.Node) or len(x.meta["shape"]) != 4 or x.meta["shape"][:3] != node.meta["shape"][:3]:
        return
    if x.meta["shape"][3] != flat.meta["shape"][1]:
        return
    _replace(graph, node, (x, matrix))


def _along_rows(graph: fx.GraphModule, node: fx.Node) -> None:
    """transpose(transpose(x) @ matrix) is matrix.T @ x."""
    product = node.args[0]
    if not isinstance(product, fx.Node) or product.target is not aten.matmul.default or len(product.users) != 1:
        return
    turned, matrix = product.args
    values = constant(graph, matrix)
    if values is None or not isinstance(turned, fx.Node) or not _swaps_sides(turned):
        return
    _replace(graph, node, (add_constant(graph, node, values.T), turned.args[0]))


def _swaps_sides(node: fx.Node) -> bool:
    shape = node.meta.get("shape", ())
    return node.target is aten.transpose.int and len(shape) == 4 and {a % 4 for a in node.args[1:]} == {2, 3}  # pyright: ignore[reportOperatorIssue]


def _replace(graph: fx.GraphModule, node: fx.Node, factors: tuple[object, object]) -> None:
    with graph.graph.inserting_before(node):
        product = graph.graph.call_function(aten.matmul.default, factors)  # pyright: ignore[reportArgumentType]
    product.meta = dict(node.meta)
    node.replace_all_uses_with(product)
    graph.graph.erase_node(node)
