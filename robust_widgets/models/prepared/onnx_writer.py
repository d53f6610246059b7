"""The nodes and constants of an ONNX model while it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import fx

from robust_widgets.models.prepared.folding import constant

TYPES = {
    torch.float32: TensorProto.FLOAT,
    torch.float64: TensorProto.DOUBLE,
    torch.bool: TensorProto.BOOL,
    torch.int64: TensorProto.INT64,
    torch.uint8: TensorProto.UINT8,
}
Rule: TypeAlias = Callable[["Writer", fx.Node], str]


class Writer:
    """The ONNX nodes and constants written so far.

    Args:
        graph: what is written.
        sized: the number of pictures is known, and what looks at them together can be written.
    """

    def __init__(self, graph: fx.GraphModule, sized: bool) -> None:
        self.graph = graph
        self.sized = sized
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, TensorProto] = {}
        self.names: dict[fx.Node, str] = {}

    def name(self, value: object) -> str:
        """The name of a node's result, of a constant, or of a number."""
        if isinstance(value, fx.Node):
            if value.op == "get_attr" and value.name not in self.constants:
                tensor = cast(torch.Tensor, constant(self.graph, value))
                self.constants[value.name] = numpy_helper.from_array(tensor.cpu().contiguous().numpy(), value.name)
            return self.names.get(value, value.name)
        return self.array(np.array(value, np.float32))

    def array(self, values: Any) -> str:
        """The name of a constant."""
        name = f"number_{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(np.asarray(values), name)
        return name

    def integers(self, values: Sequence[int]) -> str:
        """The name of a list of integers."""
        return self.array(np.array(values, np.int64))

    def write(self, kind: str, *inputs: object, outputs: int = 1, **attributes: Any) -> str:
        """Write an operation; the name of its first result."""
        first = f"result_{len(self.nodes)}"
        names = [first, *(f"{first}_{place}" for place in range(1, outputs))]
        given = ["" if value is None else value if isinstance(value, str) else self.name(value) for value in inputs]
        self.nodes.append(helper.make_node(kind, given, names, **attributes))
        return first
