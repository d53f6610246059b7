"""A network's two graphs in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import onnxruntime
import torch
from torch import Tensor, fx

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
        self._forward = _session(graphs.forward, [example.dtype], threads)
        self._backward = _session(graphs.backward, [*(part.dtype for part in kept), answers.dtype], threads)
        self._width = answers.shape[1]
        self._picture = tuple(example.shape[1:])

    def forward(self, x: Tensor) -> tuple[Tensor, object]:
        binding = self._forward.io_binding()
        x = x.contiguous()
        _bind(binding.bind_input, "given_0", x)
        answers = torch.empty(len(x), self._width)
        _bind(binding.bind_output, "out_0", answers)
        outputs = len(self._forward.get_outputs())
        for place in range(1, outputs):
            binding.bind_output(f"out_{place}", "cpu")
        self._forward.run_with_iobinding(binding)
        return answers, binding.get_outputs()[1:]

    def backward(self, kept: object, gradient: Tensor) -> Tensor:
        binding = self._backward.io_binding()
        values = cast("Sequence[Any]", kept)
        for place, value in enumerate(values):
            binding.bind_ortvalue_input(f"given_{place}", value)
        gradient = gradient.contiguous()
        _bind(binding.bind_input, f"given_{len(values)}", gradient)
        in_x = torch.empty(len(gradient), *self._picture)
        _bind(binding.bind_output, "out_0", in_x)
        self._backward.run_with_iobinding(binding)
        return in_x


def _session(graph: fx.GraphModule, input_types: Sequence[torch.dtype], threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Two sessions take turns: threads that wait by spinning would take the processor from each other.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    model = to_onnx(graph, input_types)
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has many, and gives them no common name
        raise UnpreparableError(str(error)) from error


def _bind(bind: Any, name: str, tensor: Tensor) -> None:
    bind(name, "cpu", 0, np.float32, tuple(tensor.shape), tensor.data_ptr())
