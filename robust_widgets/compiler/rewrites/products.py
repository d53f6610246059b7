"""Fuses a separable filter's products: torch traces each as a product of matrices between transposes and copies."""

from __future__ import annotations

import torch
from torch import fx

from robust_widgets.compiler.rewrites.constant_folding import add_constant, constant, remove_dead_code

aten = torch.ops.aten


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
