"""Exports graphs of ATen operations to ONNX.

`torch.onnx.export` would take seconds, and needs onnxscript.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import getitem
from typing import Any, TypeAlias, cast

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from torch import fx

from robust_widgets.compiler.decompositions import UnsupportedOpError
from robust_widgets.compiler.rewrites import constant

aten = torch.ops.aten
OPSET, IR_VERSION = 18, 9
DTYPES = {
    torch.float32: TensorProto.FLOAT,
    torch.float64: TensorProto.DOUBLE,
    torch.bool: TensorProto.BOOL,
    torch.int64: TensorProto.INT64,
    torch.uint8: TensorProto.UINT8,
}
Rule: TypeAlias = Callable[["GraphWriter", fx.Node], str]


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

    def forbid_batch(self, axis: int, what: str) -> None:
        """Raise UnsupportedOpError for an operation along the pictures, if their number is open."""
        if axis == 0 and not self.fixed_batch:
            raise UnsupportedOpError(what)


def to_onnx(graph: fx.GraphModule, dtypes: Sequence[torch.dtype], *, fixed_batch: bool = False) -> bytes:
    """Serialise a graph as an ONNX model with inputs ``input_0``, ... and outputs ``output_0``, ...

    Args:
        graph: the graph, with shapes in its nodes' ``meta``.
        dtypes: of its inputs. Inputs of float64 are cast to float32.
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
            dtype, name = dtypes[len(written.input)], f"input_{len(written.input)}"
            shape: list[int | str] = list(node.meta["shape"])
            if shape and not fixed_batch:
                shape[0] = "n"
            written.input.append(helper.make_tensor_value_info(name, DTYPES[dtype], shape))
            writer.names[node] = _as(writer, name, torch.float32) if dtype == torch.float64 else name
        elif node.op == "call_function":
            rule = _RULES.get(node.target)
            if rule is None:
                raise UnsupportedOpError(f"{node.target} cannot be exported to ONNX.")
            writer.names[node] = rule(writer, node)
        elif node.op == "output":
            for place, source in enumerate(cast("tuple[fx.Node, ...]", node.args[0])):
                written.node.append(helper.make_node("Identity", [writer.name(source)], [f"output_{place}"]))
                written.output.append(helper.make_empty_tensor_value_info(f"output_{place}"))
    writer.model.ir_version = IR_VERSION
    writer.model.opset_import.append(helper.make_opsetid("", OPSET))
    return writer.model.SerializeToString()


def _plain(kind: str) -> Rule:
    """An operation with the same inputs in the same order."""

    def rule(writer: GraphWriter, node: fx.Node) -> str:
        if node.kwargs.get("alpha", 1) != 1:
            raise UnsupportedOpError("A sum has a factor.")
        return writer.write(kind, *node.args)

    return rule


def _product(writer: GraphWriter, node: fx.Node) -> str:
    """A product, in which booleans are 0 or 1."""
    return writer.write("Mul", *(_as_number(writer, value) for value in node.args))


def _as_number(writer: GraphWriter, value: object) -> object:
    is_bool = isinstance(value, fx.Node) and value.meta.get("dtype") == torch.bool
    return _as(writer, value, torch.float32) if is_bool else value


def _as(writer: GraphWriter, value: object, dtype: torch.dtype) -> str:
    return writer.write("Cast", value, to=DTYPES[dtype])


def _cast(writer: GraphWriter, node: fx.Node) -> str:
    return _as(writer, node.args[0], cast(torch.dtype, [*node.args, node.kwargs.get("dtype")][1]))


def _convolution(writer: GraphWriter, node: fx.Node) -> str:
    x, weight, bias, stride, padding, dilation, transposed, output_padding, groups = cast("tuple[Any, ...]", node.args)
    attributes: dict[str, Any] = {
        "strides": list(stride),
        "pads": [*padding, *padding],
        "dilations": list(dilation),
        "group": groups,
    }
    inputs = (x, weight) if bias is None else (x, weight, bias)
    if transposed:
        return writer.write("ConvTranspose", *inputs, output_padding=list(output_padding), **attributes)
    return writer.write("Conv", *inputs, **attributes)


def _expm1(writer: GraphWriter, node: fx.Node) -> str:
    return writer.write("Sub", writer.write("Exp", node.args[0]), 1.0)


