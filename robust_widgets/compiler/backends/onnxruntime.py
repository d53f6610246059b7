"""A network's two graphs in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from torch import Tensor, fx

from robust_widgets.compiler.backends.onnx_export import to_onnx
from robust_widgets.compiler.compiled_module import trim_heap
from robust_widgets.compiler.rewrites.constant_folding import (
    add_constant,
    fold_constants,
    fold_factors,
    merge_equal,
    tidy,
)
from robust_widgets.compiler.rewrites.products import combine_products
from robust_widgets.compiler.rewrites.transposed_convolutions import straighten
from robust_widgets.compiler.tracing.decompositions import UnsupportedOpError
from robust_widgets.compiler.tracing.joint_graph import RESHAPING, JointGraph, call, leave_out_copies
from robust_widgets.compiler.tracing.tracer import AtenTracer


class OrtModule:
    """The way forth and the way back of one network, for pictures of one size, float32 on the CPU.

    Args:
        graphs: of the network.
        example: one picture, (1, 3, h, w).
        threads: that carry out an operation.

    Raises:
        UnsupportedOpError: an operation has no counterpart in ONNX.
    """

    def __init__(self, graphs: JointGraph, example: Tensor, threads: int) -> None:
        with torch.no_grad():
            answers, *kept = call(graphs.forward, example)
        # They take turns: threads that wait by spinning would take the processor from each other.
        self._forward = session(to_onnx(graphs.forward, [example.dtype]), threads)
        types = [*(part.dtype for part in kept), answers.dtype]
        self._backward = session(to_onnx(graphs.backward, types), threads)
        self._width = answers.shape[1]
        self._picture = tuple(example.shape[1:])
        self._free: list[_Buffers] = []  # for one picture; those of many are large

    def forward(self, x: Tensor) -> tuple[Tensor, object]:
        x = x.contiguous()
        answers = torch.empty(len(x), self._width)
        free = self._free if len(x) == 1 else []
        held = _Held(free.pop() if free else _Buffers(self._forward, self._backward), free)
        held.buffers.run_forward(x, answers)
        return answers, held

    def backward(self, kept: object, gradient: Tensor) -> Tensor:
        in_x = torch.empty(len(gradient), *self._picture)
        cast(_Held, kept).buffers.run_backward(gradient.contiguous(), in_x)
        return in_x


class _Buffers:
    """Memory for what the way back needs of a way forth; the next way forth writes there again.

    To name these ten or more results anew at each step took a seventh of a small network's time.
    """

    def __init__(self, forward: Any, backward: Any) -> None:
        self._forward, self._backward = forward, backward
        self._there, self._back = forward.io_binding(), backward.io_binding()
        self._kept = len(forward.get_outputs()) - 1
        self._held = False

    def run_forward(self, x: Tensor, answers: Tensor) -> None:
        _bind(self._there.bind_input, "given_0", x)
        _bind(self._there.bind_output, "out_0", answers)
        if not self._held:
            for place in range(1, self._kept + 1):
                self._there.bind_output(f"out_{place}", "cpu")
        self._forward.run_with_iobinding(self._there)
        if not self._held:
            for place, value in enumerate(self._there.get_outputs()[1:]):
                self._there.bind_ortvalue_output(f"out_{place + 1}", value)
                self._back.bind_ortvalue_input(f"given_{place}", value)
            self._held = True

    def run_backward(self, gradient: Tensor, in_x: Tensor) -> None:
        _bind(self._back.bind_input, f"given_{self._kept}", gradient)
        _bind(self._back.bind_output, "out_0", in_x)
        self._backward.run_with_iobinding(self._back)


class _Held:
    """Buffers as long as a way back may come; then they are free for the next way forth."""

    def __init__(self, buffers: _Buffers, free: list[_Buffers]) -> None:
        self.buffers = buffers
        self._free = free

    def __del__(self) -> None:
        self._free.append(self.buffers)


def session(model: bytes, threads: int, *, spinning: bool = False) -> Any:
    """A session on the CPU.

    Args:
        model: an ONNX model, serialised.
        threads: that carry out an operation.
        spinning: they wait for the next operation without giving the processor away, as long as a run lasts.

    Raises:
        UnsupportedOpError: ONNX Runtime does not take it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Sizes that never change are reserved once without it; it would take half as much memory again.
    options.enable_cpu_mem_arena = not spinning
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has many, and gives them no common name
        raise UnsupportedOpError(str(error)) from error


