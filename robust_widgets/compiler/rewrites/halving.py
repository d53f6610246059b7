"""JointGraph that work in bfloat16, for CPUs that multiply in it.

With matrix units (AMX) that can be faster, with vectors alone it was slower where it was measured; so it is measured.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

import torch
from torch import Tensor, fx

from robust_widgets.compiler.rewrites.constant_folding import add_constant, constant, tidy
from robust_widgets.compiler.tracing.joint_graph import JointGraph

aten = torch.ops.aten
HALF = torch.bfloat16
_NORMALISING = (aten.sub.Tensor, aten.div.Tensor, aten.add.Tensor, aten.mul.Tensor)


def worth_trying() -> bool:
    """Whether this processor multiplies in bfloat16 at all; where it does not, that is known to be slower."""
    with suppress(AttributeError):  # undocumented, so a torch may lack them
        asked = cast(Any, torch.cpu)
        return bool(asked._is_amx_tile_supported() or asked._is_avx512_bf16_supported())
    return False


def halve(graphs: JointGraph) -> None:
    """Rewrite both graphs; pictures, their normalisation, answers and gradients stay float32."""
    forward, backward = graphs.forward, graphs.backward
    begin = _normalised(forward)
    kept = {
        node for node in forward.graph.nodes if node.op == "get_attr" and all(_before(u, begin) for u in node.users)
    }
    for graph in (forward, backward):
        for node in [node for node in graph.graph.nodes if node.op == "get_attr" and node not in kept]:
            value = cast(Tensor, constant(graph, node))
            if value.dtype == torch.float32:
                node.replace_all_uses_with(add_constant(graph, node, value.to(HALF)))
    _converted(forward, begin, HALF)
    answers, *rest = cast("tuple[fx.Node, ...]", _output(forward).args[0])
    with forward.graph.inserting_before(_output(forward)):
        full = forward.graph.call_method("to", (answers, torch.float32))
    _output(forward).args = ((full, *rest),)
    _converted(backward, [node for node in backward.graph.nodes if node.op == "placeholder"][-1], HALF)
    (gradient,) = cast("tuple[fx.Node]", _output(backward).args[0])
    with backward.graph.inserting_before(_output(backward)):
        full = backward.graph.call_method("to", (gradient, torch.float32))
    _output(backward).args = ((full,),)
    for graph in (forward, backward):
        tidy(graph)


def _normalised(graph: fx.GraphModule) -> fx.Node:
    """The pictures, after what alone is done to them with constants."""
    node = next(node for node in graph.graph.nodes if node.op == "placeholder")
    while len(node.users) == 1:
        (user,) = node.users
        others = [given for given in user.all_input_nodes if given is not node]
        if user.target not in _NORMALISING or any(constant(graph, other) is None for other in others):
            break
        node = user
    return node


def _before(node: fx.Node, end: fx.Node) -> bool:
    """Whether a node comes no later than the other; both of one graph."""
    return node is end or node < end


def _converted(graph: fx.GraphModule, node: fx.Node, dtype: torch.dtype) -> None:
    with graph.graph.inserting_after(node):
        converted = graph.graph.call_method("to", (node, dtype))
    converted.meta = dict(node.meta)
    node.replace_all_uses_with(converted, lambda user: user is not converted)


def _output(graph: fx.GraphModule) -> fx.Node:
    return next(node for node in graph.graph.nodes if node.op == "output")
