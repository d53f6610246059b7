"""Traces a network's forward pass and its gradient to the input, and partitions them into two graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, fx

from robust_widgets.compiler.rewrites.constant_folding import fold_constants, fold_factors, remove_dead_code
from robust_widgets.compiler.rewrites.products import fuse_products
from robust_widgets.compiler.rewrites.transposed_convolutions import replace_transposed
from robust_widgets.compiler.tracing.decompositions import UnsupportedOpError
from robust_widgets.compiler.tracing.tracer import AtenTracer, Decompositions

aten = torch.ops.aten
Function: TypeAlias = Callable[[Tensor], Tensor]

BATCH = 3  # pictures in a trace; a size that is a multiple of it in the first dimension is left open
_OPEN = -1
VIEWS = (aten.view.default, aten._unsafe_view.default, aten.reshape.default)
_COPIES = (aten.detach.default, aten.clone.default, aten.alias.default, aten.lift_fresh_copy.default)


@dataclass(frozen=True)
class JointGraph:
    """A network for pictures of one size, in batches of any size n.

    Attributes:
        forward: pictures (n, 3, h, w) -> (outputs (n, m), *saved tensors for `backward`).
        backward: (*saved tensors, gradient of the outputs) -> gradient of the pictures.
    """

    forward: fx.GraphModule
    backward: fx.GraphModule


def trace_joint(function: Function, example: Tensor, decompositions: Decompositions | None = None) -> JointGraph:
    """Trace a function of pictures and rewrite the trace.

    Args:
        function: pictures (n, 3, h, w) to outputs (n, m), each picture independent of the others.
        example: one picture, (1, 3, h, w).
        decompositions: replaces further operations, for backends that have only simpler ones.

    Raises:
        UnsupportedOpError: an operation cannot be traced. The function's own errors pass.
    """
    x = example.detach().repeat(BATCH, 1, 1, 1).requires_grad_()
    with torch.enable_grad():
        gradient = torch.ones_like(function(x))  # this call creates what the function caches, which are constants
        tracer = AtenTracer({"x": x, "gradient": gradient}, decompositions or {})
        with tracer:
            outputs = function(x)
            (x_gradient,) = torch.autograd.grad(_GradientOf.apply(outputs, gradient), x)
    joint = tracer.graph(outputs, x_gradient)
    rewrite(joint)
    _open_batch(joint)
    fuse_products(joint)
    return _partition(joint)


class _GradientOf(torch.autograd.Function):
    """A scalar with a given gradient. `torch.autograd.grad(..., grad_outputs)` would import sympy: 80 MB, 1 s."""

    @staticmethod
    def forward(ctx: Any, outputs: Tensor, gradient: Tensor) -> Tensor:
        ctx.gradient = gradient
        return outputs.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return ctx.gradient, None


def rewrite(graph: fx.GraphModule) -> None:
    """The rewrites that every backend needs."""
    for node in graph.graph.nodes:
        same_dtype = node.target is aten.to.dtype and node.args[0].meta["dtype"] == node.meta["dtype"]
        if node.target in _COPIES or same_dtype:
            node.replace_all_uses_with(cast(fx.Node, node.args[0]))
    fold_constants(graph)
    fold_factors(graph)
    replace_transposed(graph)


def _open_batch(joint: fx.GraphModule) -> None:
    """Replace sizes that depend on the number of pictures; these come first in every shape."""
    for node in joint.graph.nodes:
        if node.op != "call_function" or not node.args or not isinstance(source := node.args[0], fx.Node):
            continue
        sizes = list(node.meta["shape"]) if "shape" in node.meta else []
        if node.target in VIEWS:
            if source.op != "get_attr" and sizes and sizes[0] % BATCH == 0:
                sizes[0] = _OPEN
            node.target, node.args = aten.reshape.default, (source, sizes)
        elif node.target is aten.expand.default:
            if len(source.meta["shape"]) != len(sizes) or source.meta["shape"][0] != BATCH:
                raise UnsupportedOpError("A constant is repeated for each picture.")
            node.args = (source, [_OPEN, *sizes[1:]])
    remove_dead_code(joint)


def _partition(joint: fx.GraphModule) -> JointGraph:
    """Split a graph: what does not depend on the gradient of the outputs is the forward pass."""
    (output,) = joint.graph.find_nodes(op="output")
    outputs, x_gradient = cast("tuple[fx.Node, fx.Node]", output.args[0])
    (x, gradient) = joint.graph.find_nodes(op="placeholder")
    later: dict[fx.Node, None] = {gradient: None}
    for node in joint.graph.nodes:
        if any(source in later for source in node.all_input_nodes):
            later[node] = None
    if outputs in later or x_gradient not in later:
        raise UnsupportedOpError("The outputs do not depend on the pictures.")
    ahead = [node for node in joint.graph.nodes if node not in later and node.op in ("placeholder", "call_function")]
    saved = [node for node in ahead if any(user in later and user.op != "output" for user in node.users)]
    backward = [node for node in later if node.op == "call_function"]
    return JointGraph(
        _subgraph(joint, ahead, [x], [outputs, *saved]), _subgraph(joint, backward, [*saved, gradient], [x_gradient])
    )


def _subgraph(
    joint: fx.GraphModule, nodes: Sequence[fx.Node], inputs: Sequence[fx.Node], outputs: Sequence[fx.Node]
) -> fx.GraphModule:
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for place, node in enumerate(inputs):
        copies[node] = graph.placeholder(f"input_{place}")
        copies[node].meta = dict(node.meta)

    def copy_of(node: fx.Node) -> fx.Node:
        if node not in copies:
            copies[node] = graph.node_copy(node, copy_of)
        return copies[node]

    for node in nodes:
        copy_of(node)
    graph.output(tuple(map(copy_of, outputs)))
    graph.eliminate_dead_code()
    return fx.GraphModule(joint, graph)


def call(graph: fx.GraphModule, *inputs: Tensor) -> tuple[Tensor, ...]:
    """Run a graph in torch."""
    return cast("tuple[Tensor, ...]", cast(Any, graph)(*inputs))