def _bind(bind: Any, name: str, tensor: Tensor) -> None:
    bind(name, "cpu", 0, np.float32, tuple(tensor.shape), tensor.data_ptr())


aten = torch.ops.aten
_FILLED = {aten.ones_like.default: 1, aten.zeros_like.default: 0}
_SHAPING = (*RESHAPING, aten.squeeze.dim, aten.squeeze.dims, aten.squeeze.default, aten.unsqueeze.default)
Results: TypeAlias = "tuple[tuple[tuple[int, ...], torch.dtype], ...]"


@dataclass(frozen=True)
class TracedStep:
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


def record_step(function: Callable[[], Sequence[Tensor]], state: Sequence[Tensor]) -> TracedStep:
    """The graph of a function that reads tensors and may change them in place.

    Args:
        function: gives its results; what it changes of the state is changed here, too.
        state: the tensors it may read and change. Numbers of no dimension may be float64; they are carried as float32.

    Raises:
        UnsupportedOpError: it does something that cannot be written down. The function's own errors pass.
    """
    recorder = AtenTracer(**{f"state_{place}": tensor for place, tensor in enumerate(state)})
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
    return TracedStep(graph, tuple(tensor.dtype for tensor in state), tuple(changed), described)


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


_TYPES = {torch.float64: np.float64, torch.bool: np.bool_, torch.int64: np.int64, torch.uint8: np.uint8}


def step_sessions(step: TracedStep, state: Sequence[Tensor], threads: Iterable[int]) -> dict[int, StepSession]:
    """A session of a step for each number of threads.

    Args:
        step: the recorded step; kept by nobody else, its weights are let go on the way.
        state: the tensors it was recorded with, on the CPU, each in rows; they are read and written where they lie.
        threads: that carry out an operation.

    Raises:
        UnsupportedOpError: an operation has no counterpart in ONNX.
    """
    model = to_onnx(step.graph, step.state, sized=True)
    changed, results = step.changed, step.results
    del step  # with its weights, which the model has copies of, before the sessions make theirs
    trim_heap()
    return {count: StepSession(model, state, changed, results, count) for count in threads}


class StepSession:
    """One step a call: it reads its state, and writes what changes back there."""

    def __init__(
        self, model: bytes, state: Sequence[Tensor], changed: Sequence[int], results: Results, threads: int
    ) -> None:
        # One session, whose operations follow each other closely: its threads wait for the next one by spinning.
        self._session = session(model, threads, spinning=True)
        self._bound = self._session.io_binding()
        self._state = list(state)
        for given in self._session.get_inputs():  # not all of the state counts for a step
            tensor = state[int(given.name.removeprefix("given_"))]
            self._bind(self._bound.bind_input, given.name, tensor)
        following = [torch.empty_like(state[place]) for place in changed]
        self._results = [torch.empty(shape, dtype=dtype) for shape, dtype in results]
        for place, tensor in enumerate([*following, *self._results]):
            self._bind(self._bound.bind_output, f"out_{place}", tensor)
        self._written = [(state[to].numpy(), new.numpy()) for to, new in zip(changed, following, strict=True)]

    def __call__(self) -> list[npt.NDArray[Any]]:
        """Make a step; what it shows."""
        self._session.run_with_iobinding(self._bound)
        for place, new in self._written:
            np.copyto(place, new)  # torch's copy would wake its threads, which then take the processor from the next
        return [result.numpy().copy() for result in self._results]

    @staticmethod
    def _bind(bind: Any, name: str, tensor: Tensor) -> None:
        kind = _TYPES.get(tensor.dtype, np.float32)
        bind(name, "cpu", 0, kind, tuple(tensor.shape), tensor.data_ptr())
