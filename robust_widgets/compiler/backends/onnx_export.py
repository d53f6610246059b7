"""Exports graphs of ATen operations to ONNX.

`torch.onnx.export` would take seconds, and needs onnxscript.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import getitem
from typing import Any, Concatenate, TypeAlias, cast

import numpy as np
import onnx
import torch
from onnx import helper
from torch import fx

from robust_widgets.compiler.decompositions import UnsupportedOpError
from robust_widgets.compiler.rewrites import constant

aten = torch.ops.aten
OPSET, IR_VERSION = 18, 9
Rule: TypeAlias = Callable[Concatenate["GraphWriter", ...], str]


def onnx_dtype(dtype: torch.dtype) -> int:
    """ONNX's number of a dtype."""
    return helper.np_dtype_to_tensor_dtype(torch.empty(0, dtype=dtype).numpy().dtype)


class GraphWriter:
    """Writes nodes and constants into a model, with a single copy of the weights.

    Args:
        graph: the graph to export.
        fixed_batch: the number of pictures is known, so operations across pictures can be written.
    """

    def __init__(self, graph: fx.GraphModule, fixed_batch: bool) -> None:
        self.graph = graph
        self.fixed_batch = fixed_batch
        self.model = onnx.ModelProto()
        self.names: dict[fx.Node, str] = {}
        self._constants: set[str] = set()

    def name(self, value: object) -> str:
        """The name of a node's result, a constant or a number."""
        if isinstance(value, fx.Node):
            if value.op == "get_attr" and value.name not in self._constants:
                tensor = cast(torch.Tensor, constant(self.graph, value))
                self._add_constant(value.name, tensor.cpu().contiguous().numpy())
            return self.names.get(value, value.name)
        return self.array(value, np.float32)

    def array(self, values: object, dtype: Any = np.int64) -> str:
        """The name of a constant."""
        name = f"number_{len(self._constants)}"
        self._add_constant(name, np.asarray(values, dtype))
        return name

    def _add_constant(self, name: str, values: Any) -> None:
        self._constants.add(name)
        dtype = helper.np_dtype_to_tensor_dtype(values.dtype)
        self.model.graph.initializer.add(name=name, data_type=dtype, dims=values.shape, raw_data=values.tobytes())

    def write(self, kind: str, *inputs: object, outputs: int = 1, **attributes: Any) -> str:
        """Write an operation whose inputs are names or values, or None if left out. Returns its first output's name."""
        first = f"result_{len(self.model.graph.node)}"
        names = [first, *(f"{first}_{place}" for place in range(1, outputs))]
        sources = ["" if value is None else value if isinstance(value, str) else self.name(value) for value in inputs]
        self.model.graph.node.append(helper.make_node(kind, sources, names, **attributes))
        return first

    def cast(self, value: object, dtype: torch.dtype) -> str:
        """Write a conversion."""
        return self.write("Cast", value, to=onnx_dtype(dtype))

    def forbid_batch(self, axis: int, what: str) -> None:
        """Raise UnsupportedOpError for an operation along the pictures, if their number is open."""
        if axis == 0 and not self.fixed_batch:
            raise UnsupportedOpError(what)


def to_onnx(graph: fx.GraphModule, *, fixed_batch: bool = False) -> bytes:
    """Serialise a graph as an ONNX model with inputs ``input_0``, ... and outputs ``output_0``, ...

    Args:
        graph: the graph, with shapes and dtypes in its nodes' ``meta``. Inputs of float64 are cast to float32.
        fixed_batch: the model is for the number of pictures in the trace. By default it is for any number, each picture
            independent of the others.

    Raises:
        UnsupportedOpError: an operation has no counterpart.
    """
    writer = GraphWriter(graph, fixed_batch)
    written = writer.model.graph
    written.name = "compiled"
    for node in graph.graph.nodes:
        if node.op == "placeholder":
            dtype, name = node.meta["dtype"], f"input_{len(written.input)}"
            shape: list[int | str] = list(node.meta["shape"])
            if shape and not fixed_batch:
                shape[0] = "n"
            written.input.append(helper.make_tensor_value_info(name, onnx_dtype(dtype), shape))
            writer.names[node] = writer.cast(name, torch.float32) if dtype == torch.float64 else name
        elif node.op == "call_function":
            rule = _RULES.get(getattr(node.target, "overloadpacket", node.target))
            if rule is None:
                raise UnsupportedOpError(f"{node.target} cannot be exported to ONNX.")
            writer.names[node] = rule(writer, *_arguments(node))
        elif node.op == "output":
            for place, source in enumerate(cast("tuple[fx.Node, ...]", node.args[0])):
                written.node.append(helper.make_node("Identity", [writer.name(source)], [f"output_{place}"]))
                written.output.append(helper.make_empty_tensor_value_info(f"output_{place}"))
    writer.model.ir_version = IR_VERSION
    writer.model.opset_import.append(helper.make_opsetid("", OPSET))
    return writer.model.SerializeToString()


