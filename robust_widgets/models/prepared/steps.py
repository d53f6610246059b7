"""A whole step of the step loop as one list of torch's own operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, fx

from robust_widgets.models.prepared.folding import add_constant, fold_constants, fold_factors, merge_equal, tidy
from robust_widgets.models.prepared.graphs import RESHAPING, leave_out_copies
from robust_widgets.models.prepared.products import combine_products
from robust_widgets.models.prepared.recorder import Recorder
from robust_widgets.models.prepared.straightening import straighten

aten = torch.ops.aten
_FILLED = {aten.ones_like.default: 1, aten.zeros_like.default: 0}
_SHAPING = (*RESHAPING, aten.squeeze.dim, aten.squeeze.dims, aten.squeeze.default, aten.unsqueeze.default)
Results: TypeAlias = "tuple[tuple[tuple[int, ...], torch.dtype], ...]"


@dataclass(frozen=True)
class StepGraph:
    """What a step does, for pictures of one size and number.

    Attributes:
        graph: (state) -> (the parts of the state that change, then the results).
        state: type of each of its inputs.
        changed: which parts of the state change.
        results: shape and type of each result.
    """

    graph: fx.GraphModule
    state: tuple[torch.dtype, ...]
    changed: tuple[int, ...]
    results: Results


def record_step(function: Callable[[], Sequence[Tensor]], state: Sequence[Tensor]) -> StepGraph:
    """The graph of a function that reads tensors and may change them in place.

    Args:
        function: gives its results; what it changes of the state is changed here, too.
        state: the tensors it may read and change. Numbers of no dimension may be float64; they are carried as float32.

    Raises:
        UnpreparableError: it does something that cannot be written down. The function's own errors pass.
    """
    recorder = Recorder(**{f"state_{place}": tensor for place, tensor in enumerate(state)})
    before = [recorder.node(tensor) for tensor in state]
    with recorder:
        results = function()
    changed = [place for place, tensor in enumerate(state) if recorder.node(tensor) is not before[place]]
    graph = recorder.result(*(state[place] for place in changed), *results)
    _fill(graph)
    leave_out_copies(graph)
    fold_constants(graph)
    merge_equal(graph)
    fold_factors(graph)
    straighten(graph)
    _settle_shapes(graph)
    combine_products(graph)
    described = tuple((tuple(tensor.shape), tensor.dtype) for tensor in results)
    return StepGraph(graph, tuple(tensor.dtype for tensor in state), tuple(changed), described)


def _fill(graph: fx.GraphModule) -> None:
    """What is of one number everywhere is a constant, because all sizes are known."""
    for node in list(graph.graph.nodes):
        value = node.args[1] if node.target is aten.full_like.default else _FILLED.get(node.target)
        if value is not None:
            made = torch.full(node.meta["shape"], value, dtype=node.meta["dtype"])
            node.replace_all_uses_with(add_constant(graph, node, made))
    tidy(graph)


def _settle_shapes(graph: fx.GraphModule) -> None:
    """Whatever only lays the same numbers out anew is a reshaping to a known shape."""
    for node in graph.graph.nodes:
        if node.target in _SHAPING:
            node.target, node.args = aten.reshape.default, (node.args[0], list(node.meta["shape"]))
        elif node.target is aten.expand.default:
            node.args = (node.args[0], list(node.meta["shape"]))
    tidy(graph)
