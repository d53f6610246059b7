"""A network as two lists of torch's own operations: to its answers, and from their gradient back to the pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, fx

from robust_widgets.compiler.rewrites.constant_folding import fold_constants, fold_factors, merge_equal, tidy
from robust_widgets.compiler.rewrites.products import combine_products
from robust_widgets.compiler.rewrites.transposed_convolutions import straighten
from robust_widgets.compiler.tracing.decompositions import UnsupportedOpError
from robust_widgets.compiler.tracing.tracer import AtenTracer

aten = torch.ops.aten
Function: TypeAlias = Callable[[Tensor], Tensor]

BATCH = 3  # pictures that a graph is recorded with; sizes that follow from their number are then left open
_OPEN = -1
RESHAPING = (aten.view.default, aten._unsafe_view.default, aten.reshape.default)
_NOTHING = (aten.detach.default, aten.clone.default, aten.alias.default, aten.lift_fresh_copy.default)


@dataclass(frozen=True)
class JointGraph:
    """What a network does with pictures of one size, in any number.

    Attributes:
        forward: pictures (n, 3, h, w) -> (answers (n, m), and whatever `backward` needs of the way).
        backward: (what it needs, gradient of something in the answers) -> the gradient in the pictures.
        joint: both in one: (pictures, gradient in the answers) -> (answers, gradient in the pictures).
    """

    forward: fx.GraphModule
    backward: fx.GraphModule
    joint: fx.GraphModule


def record(function: Function, example: Tensor) -> JointGraph:
    """The graphs of a function of pictures.

    Args:
        function: pictures (n, 3, h, w) to answers (n, m); each picture is answered for itself.
        example: one picture, (1, 3, h, w).

    Raises:
        UnsupportedOpError: it does something that cannot be written down. The function's own errors pass.
    """
    x = example.detach().repeat(BATCH, 1, 1, 1).requires_grad_()
    with torch.enable_grad():
        kept = function(x)  # what is made once and kept is made now, and stays a constant
        recorder = AtenTracer(x=x, gradient=(gradient := torch.ones_like(kept)))
        with recorder:
            answers = function(x)
            (in_x,) = torch.autograd.grad(_Start.apply(answers, gradient), x)
    joint = recorder.result(answers, in_x)
    leave_out_copies(joint)
    fold_constants(joint)
    merge_equal(joint)
    fold_factors(joint)
    straighten(joint)
    _open_batch(joint)
    combine_products(joint)
    return cut(joint)


class _Start(torch.autograd.Function):
    """A number whose gradient in the answers is given.

    Giving that to `torch.autograd.grad` would import sympy: 80 MB, and a second.
    """

    @staticmethod
    def forward(ctx: Any, answers: Tensor, gradient: Tensor) -> Tensor:
        ctx.gradient = gradient
        return answers.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return ctx.gradient, None


def leave_out_copies(joint: fx.GraphModule) -> None:
    """Once the gradient's own operations are written down, what kept gradients back has done its work."""
    for node in joint.graph.nodes:
        if node.op == "call_function" and node.target in _NOTHING:
            node.replace_all_uses_with(cast(fx.Node, node.args[0]))
    tidy(joint)


def _open_batch(joint: fx.GraphModule) -> None:
    """Leave open each size that follows from the number of pictures: it is the first one, wherever one is written."""
    for node in joint.graph.nodes:
        if node.op != "call_function" or not node.args or not isinstance(given := node.args[0], fx.Node):
            continue
        if node.target in RESHAPING:
            sizes = list(node.meta["shape"])
            if given.op != "get_attr" and sizes and sizes[0] % BATCH == 0:
                sizes[0] = _OPEN
            node.target, node.args = aten.reshape.default, (given, sizes)
        elif node.target is aten.expand.default:
            sizes = list(node.meta["shape"])
            if len(given.meta["shape"]) != len(sizes) or given.meta["shape"][0] != BATCH:
                raise UnsupportedOpError("A constant is repeated for each picture.")
            node.args = (given, [_OPEN, *sizes[1:]])
    tidy(joint)


def cut(joint: fx.GraphModule) -> JointGraph:
    """The halves of a graph: what does not wait for the gradient of the answers goes ahead."""
    output = next(node for node in joint.graph.nodes if node.op == "output")
    answers, in_x = cast("tuple[fx.Node, fx.Node]", output.args[0])
    later: set[fx.Node] = set()
    for node in joint.graph.nodes:
        if (node.op == "placeholder" and node.target == "gradient") or any(
            given in later for given in node.all_input_nodes
        ):
            later.add(node)
    if answers in later or in_x not in later:
        raise UnsupportedOpError("The answers do not depend on the pictures.")
    ahead = [node for node in joint.graph.nodes if node not in later and node.op in ("placeholder", "call_function")]
    crossing = [node for node in ahead if any(user in later and user.op != "output" for user in node.users)]

    forward = part_of(joint, ahead, [node for node in ahead if node.op == "placeholder"], [answers, *crossing])
    backward_nodes = [node for node in joint.graph.nodes if node in later and node.op == "call_function"]
    gradient = next(node for node in later if node.op == "placeholder")
    return JointGraph(forward, part_of(joint, backward_nodes, [*crossing, gradient], [in_x]), joint)


def part_of(
    joint: fx.GraphModule, nodes: list[fx.Node], inputs: list[fx.Node], outputs: list[fx.Node]
) -> fx.GraphModule:
    """Some of a graph's nodes, in their order, as a graph of its own with these inputs and outputs."""
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for place, node in enumerate(inputs):
        copies[node] = graph.placeholder(f"given_{place}")
        copies[node].meta = dict(node.meta)

    def copy_of(node: fx.Node) -> fx.Node:
        if node not in copies:
            assert node.op == "get_attr", f"{node} comes before what it needs"
            copies[node] = graph.node_copy(node)
        return copies[node]

    for node in nodes:
        if node not in copies:
            copies[node] = graph.node_copy(node, copy_of)
    graph.output(tuple(copy_of(node) for node in outputs))
    graph.eliminate_dead_code()
    return fx.GraphModule(joint, graph)


def call(graph: fx.GraphModule, *given: Tensor) -> tuple[Tensor, ...]:
    """Run a graph in torch."""
    return cast("tuple[Tensor, ...]", cast(Any, graph)(*given))
