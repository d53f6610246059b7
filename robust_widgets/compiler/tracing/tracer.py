"""Traces ATen operations into an `fx` graph.

`make_fx` would do that as well, but it imports sympy and torch's compiler, which takes longer than a trace and 80 MB,
and it keeps in-place operations, which ONNX does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import getitem
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, fx
from torch.fx.node import map_aggregate
from torch.utils._python_dispatch import TorchDispatchMode

from robust_widgets.compiler.tracing.decompositions import DECOMPOSITIONS, UnsupportedOpError

aten = torch.ops.aten
Decompositions: TypeAlias = "Mapping[Any, Callable[..., Any]]"
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
        self._by_identity: dict[int, fx.Node] = {}
        self._by_memory: dict[_Memory, fx.Node] = {}
        for name, tensor in inputs.items():
            self._remember(tensor, self._graph.placeholder(name))

    def graph(self, *outputs: Tensor) -> fx.GraphModule:
        """The graph that returns these tensors."""
        self._graph.output(tuple(self.node(output) for output in outputs))
        return fx.GraphModule(self._root, self._graph)

    def node(self, tensor: Tensor) -> fx.Node:
        """The node that computed a tensor; a new constant if none did."""
        node = self._by_identity.get(id(tensor)) or self._by_memory.get(_memory(tensor))
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
        self._by_identity[id(tensor)] = node
        self._by_memory[_memory(tensor)] = node


def _memory(tensor: Tensor) -> _Memory:
    """Identifies the memory that a tensor views: autograd hands out new tensors for the same memory."""
    offset = int(tensor.storage_offset())
    return tensor.untyped_storage().data_ptr(), offset, tuple(tensor.shape), tuple(tensor.stride())
