"""Activations and their gradients as torch's own operations again, of which each goes over the numbers once.

They are recorded in parts (`decompositions`), as ONNX has them. Carried out by torch, each part is a pass over memory:
with a ResNet-50 on two cores that took a third of the whole.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import fx

from robust_widgets.compiler.rewrites.constant_folding import constant, tidy
from robust_widgets.compiler.tracing.joint_graph import JointGraph, cut

aten = torch.ops.aten


def with_whole_activations(graphs: JointGraph) -> JointGraph:
    """The same, with the rectifier's gradient, and SiLU and its gradient, in place of their parts."""
    copied = fx.Graph()
    outputs = copied.graph_copy(graphs.joint.graph, {})
    copied.output(cast(Any, outputs))
    joint = fx.GraphModule(graphs.joint, copied)
    for node in list(joint.graph.nodes):
        if node.op != "call_function":
            continue
        if node.target in (aten.where.ScalarOther, aten.where.self):
            _rectifier_backward(joint, node)
        elif node.target is aten.sigmoid.default:
            _silu(joint, node)
    tidy(joint)
    return cut(joint)


def _rectifier_backward(joint: fx.GraphModule, node: fx.Node) -> None:
    """where(x > t, gradient, 0) is threshold_backward(gradient, x, t)."""
    open_where, gradient, otherwise = node.args
    if not isinstance(open_where, fx.Node) or open_where.target is not aten.gt.Scalar:
        return
    zero = otherwise if isinstance(otherwise, (int, float)) else constant(joint, otherwise)
    if zero is None or bool(torch.as_tensor(zero).any()):
        return
    x, threshold = open_where.args
    if isinstance(gradient, fx.Node) and isinstance(x, fx.Node) and gradient.meta["shape"] == x.meta["shape"]:
        _replace(joint, node, aten.threshold_backward.default, gradient, x, threshold)


def _silu(joint: fx.GraphModule, gate: fx.Node) -> None:
    """With gate = sigmoid(x): x * gate is silu(x), and gradient * (x * gate + gate * (1 - x * gate)) its gradient."""
    x = gate.args[0]
    out = next(
        (user for user in gate.users if _is(user, aten.mul.Tensor) and user.args in ((x, gate), (gate, x))), None
    )
    if out is None:
        return
    for slope in [user for user in out.users if _is(user, aten.add.Tensor) and user.args[0] is out]:
        rest = slope.args[1]
        if not isinstance(rest, fx.Node) or not _is(rest, aten.mul.Tensor) or rest.args[0] is not gate:
            continue
        one_less = rest.args[1]
        if not isinstance(one_less, fx.Node) or not _is(one_less, aten.sub.Tensor) or one_less.args != (1, out):
            continue
        for product in [user for user in slope.users if _is(user, aten.mul.Tensor)]:
            gradient = product.args[1] if product.args[0] is slope else product.args[0]
            if isinstance(gradient, fx.Node) and gradient.meta["shape"] == product.meta["shape"]:
                _replace(joint, product, aten.silu_backward.default, gradient, x)
    _replace(joint, out, aten.silu.default, x)


def _is(node: fx.Node, target: object) -> bool:
    return node.op == "call_function" and node.target is target


def _replace(joint: fx.GraphModule, node: fx.Node, target: Any, *given: object) -> None:
    with joint.graph.inserting_before(node):
        whole = joint.graph.call_function(target, cast(Any, given))
    whole.meta = dict(node.meta)
    node.replace_all_uses_with(whole)
    joint.graph.erase_node(node)
