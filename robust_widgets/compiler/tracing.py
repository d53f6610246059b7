"""Trace ATen operations into a joint graph, and partition it into a forward and a backward graph.

`make_fx` would trace as well, but it imports sympy and torch's compiler, which takes longer than a trace and 80 MB, and
it keeps in-place operations, which ONNX does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import getitem
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, fx
from torch.autograd import Variable
from torch.fx.node import map_aggregate
from torch.utils._python_dispatch import TorchDispatchMode

from robust_widgets.compiler.decompositions import DECOMPOSITIONS, UnsupportedOpError
from robust_widgets.compiler.rewrites import (
    fold_constants,
    fold_factors,
    fuse_products,
    remove_dead_code,
    replace_transposed,
)

aten = torch.ops.aten
Decompositions: TypeAlias = "Mapping[Any, Callable[..., Any]]"
Output: TypeAlias = tuple[tuple[int, ...], torch.dtype]
_Memory: TypeAlias = tuple[int, int, tuple[int, ...], tuple[int, ...]]

MAX_BYTES = 4 * 2**30  # of all results of a trace, which stay alive while it is recorded
_ATTENTION = "_scaled_dot_product"


class AtenTracer(TorchDispatchMode):
    """While active, records each operation as a node. Tensors that are no inputs become constants of the graph.

    Args:
        inputs: the graph's inputs, by name.
        decompositions: replaces operations, besides `DECOMPOSITIONS`.
    """

    def __init__(self, inputs: Mapping[str, Tensor], decompositions: Decompositions) -> None:
        super().__init__()
        self._decompositions = {**DECOMPOSITIONS, **decompositions}
        self._graph = fx.Graph()
        self._root = torch.nn.Module()
        self._alive: list[Tensor] = []  # an address identifies a tensor only while all of them live
        self._bytes = 0
        self._nodes: dict[int | _Memory, fx.Node] = {}  # by identity, and by memory
        for name, tensor in inputs.items():
            self._remember(tensor, self._graph.placeholder(name))

    def graph(self, *outputs: Tensor) -> fx.GraphModule:
        """The graph that returns these tensors."""
        self._graph.output(tuple(self.node(output) for output in outputs))
        return fx.GraphModule(self._root, self._graph)

    def node(self, tensor: Tensor) -> fx.Node:
        """The node that computed a tensor; a new constant if none did."""
        node = self._nodes.get(id(tensor)) or self._nodes.get(_memory(tensor))
        if node is None:
            name = f"constant_{len(self._alive)}"
            self._root.register_buffer(name, tensor.detach(), persistent=False)
            node = self._graph.get_attr(name)
            self._remember(tensor, node)
        return node

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False, because skipping imports torch's compiler."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        decomposition = self._decompositions.get(func)
        if decomposition is not None:
            with self:
                result = decomposition(*args, **kwargs)
            if result is not NotImplemented:
                return result
        if func.overloadpacket.__name__.startswith(_ATTENTION):
            raise UnsupportedOpError("Attention is fast already.")
        if func._schema.is_mutable:
            return self._functionalise(func, args, kwargs)
        node_args, node_kwargs = (map_aggregate(part, self._as_node) for part in (args, kwargs))
        result = func(*args, **kwargs)
        if func is aten.convolution.default:
            # Pooling copies channels-last results with operations that have no ONNX counterpart.
            result = result.clone(memory_format=torch.contiguous_format)
        node = self._graph.call_function(func, cast(Any, node_args), cast(Any, node_kwargs))
        if isinstance(result, Tensor):
            self._remember(result, node)
        elif isinstance(result, (tuple, list)):
            for place, part in enumerate(cast("tuple[object, ...]", result)):
                if isinstance(part, Tensor):
                    self._remember(part, self._graph.call_function(getitem, (node, place)))
        return result

    def _functionalise(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """Record an in-place operation as the one that returns a new tensor."""
        name: str = func.overloadpacket.__name__
        functional = getattr(getattr(aten, name.removesuffix("_"), None), func._overloadname, None)
        if not name.endswith("_") or functional is None or args[0]._is_view():
            raise UnsupportedOpError(f"{name} changes a tensor that others may see.")
        with self:
            result = functional(*args, **kwargs)
        self._remember(args[0].copy_(result), self.node(result))
        return args[0]

    def _as_node(self, value: Any) -> Any:
        return self.node(value) if isinstance(value, Tensor) else value

    def _remember(self, tensor: Tensor, node: fx.Node) -> None:
        node.meta["shape"], node.meta["dtype"] = tuple(tensor.shape), tensor.dtype
        self._alive.append(tensor)
        self._bytes += tensor.nbytes
        if self._bytes > MAX_BYTES:
            raise UnsupportedOpError(f"Its results take more than {MAX_BYTES >> 30} GB.")
        self._nodes[id(tensor)] = self._nodes[_memory(tensor)] = node


def _memory(tensor: Tensor) -> _Memory:
    """Identifies the memory that a tensor views: autograd hands out new tensors for the same memory."""
    offset = int(tensor.storage_offset())
    return tensor.untyped_storage().data_ptr(), offset, tuple(tensor.shape), tuple(tensor.stride())


Function: TypeAlias = Callable[[Tensor], Tensor]

BATCH = 3  # pictures in a trace; a size that is a multiple of it in the first dimension is left open
_OPEN = -1
_RESHAPES = (
    *(aten.view.default, aten._unsafe_view.default, aten.reshape.default),
    *(aten.squeeze.dim, aten.squeeze.dims, aten.squeeze.default, aten.unsqueeze.default),
)
_COPIES = (
    *(aten.detach.default, aten.clone.default, aten.alias.default, aten.lift_fresh_copy.default),
    aten.conj_physical.default,  # all numbers are real
)


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
            # torch.autograd.grad with a gradient of the outputs imports sympy: 80 MB, 1 s.
            (x_gradient,) = Variable._execution_engine.run_backward(  # pyright: ignore[reportPrivateUsage]
                (outputs,), (gradient,), False, False, (x,), allow_unreachable=False, accumulate_grad=False
            )
    joint = tracer.graph(outputs, x_gradient)
    rewrite(joint)
    fix_shapes(joint, open_batch=True)
    fuse_products(joint)
    return _partition(joint)


def rewrite(graph: fx.GraphModule) -> None:
    """The rewrites that every backend needs."""
    for node in graph.graph.nodes:
        same_dtype = node.target is aten.to.dtype and node.args[0].meta["dtype"] == node.meta["dtype"]
        if node.target in _COPIES or same_dtype:
            node.replace_all_uses_with(cast(fx.Node, node.args[0]))
    fold_constants(graph)
    fold_factors(graph)
    replace_transposed(graph)


def fix_shapes(graph: fx.GraphModule, *, open_batch: bool = False) -> None:
    """Replace all kinds of reshaping by one with a known shape.

    Args:
        graph: a trace.
        open_batch: leave the number of pictures open, which comes first in every shape.
    """
    for node in graph.graph.nodes:
        expands = node.target is aten.expand.default
        if not expands and node.target not in _RESHAPES:
            continue
        source, sizes = cast(fx.Node, node.args[0]), list(node.meta["shape"])
        if open_batch and expands and (len(source.meta["shape"]) != len(sizes) or source.meta["shape"][0] != BATCH):
            raise UnsupportedOpError("A constant is repeated for each picture.")
        if open_batch and sizes and sizes[0] % BATCH == 0 and source.op != "get_attr":
            sizes[0] = _OPEN
        node.target, node.args = aten.expand.default if expands else aten.reshape.default, (source, sizes)
    remove_dead_code(graph)


def _partition(joint: fx.GraphModule) -> JointGraph:
    """Split a graph: what does not depend on the gradient of the outputs is the forward pass."""
    (output,) = joint.graph.find_nodes(op="output")
    outputs, x_gradient = cast("tuple[fx.Node, fx.Node]", output.args[0])
    (x, gradient) = joint.graph.find_nodes(op="placeholder")
    later = {gradient}
    for node in joint.graph.nodes:
        if not later.isdisjoint(node.all_input_nodes):
            later.add(node)
    if outputs in later or x_gradient not in later:
        raise UnsupportedOpError("The outputs do not depend on the pictures.")
    ahead = [node for node in joint.graph.nodes if node not in later and node.op != "get_attr"]
    saved = [node for node in ahead if any(user in later and user is not output for user in node.users)]
    return JointGraph(_subgraph(joint, [x], [outputs, *saved]), _subgraph(joint, [*saved, gradient], [x_gradient]))


def _subgraph(joint: fx.GraphModule, inputs: Sequence[fx.Node], outputs: Sequence[fx.Node]) -> fx.GraphModule:
    """The part of a graph that computes these outputs from these inputs."""
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for place, node in enumerate(inputs):
        copies[node] = graph.placeholder(f"input_{place}")
        copies[node].meta = dict(node.meta)
    for node in joint.graph.nodes:
        known = node in copies or node.op in ("placeholder", "output")
        if not known and all(source in copies for source in node.all_input_nodes):
            copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(tuple(copies[node] for node in outputs))
    graph.eliminate_dead_code()
    return fx.GraphModule(joint, graph)


def outputs_of(graph: fx.GraphModule) -> list[Output]:
    """Shape and dtype of each output, in a trace."""
    (output,) = graph.graph.find_nodes(op="output")
    return [(node.meta["shape"], node.meta["dtype"]) for node in cast("tuple[fx.Node, ...]", output.args[0])]
