"""The nodes and constants of an ONNX model while it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper
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
    """The ONNX nodes and constants written so far, in the model itself: each copy of the weights would be megabytes.

    Args:
        graph: what is written.
        sized: the number of pictures is known, and what looks at them together can be written.
    """

    def __init__(self, graph: fx.GraphModule, sized: bool) -> None:
        self.graph = graph
        self.sized = sized
        self.model = onnx.ModelProto()
        self.names: dict[fx.Node, str] = {}
        self._constants: set[str] = set()

    def name(self, value: object) -> str:
        """The name of a node's result, of a constant, or of a number."""
        if isinstance(value, fx.Node):
            if value.op == "get_attr" and value.name not in self._constants:
                tensor = cast(torch.Tensor, constant(self.graph, value))
                self._keep(value.name, tensor.cpu().contiguous().numpy())
            return self.names.get(value, value.name)
        return self.array(np.array(value, np.float32))

    def array(self, values: Any) -> str:
        """The name of a constant."""
        name = f"number_{len(self._constants)}"
        self._keep(name, np.asarray(values))
        return name

    def _keep(self, name: str, values: npt.NDArray[Any]) -> None:
        self._constants.add(name)
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        self.model.graph.initializer.add(name=name, data_type=kind, dims=values.shape, raw_data=values.tobytes())

    def integers(self, values: Sequence[int]) -> str:
        """The name of a list of integers."""
        return self.array(np.array(values, np.int64))

    def write(self, kind: str, *inputs: object, outputs: int = 1, **attributes: Any) -> str:
        """Write an operation; the name of its first result."""
        first = f"result_{len(self.model.graph.node)}"
        names = [first, *(f"{first}_{place}" for place in range(1, outputs))]
        given = ["" if value is None else value if isinstance(value, str) else self.name(value) for value in inputs]
        self.model.graph.node.append(helper.make_node(kind, given, names, **attributes))
        return first