def _arguments(node: fx.Node) -> list[Any]:
    """An operation's arguments in the order of its schema, with the defaults of those left out."""
    schema = getattr(node.target, "_schema", None)
    left_out = [] if schema is None else schema.arguments[len(node.args) :]
    return [*node.args, *(node.kwargs.get(argument.name, argument.default_value) for argument in left_out)]


def _plain(kind: str) -> Rule:
    """An operation with the same inputs in the same order."""
    return lambda writer, *inputs: writer.write(kind, *inputs)


def _sum(kind: str) -> Rule:
    def rule(writer: GraphWriter, x: object, y: object, alpha: float) -> str:
        return writer.write(kind, x, y if alpha == 1 else writer.write("Mul", y, alpha))

    return rule


def _product(writer: GraphWriter, *factors: object) -> str:
    return writer.write("Mul", *(writer.cast(value, torch.float32) if _is_bool(value) else value for value in factors))


def _is_bool(value: object) -> bool:
    return isinstance(value, fx.Node) and value.meta.get("dtype") == torch.bool


def _reduction(kind: str) -> Rule:
    def rule(writer: GraphWriter, x: fx.Node, axes: Sequence[int] | None, keep: bool = False, *_: object) -> str:
        if axes is None:
            raise UnsupportedOpError("It reduces over all pictures.")
        return writer.write(kind, x, writer.array(axes), keepdims=int(keep))

    return rule


def _convolution(writer: GraphWriter, x: fx.Node, weight: fx.Node, bias: fx.Node | None, *geometry: Any) -> str:
    stride, padding, dilation, transposed, output_padding, groups = geometry
    inputs = (x, weight) if bias is None else (x, weight, bias)
    attributes: dict[str, Any] = {"strides": stride, "pads": padding * 2, "dilations": dilation, "group": groups}
    if transposed:
        return writer.write("ConvTranspose", *inputs, output_padding=output_padding, **attributes)
    return writer.write("Conv", *inputs, **attributes)


def _transpose(writer: GraphWriter, x: fx.Node, first: int, second: int) -> str:
    order = list(range(len(x.meta["shape"])))
    order[first], order[second] = order[second], order[first]
    return writer.write("Transpose", x, perm=order)


def _permute(writer: GraphWriter, x: fx.Node, axes: list[int]) -> str:
    return writer.write("Transpose", x, perm=[axis % len(axes) for axis in axes])


def _select(writer: GraphWriter, x: fx.Node, axis: int, place: int) -> str:
    writer.forbid_batch(axis, "It selects one of the pictures.")
    return writer.write("Gather", x, writer.array(place), axis=axis)


def _slice(writer: GraphWriter, x: fx.Node, axis: int, start: int | None, stop: int | None, step: int) -> str:
    writer.forbid_batch(axis, "It selects some of the pictures.")
    bounds = (start or 0, np.iinfo(np.int64).max if stop is None else stop, axis, step)
    return writer.write("Slice", x, *(writer.array([value]) for value in bounds))


def _cat(writer: GraphWriter, parts: list[fx.Node], axis: int) -> str:
    writer.forbid_batch(axis, "It concatenates pictures.")
    return writer.write("Concat", *parts, axis=axis)


