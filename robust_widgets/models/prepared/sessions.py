"""A network's two graphs in ONNX Runtime."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from robust_widgets.models.prepared.decompositions import UnpreparableError
from robust_widgets.models.prepared.graphs import Graphs, call
from robust_widgets.models.prepared.onnx_graph import to_onnx


class OnnxPasses:
    """The way forth and the way back of one network, for pictures of one size, float32 on the CPU.

    Args:
        graphs: of the network.
        example: one picture, (1, 3, h, w).
        threads: that carry out an operation.

    Raises:
        UnpreparableError: an operation has no counterpart in ONNX.
    """

    def __init__(self, graphs: Graphs, example: Tensor, threads: int) -> None:
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
        UnpreparableError: ONNX Runtime does not take it.
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
        raise UnpreparableError(str(error)) from error


def _bind(bind: Any, name: str, tensor: Tensor) -> None:
    bind(name, "cpu", 0, np.float32, tuple(tensor.shape), tensor.data_ptr())