def _reduction(kind: str) -> Rule:
    def rule(writer: GraphWriter, node: fx.Node) -> str:
        x, axes, *keep = cast("tuple[Any, ...]", node.args)
        if axes is None:
            raise UnsupportedOpError("It reduces over all pictures.")
        return writer.write(kind, x, writer.array(axes), keepdims=int(bool(keep and keep[0])))

    return rule


def _softmax(kind: str) -> Rule:
    return lambda writer, node: writer.write(kind, node.args[0], axis=node.args[1])


def _reshape(writer: GraphWriter, node: fx.Node) -> str:
    return writer.write("Reshape", node.args[0], writer.array(node.args[1]))


def _expand(writer: GraphWriter, node: fx.Node) -> str:
    # In ONNX a size of 1 keeps that of the input.
    sizes = [1 if size < 0 else size for size in cast("list[int]", node.args[1])]
    return writer.write("Expand", node.args[0], writer.array(sizes))


def _gather(writer: GraphWriter, node: fx.Node) -> str:
    x, axis, places = node.args[:3]
    return writer.write("GatherElements", x, places, axis=axis)


def _select(writer: GraphWriter, node: fx.Node) -> str:
    x, axis, place = cast("tuple[fx.Node, int, int]", node.args)
    writer.forbid_batch(axis, "It selects one of the pictures.")
    return writer.write("Gather", x, writer.array(place), axis=axis)


def _transpose(writer: GraphWriter, node: fx.Node) -> str:
    x, first, second = cast("tuple[fx.Node, int, int]", node.args)
    order = list(range(len(x.meta["shape"])))
    order[first], order[second] = order[second], order[first]
    return writer.write("Transpose", x, perm=order)


def _permute(writer: GraphWriter, node: fx.Node) -> str:
    dimensions = len(cast(fx.Node, node.args[0]).meta["shape"])
    return writer.write("Transpose", node.args[0], perm=[axis % dimensions for axis in cast("list[int]", node.args[1])])


def _unsqueeze(writer: GraphWriter, node: fx.Node) -> str:
    return writer.write("Unsqueeze", node.args[0], writer.array([node.args[1]]))


def _cat(writer: GraphWriter, node: fx.Node) -> str:
    parts, axis = cast("tuple[list[fx.Node], int]", (*node.args, 0)[:2])
    writer.forbid_batch(axis, "It concatenates pictures.")
    return writer.write("Concat", *parts, axis=axis)


def _slice(writer: GraphWriter, node: fx.Node) -> str:
    defaults: tuple[Any, ...] = (0, None, None, 1)
    x, axis, start, stop, step = cast("tuple[Any, ...]", (*node.args, *defaults[len(node.args) - 1 :]))
    writer.forbid_batch(axis, "It selects some of the pictures.")
    bounds = (0 if start is None else start, np.iinfo(np.int64).max if stop is None else stop, axis, step)
    return writer.write("Slice", x, *(writer.array([value]) for value in bounds))


