"""Writes down torch's own operations as they are carried out.

torch's graph tracers would do that, too, and import torch's compiler first, which takes longer than a run.
"""

from __future__ import annotations

from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, fx
from torch.fx.node import map_aggregate
from torch.utils._python_dispatch import TorchDispatchMode

from robust_widgets.compiler.tracing.decompositions import DECOMPOSITIONS, UnsupportedOpError

aten = torch.ops.aten
_Key: TypeAlias = tuple[int, int, tuple[int, ...], tuple[int, ...]]


MOST_BYTES = 4 * 2**30  # of all results that are kept while recording
_ATTENTION = "_scaled_dot_product"


class AtenTracer(TorchDispatchMode):
    """While it is on, each operation becomes a node of a graph; a tensor nobody gave is a constant of the graph.

    Args:
        inputs: the tensors that stay open, by name.
    """

    def __init__(self, **inputs: Tensor) -> None:
        super().__init__()
        self._graph = fx.Graph()
        self._root = torch.nn.Module()
        self._alive: list[Tensor] = []  # an address belongs to one tensor while all live
        self._bytes = 0
        self._by_identity: dict[int, fx.Node] = {}
        self._by_place: dict[_Key, fx.Node] = {}
        for name, tensor in inputs.items():
            self._remember(tensor, self._graph.placeholder(name))

    def result(self, *outputs: Tensor) -> fx.GraphModule:
        """The graph whose outputs these tensors are."""
        self._graph.output(tuple(self.node(output) for output in outputs))
        return fx.GraphModule(self._root, self._graph)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: keeping torch's compiler off would import it first, which takes longer than a run."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        simpler = DECOMPOSITIONS.get(func)
        if simpler is not None:
            with self:
                out = simpler(*args, **kwargs)
            if out is not NotImplemented:
                return out
        if func.overloadpacket.__name__.startswith(_ATTENTION):
            raise UnsupportedOpError("Attention is fast already.")
        if func._schema.is_mutable:
            return self._changed(func, args, kwargs)
        given = [map_aggregate(part, self._as_node) for part in (args, kwargs)]
        out = func(*args, **kwargs)
        if func is aten.convolution.default:
            # Channels that lie last are described anew by pooling, which cannot be written down.
            out = out.clone(memory_format=torch.contiguous_format)
        node = self._graph.call_function(func, cast("tuple[Any, ...]", given[0]), cast("dict[str, Any]", given[1]))
        if isinstance(out, Tensor):
            self._remember(out, node)
        elif isinstance(out, (tuple, list)):
            for place, part in enumerate(cast("tuple[object, ...]", out)):
                if isinstance(part, Tensor):
                    self._remember(part, self._graph.call_function(item, (node, place)))
        return out

    def _changed(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """An operation that changes its first input, recorded as the one that makes a new tensor."""
        name: str = func.overloadpacket.__name__
        plain = getattr(getattr(aten, name.removesuffix("_"), None), func._overloadname, None)
        if not name.endswith("_") or plain is None or args[0]._is_view():
            raise UnsupportedOpError(f"{name} changes a tensor that others may see.")
        with self:
            result = plain(*args, **kwargs)
        self._remember(args[0].copy_(result), self.node(result))
        return args[0]

    def _as_node(self, value: Any) -> Any:
        return self.node(value) if isinstance(value, Tensor) else value

    def node(self, tensor: Tensor) -> fx.Node:
        """The node that a tensor is the result of; a constant's where nobody gave it."""
        node = self._by_identity.get(id(tensor)) or self._by_place.get(_place(tensor))
        if node is None:
            name = f"constant_{len(self._alive)}"
            self._root.register_buffer(name, tensor.detach(), persistent=False)
            node = self._graph.get_attr(name)
            self._remember(tensor, node)
        return node

    def _remember(self, tensor: Tensor, node: fx.Node) -> None:
        node.meta["shape"], node.meta["dtype"] = tuple(tensor.shape), tensor.dtype
        self._alive.append(tensor)
        self._bytes += tensor.nbytes
        if self._bytes > MOST_BYTES:
            raise UnsupportedOpError("It is too large to be watched.")
        self._by_identity[id(tensor)] = node
        self._by_place[_place(tensor)] = node


def item(values: Any, place: int) -> Any:
    """One of several results of an operation."""
    return values[place]


def _place(tensor: Tensor) -> _Key:
    """What two views of the same numbers have in common; autograd hands out such in a tensor's place."""
    offset = int(tensor.storage_offset())
    return tensor.untyped_storage().data_ptr(), offset, tuple(tensor.shape), tuple(tensor.stride())
