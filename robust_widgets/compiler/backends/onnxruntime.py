"""Runs traced networks, and whole steps of a run, in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from torch import Tensor, fx

from robust_widgets._machine import trim_heap
from robust_widgets.compiler.backends.onnx_export import to_onnx
from robust_widgets.compiler.decompositions import ACTIVATIONS, UnsupportedOpError
from robust_widgets.compiler.rewrites import add_constant, fuse_products, remove_dead_code
from robust_widgets.compiler.tracing import AtenTracer, JointGraph, Output, fix_shapes, outputs_of, rewrite

aten = torch.ops.aten


class OrtModule:
    """The forward and backward pass of a network for pictures of one size, float32 on the CPU.

    Args:
        graphs: a trace without `ACTIVATIONS`.
        threads: number of threads per operation.

    Raises:
        UnsupportedOpError: an operation cannot be exported.
    """

    def __init__(self, graphs: JointGraph, threads: int) -> None:
        self._forward = create_session(to_onnx(graphs.forward), threads)
        self._backward = create_session(to_onnx(graphs.backward), threads)
        self._width, self._picture = (outputs_of(graph)[0][0][1:] for graph in (graphs.forward, graphs.backward))

    def forward(self, x: Tensor) -> tuple[Tensor, object]:
        x, outputs = x.contiguous(), _empty((len(x), *self._width))
        binding = self._forward.io_binding()
        _bind(binding.bind_input, "input_0", x)
        _bind(binding.bind_output, "output_0", outputs)
        for output in self._forward.get_outputs()[1:]:
            binding.bind_output(output.name, "cpu")
        self._forward.run_with_iobinding(binding)
        return outputs, binding.get_outputs()[1:]

    def backward(self, saved: Any, gradient: Tensor) -> Tensor:
        gradient, x_gradient = gradient.contiguous(), _empty((len(gradient), *self._picture))
        binding = self._backward.io_binding()
        for place, value in enumerate(saved):
            binding.bind_ortvalue_input(f"input_{place}", value)
        _bind(binding.bind_input, f"input_{len(saved)}", gradient)
        _bind(binding.bind_output, "output_0", x_gradient)
        self._backward.run_with_iobinding(binding)
        return x_gradient


def create_session(model: bytes, threads: int, *, spinning: bool = False) -> Any:
    """A session on the CPU.

    Args:
        model: a serialised ONNX model.
        threads: number of threads per operation.
        spinning: threads wait for the next operation of a run without yielding the CPU. Two sessions that alternate
            must not: each one's threads would keep the CPU from the other's.

    Raises:
        UnsupportedOpError: ONNX Runtime rejects the model.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = not spinning  # without it, memory for fixed sizes is reserved once: a third less
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise UnsupportedOpError(str(error)) from error


def _empty(shape: Sequence[int], dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(*shape, dtype=dtype, device="cpu")


def _bind(bind: Any, name: str, tensor: Tensor) -> None:
    bind(name, "cpu", 0, tensor.numpy().dtype.type, tuple(tensor.shape), tensor.data_ptr())


_FILLED = {aten.ones_like.default: 1, aten.zeros_like.default: 0}


def record_step(
    function: Callable[[], Sequence[Tensor]], state: Sequence[Tensor], threads: Iterable[int]
) -> dict[int, StepSession]:
    """Trace a function that reads tensors and may change them in place, and compile it for pictures of one number.

    Args:
        function: returns its results. It is called, and changes the state.
        state: the tensors it may read and change, contiguous on the CPU; the sessions read and write their memory.
            Scalars may be float64; they become float32.
        threads: numbers of threads per operation; there is one session for each.

    Raises:
        UnsupportedOpError: an operation cannot be traced or exported. The function's own errors pass.
    """
    graph, changed = trace_step(function, state)
    model, outputs = to_onnx(graph, fixed_batch=True), outputs_of(graph)[len(changed) :]
    del graph  # its weights are freed before the sessions copy them
    trim_heap()
    return {count: StepSession(model, state, changed, outputs, count) for count in threads}


def trace_step(
    function: Callable[[], Sequence[Tensor]], state: Sequence[Tensor]
) -> tuple[fx.GraphModule, Sequence[int]]:
    """The graph from the state to its changed tensors and the results, and the indices of the changed ones."""
    tracer = AtenTracer({f"state_{place}": tensor for place, tensor in enumerate(state)}, ACTIVATIONS)
    before = [tracer.node(tensor) for tensor in state]
    with tracer:
        results = function()
    changed = [place for place, tensor in enumerate(state) if tracer.node(tensor) is not before[place]]
    graph = tracer.graph(*(state[place] for place in changed), *results)
    _fix_values(graph)
    rewrite(graph)
    fix_shapes(graph)
    fuse_products(graph)
    return graph, changed


def _fix_values(graph: fx.GraphModule) -> None:
    """Replace tensors filled with one number by constants, as all shapes are known."""
    for node in list(graph.graph.nodes):
        value = node.args[1] if node.target is aten.full_like.default else _FILLED.get(node.target)
        if value is not None:
            filled = torch.full(node.meta["shape"], value, dtype=node.meta["dtype"])
            node.replace_all_uses_with(add_constant(graph, node, filled))
    remove_dead_code(graph)


class StepSession:
    """Each call makes a step: it reads the state and writes its changes back."""

    def __init__(
        self, model: bytes, state: Sequence[Tensor], changed: Sequence[int], results: Sequence[Output], threads: int
    ) -> None:
        self._session = create_session(model, threads, spinning=True)
        self._binding = self._session.io_binding()
        self._state = list(state)
        for source in self._session.get_inputs():  # a step may not use all of the state
            _bind(self._binding.bind_input, source.name, state[int(source.name.removeprefix("input_"))])
        following = [torch.empty_like(state[place]) for place in changed]
        self._results = [_empty(*result) for result in results]
        for place, tensor in enumerate([*following, *self._results]):
            _bind(self._binding.bind_output, f"output_{place}", tensor)
        self._written = [(state[to].numpy(), new.numpy()) for to, new in zip(changed, following, strict=True)]

    def __call__(self) -> list[npt.NDArray[Any]]:
        """Make a step and return its results."""
        self._session.run_with_iobinding(self._binding)
        for old, new in self._written:
            np.copyto(old, new)  # torch's copy would wake its threads, which slow the next step
        return [result.numpy().copy() for result in self._results]