def _pad(writer: GraphWriter, node: fx.Node) -> str:
    x, widths, value = cast("tuple[fx.Node, list[int], float]", (*node.args, 0.0)[:3])
    untouched = [0] * (len(node.meta["shape"]) - len(widths) // 2)
    pads = [*untouched, *reversed(widths[::2]), *untouched, *reversed(widths[1::2])]
    return writer.write("Pad", x, writer.array(pads), writer.name(value))


def _pooling(node: fx.Node, defaults: tuple[Any, ...]) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """The attributes that pools share, and the node's further arguments."""
    x, size, stride, padding, *rest = (*node.args, *defaults[len(node.args) - 2 :])
    size, stride, padding = (list(cast("list[int]", part)) for part in (size, stride, padding))
    return {"kernel_shape": size, "strides": stride or size, "pads": padding * 2}, (x, *rest)


def _max_pool(writer: GraphWriter, node: fx.Node) -> str:
    attributes, (x, dilation, ceil_mode) = _pooling(node, ([], [0, 0], [1, 1], False))
    return writer.write("MaxPool", x, outputs=2, dilations=list(dilation), ceil_mode=int(ceil_mode), **attributes)


def _average_pool(writer: GraphWriter, node: fx.Node) -> str:
    attributes, (x, ceil_mode, count_padding, divisor) = _pooling(node, ([], [0, 0], False, True, None))
    if divisor:
        raise UnsupportedOpError("An average pool has its own divisor.")
    flags = {"ceil_mode": int(ceil_mode), "count_include_pad": int(count_padding)}
    return writer.write("AveragePool", x, **attributes, **flags)


def _max_pool_backward(writer: GraphWriter, node: fx.Node) -> str:
    """Adds each gradient at the place of its maximum."""
    gradient, x, *_, places = cast("tuple[fx.Node, ...]", node.args)
    flat = [0, 0, -1]
    zeros = writer.write("Mul", writer.write("Reshape", x, writer.array(flat)), 0.0)
    parts = (writer.write("Reshape", part, writer.array(flat)) for part in (places, gradient))
    scattered = writer.write("ScatterElements", zeros, *parts, axis=2, reduction="add")
    return writer.write("Reshape", scattered, writer.array([0, 0, *x.meta["shape"][2:]]))


def _pool_output(writer: GraphWriter, node: fx.Node) -> str:
    """A max pool's maxima, or their places within their channel."""
    pool, output = cast("tuple[fx.Node, int]", node.args)
    maxima = writer.name(pool)
    if output == 0:
        return maxima
    height, width = cast(fx.Node, pool.args[0]).meta["shape"][2:]
    return writer.write("Mod", f"{maxima}_1", writer.array(height * width))  # ONNX counts across all channels


_UNARY = ("relu", "sigmoid", "tanh", "erf", "exp", "neg", "abs", "sign", "sqrt")
_PLAIN: dict[Any, str] = {
    **dict.fromkeys((aten.mm.default, aten.bmm.default, aten.matmul.default), "MatMul"),
    **dict.fromkeys((aten.add.Tensor, aten.add.Scalar), "Add"),
    **dict.fromkeys((aten.sub.Tensor, aten.sub.Scalar), "Sub"),
    **dict.fromkeys((aten.div.Tensor, aten.div.Scalar), "Div"),
    **dict.fromkeys((aten.pow.Tensor_Tensor, aten.pow.Tensor_Scalar, aten.pow.Scalar), "Pow"),
    **dict.fromkeys((aten.gt.Scalar, aten.gt.Tensor), "Greater"),
    **dict.fromkeys((aten.lt.Scalar, aten.lt.Tensor), "Less"),
    **dict.fromkeys((aten.le.Scalar, aten.le.Tensor), "LessOrEqual"),
    **dict.fromkeys((aten.ge.Scalar, aten.ge.Tensor), "GreaterOrEqual"),
    **dict.fromkeys((aten.where.self, aten.where.ScalarOther, aten.where.ScalarSelf, aten.where.Scalar), "Where"),
    **{aten.__and__.Tensor: "And", aten.__or__.Tensor: "Or", aten.bitwise_not.default: "Not"},
    **{aten.minimum.default: "Min", aten.maximum.default: "Max", aten.eq.Tensor: "Equal"},
    **{getattr(aten, kind).default: kind.capitalize() for kind in _UNARY},
    aten.clamp.default: "Clip",
}
_RULES: dict[Any, Rule] = {
    **{kind: _plain(name) for kind, name in _PLAIN.items()},
    **dict.fromkeys((aten.mul.Tensor, aten.mul.Scalar), _product),
    **dict.fromkeys((aten.to.dtype, aten._to_copy.default), _cast),
    aten.convolution.default: _convolution,
    aten.expm1.default: _expm1,
    aten._softmax.default: _softmax("Softmax"),
    aten._log_softmax.default: _softmax("LogSoftmax"),
    aten.mean.dim: _reduction("ReduceMean"),
    aten.sum.dim_IntList: _reduction("ReduceSum"),
    aten.amax.default: _reduction("ReduceMax"),
    aten.gather.default: _gather,
    aten.select.int: _select,
    aten.reshape.default: _reshape,
    aten.expand.default: _expand,
    aten.transpose.int: _transpose,
    aten.permute.default: _permute,
    aten.unsqueeze.default: _unsqueeze,
    aten.cat.default: _cat,
    aten.slice.Tensor: _slice,
    aten.constant_pad_nd.default: _pad,
    aten.max_pool2d_with_indices.default: _max_pool,
    aten.max_pool2d_with_indices_backward.default: _max_pool_backward,
    aten.avg_pool2d.default: _average_pool,
    getitem: _pool_output,
}