def _pad(writer: GraphWriter, x: fx.Node, widths: list[int], value: float) -> str:
    untouched = [0] * (len(x.meta["shape"]) - len(widths) // 2)
    pads = [*untouched, *reversed(widths[::2]), *untouched, *reversed(widths[1::2])]
    return writer.write("Pad", x, writer.array(pads), writer.name(value))


def _pooling(*geometry: Any) -> dict[str, Any]:
    """The attributes that pools share."""
    size, stride, padding, ceil_mode = geometry
    return {"kernel_shape": size, "strides": stride or size, "pads": padding * 2, "ceil_mode": int(ceil_mode)}


def _max_pool(writer: GraphWriter, x: fx.Node, *geometry: Any) -> str:
    *shared, dilation, ceil_mode = geometry
    return writer.write("MaxPool", x, outputs=2, dilations=dilation, **_pooling(*shared, ceil_mode))


def _max_pool_output(writer: GraphWriter, pool: fx.Node, output: int) -> str:
    """A max pool's maxima, or their places within their channel."""
    maxima = writer.name(pool)
    if output == 0:
        return maxima
    height, width = cast(fx.Node, pool.args[0]).meta["shape"][2:]
    return writer.write("Mod", f"{maxima}_1", writer.array(height * width))  # ONNX counts across all channels


def _max_pool_backward(writer: GraphWriter, gradient: fx.Node, x: fx.Node, *geometry_and_places: fx.Node) -> str:
    """Adds each gradient at the place of its maximum."""
    flat = [0, 0, -1]
    zeros = writer.write("Mul", writer.write("Reshape", x, writer.array(flat)), 0.0)
    parts = (writer.write("Reshape", part, writer.array(flat)) for part in (geometry_and_places[-1], gradient))
    scattered = writer.write("ScatterElements", zeros, *parts, axis=2, reduction="add")
    return writer.write("Reshape", scattered, writer.array([0, 0, *x.meta["shape"][2:]]))


def _average_pool(writer: GraphWriter, x: fx.Node, *geometry: Any) -> str:
    *shared, count_padding, divisor = geometry
    if divisor:
        raise UnsupportedOpError("An average pool has its own divisor.")
    return writer.write("AveragePool", x, count_include_pad=int(count_padding), **_pooling(*shared))


# Overloads are not told apart: those that ONNX lacks give models that ONNX Runtime rejects.
_UNARY = ("relu", "sigmoid", "tanh", "erf", "exp", "neg", "abs", "sign", "sqrt")
_PLAIN: dict[Any, str] = {
    **{getattr(aten, kind): kind.capitalize() for kind in _UNARY},
    **dict.fromkeys((aten.mm, aten.bmm, aten.matmul), "MatMul"),
    **{aten.div: "Div", aten.pow: "Pow", aten.where: "Where"},
    **{aten.gt: "Greater", aten.lt: "Less", aten.le: "LessOrEqual", aten.ge: "GreaterOrEqual", aten.eq: "Equal"},
    **{aten.__and__: "And", aten.__or__: "Or", aten.bitwise_not: "Not"},
    **{aten.minimum: "Min", aten.maximum: "Max", aten.clamp: "Clip"},
}
_RULES: dict[Any, Rule] = {
    **{kind: _plain(name) for kind, name in _PLAIN.items()},
    aten.add: _sum("Add"),
    aten.sub: _sum("Sub"),
    aten.mul: _product,
    **dict.fromkeys((aten.to, aten._to_copy), lambda writer, x, dtype, *_: writer.cast(x, dtype)),
    aten.expm1: lambda writer, x: writer.write("Sub", writer.write("Exp", x), 1.0),
    aten._softmax: lambda writer, x, axis, _: writer.write("Softmax", x, axis=axis),
    aten._log_softmax: lambda writer, x, axis, _: writer.write("LogSoftmax", x, axis=axis),
    aten.mean: _reduction("ReduceMean"),
    aten.sum: _reduction("ReduceSum"),
    aten.amax: _reduction("ReduceMax"),
    aten.convolution: _convolution,
    aten.gather: lambda writer, x, axis, places, _: writer.write("GatherElements", x, places, axis=axis),
    aten.reshape: lambda writer, x, sizes: writer.write("Reshape", x, writer.array(sizes)),
    # In ONNX a size of 1 keeps that of the input.
    aten.expand: lambda writer, x, sizes, _: writer.write("Expand", x, writer.array(np.maximum(sizes, 1))),
    aten.transpose: _transpose,
    aten.permute: _permute,
    aten.select: _select,
    aten.slice: _slice,
    aten.cat: _cat,
    aten.constant_pad_nd: _pad,
    aten.max_pool2d_with_indices: _max_pool,
    aten.max_pool2d_with_indices_backward: _max_pool_backward,
    getitem: _max_pool_output,
    aten.avg_pool2d: _average_pool,
}
