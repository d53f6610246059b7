"""Runs of convolutions that oneDNN compiles as a whole, to which TorchScript brings them.

To set a convolution up anew costs 35 us each time, and a ResNet-50 has 110 of them on its two ways; in a compiled run
that is done once. Its way forth and back takes 3 to 5 % less time so, and 200 MB more.

TorchScript grows old, and compiles for one size of pictures in one number; `available` asks whether it still does.
"""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import getitem
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from robust_widgets.compiler.tracing.decompositions import UnsupportedOpError
from robust_widgets.compiler.tracing.joint_graph import JointGraph, part_of

aten = torch.ops.aten
WARM_UP = 3  # TorchScript watches a run, writes it anew, and has it compiled
_switched = threading.Lock()
_FUSED = "oneDNNFusionGroup"
_INSIDE = {
    *(torch.conv2d, aten.add.Tensor, aten.relu.default, aten.silu.default, aten.silu_backward.default),
    *(aten.threshold_backward.default, aten.threshold_backward.grad_input),
}


@functools.cache
def available() -> bool:
    """Whether this torch compiles a convolution so; asked once, in some 20 ms."""
    try:
        _compiled(nn.Conv2d(16, 16, 1).requires_grad_(False).eval(), [torch.ones(1, 16, 4, 4)])
    except Exception:  # TorchScript is gone, or knows no oneDNN
        return False
    return True


def compile_runs(graphs: JointGraph, example: Tensor) -> JointGraph:
    """The same with all runs of convolutions compiled, for pictures of the example's size, (1, 3, h, w), alone.

    Raises:
        UnsupportedOpError: a run was not compiled.
    """
    with torch.no_grad():
        forward, (answers, *kept) = _with_runs(graphs.forward, [example])
        backward, _ = _with_runs(graphs.backward, [*kept, torch.ones_like(answers)])
    return JointGraph(forward, backward, graphs.joint)


def _with_runs(graph: fx.GraphModule, given: Sequence[Tensor]) -> tuple[fx.GraphModule, tuple[Tensor, ...]]:
    """The graph with its runs compiled, and what it makes of the given."""
    written, modules = fx.Graph(), dict[str, nn.Module]()
    copies, interpreter = dict[fx.Node, fx.Node](), fx.Interpreter(graph)
    values = interpreter.env
    for node, value in zip(graph.graph.find_nodes(op="placeholder"), given, strict=True):
        copies[node], values[node] = written.placeholder(node.name), value
    for node in graph.graph.find_nodes(op="get_attr"):
        values[node] = getattr(graph, str(node.target))

    def copy_of(node: fx.Node) -> fx.Node:
        if node not in copies:
            copies[node] = written.node_copy(node, copy_of)
        return copies[node]

    calls = [node for node in graph.graph.nodes if node.op in ("call_function", "call_method")]
    for inside, group in groupby(calls, lambda node: node.target in _INSIDE):
        run = list(group)
        if not inside or not any(node.target is torch.conv2d for node in run):
            for node in run:
                copy_of(node)
                values[node] = interpreter.run_node(node)
            continue
        inputs, outputs = _ends(run)
        part, found = _compiled(part_of(graph, run, inputs, outputs), [values[node] for node in inputs])
        name = f"run_{len(modules)}"
        modules[name] = part
        results = written.create_node("call_module", name, tuple(map(copy_of, inputs)))
        for place, node in enumerate(outputs):
            copies[node], values[node] = written.call_function(getitem, (results, place)), found[place]
    (output,) = graph.graph.find_nodes(op="output")
    written.output(fx.map_arg(output.args[0], copy_of))
    attributes = {str(node.target): getattr(graph, str(node.target)) for node in written.find_nodes(op="get_attr")}
    return fx.GraphModule({**attributes, **modules}, written), fx.map_arg(output.args[0], values.__getitem__)


def _ends(run: Sequence[fx.Node]) -> tuple[list[fx.Node], list[fx.Node]]:
    """What a run is given, and what is asked of it afterwards."""
    inside = set(run)
    given = [one for node in run for one in node.all_input_nodes if one not in inside and one.op != "get_attr"]
    return list(dict.fromkeys(given)), [node for node in run if any(user not in inside for user in node.users)]


def _compiled(run: nn.Module, given: Sequence[Tensor]) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """A run compiled, and its results; a run may write over what it is given."""

    def copies() -> tuple[Tensor, ...]:
        return tuple(one.clone() for one in given)

    with torch.no_grad(), _compiling():
        script = cast(nn.Module, torch.jit.freeze(torch.jit.trace(run.eval(), copies(), check_trace=False)))
        results: Any = None
        for _ in range(WARM_UP):
            results = script(*copies())
        if _FUSED not in str(cast(Any, torch.jit).last_executed_optimized_graph()):
            raise UnsupportedOpError("TorchScript did not have a run of convolutions compiled.")
    return script, results


@contextmanager
def _compiling() -> Generator[None]:
    """TorchScript brings convolutions to oneDNN's compiler meanwhile, and does not say how old it is."""
    with _switched, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        usual = torch.jit.onednn_fusion_enabled()
        torch.jit.enable_onednn_fusion(True)
        try:
            yield
        finally:
            torch.jit.enable_onednn_fusion(usual)
