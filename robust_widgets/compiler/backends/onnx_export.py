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

from robust_widgets.compiler.rewrites.constant_folding import constant
from robust_widgets.compiler.tracing.decompositions import UnsupportedOpError
from robust_widgets.compiler.tracing.tracer import item

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


aten = torch.ops.aten
OPSET = 18
IR_VERSION = 9


def to_onnx(graph: fx.GraphModule, input_types: Sequence[torch.dtype], *, sized: bool = False) -> bytes:
    """The model, serialised; its inputs are ``given_0`` and on, its outputs ``out_0`` and on.

    Args:
        graph: as `graphs.record` and `steps.record_step` make them.
        input_types: of its inputs, in their order; float64 is carried as float32.
        sized: it is for as many pictures as it was recorded with, which may be looked at together. By default it is
            for any number, each answered for itself.

    Raises:
        UnsupportedOpError: an operation has no counterpart here.
    """
    writer = Writer(graph, sized)
    made = writer.model.graph
    made.name = "prepared"
    for node in graph.graph.nodes:
        if node.op == "placeholder":
            kind, name = input_types[len(made.input)], f"given_{len(made.input)}"
            shape = list(node.meta["shape"]) if sized else _open_shape(node)
            made.input.append(helper.make_tensor_value_info(name, TYPES[kind], shape))
            exact = kind == torch.float64
            writer.names[node] = writer.write("Cast", name, to=TYPES[torch.float32]) if exact else name
        elif node.op == "call_function":
            rule = _RULES.get(node.target)
            if rule is None:
                raise UnsupportedOpError(f"{node.target} has no counterpart in ONNX here.")
            writer.names[node] = rule(writer, node)
        elif node.op == "output":
            for place, given in enumerate(cast("tuple[fx.Node, ...]", node.args[0])):
                made.node.append(helper.make_node("Identity", [writer.name(given)], [f"out_{place}"]))
                made.output.append(helper.make_empty_tensor_value_info(f"out_{place}"))
    writer.model.ir_version = IR_VERSION
    writer.model.opset_import.append(helper.make_opsetid("", OPSET))
    return writer.model.SerializeToString()


def _open_shape(node: fx.Node) -> list[int | str]:
    return ["n", *node.meta["shape"][1:]] if node.meta["shape"] else []


def _plain(kind: str) -> Rule:
    """An operation of as many tensors or numbers, in the same order."""

    def rule(writer: Writer, node: fx.Node) -> str:
        if node.kwargs.get("alpha", 1) != 1:
            raise UnsupportedOpError("A sum weighs its second part.")
        return writer.write(kind, *node.args)

    return rule


def _product(writer: Writer, node: fx.Node) -> str:
    """A product, in which what is true counts as one."""
    return writer.write("Mul", *(_as_number(writer, given) for given in node.args))


def _as_number(writer: Writer, given: object) -> object:
    if isinstance(given, fx.Node) and given.meta.get("dtype") == torch.bool:
        return _as(writer, given, torch.float32)
    return given


def _convolution(writer: Writer, node: fx.Node) -> str:
    x, weight, bias, stride, padding, dilation, transposed, left_over, groups = cast("tuple[Any, ...]", node.args)
    common: dict[str, Any] = {
        "strides": list(stride),
        "pads": [*padding, *padding],
        "dilations": list(dilation),
        "group": groups,
    }
    given = (x, weight) if bias is None else (x, weight, bias)
    if transposed:
        return writer.write("ConvTranspose", *given, output_padding=list(left_over), **common)
    return writer.write("Conv", *given, **common)


def _exponential_less_one(writer: Writer, node: fx.Node) -> str:
    return writer.write("Sub", writer.write("Exp", node.args[0]), 1.0)


def _mean(writer: Writer, node: fx.Node) -> str:
    return _reduced(writer, node, "ReduceMean")


def _sum(writer: Writer, node: fx.Node) -> str:
    return _reduced(writer, node, "ReduceSum")


def _reduced(writer: Writer, node: fx.Node, kind: str) -> str:
    x, along, *keep = cast("tuple[Any, ...]", node.args)
    if along is None:
        raise UnsupportedOpError("It looks at all pictures together.")
    return writer.write(kind, x, writer.integers(along), keepdims=int(bool(keep and keep[0])))


def _reshape(writer: Writer, node: fx.Node) -> str:
    return writer.write("Reshape", node.args[0], writer.integers(cast("list[int]", node.args[1])))


def _expand(writer: Writer, node: fx.Node) -> str:
    # ONNX: a side of 1 leaves what is there.
    sizes = [1 if size < 0 else size for size in cast("list[int]", node.args[1])]
    return writer.write("Expand", node.args[0], writer.integers(sizes))


def _gather(writer: Writer, node: fx.Node) -> str:
    x, along, places = cast("tuple[fx.Node, int, fx.Node]", node.args[:3])
    return writer.write("GatherElements", x, places, axis=along)


def _select(writer: Writer, node: fx.Node) -> str:
    x, along, place = cast("tuple[fx.Node, int, int]", node.args)
    if along == 0 and not writer.sized:
        raise UnsupportedOpError("It picks one of the pictures.")
    return writer.write("Gather", x, writer.array(np.array(place, np.int64)), axis=along)


def _shares(kind: str) -> Rule:
    return lambda writer, node: writer.write(kind, node.args[0], axis=node.args[1])


def _largest(writer: Writer, node: fx.Node) -> str:
    return _reduced(writer, node, "ReduceMax")


def _transpose(writer: Writer, node: fx.Node) -> str:
    x, first, second = cast("tuple[fx.Node, int, int]", node.args)
    order = list(range(len(x.meta["shape"])))
    order[first], order[second] = order[second], order[first]
    return writer.write("Transpose", x, perm=order)


def _permute(writer: Writer, node: fx.Node) -> str:
    dimensions = len(cast(fx.Node, node.args[0]).meta["shape"])
    return writer.write("Transpose", node.args[0], perm=[at % dimensions for at in cast("list[int]", node.args[1])])


def _unsqueeze(writer: Writer, node: fx.Node) -> str:
    return writer.write("Unsqueeze", node.args[0], writer.integers([cast(int, node.args[1])]))


def _cat(writer: Writer, node: fx.Node) -> str:
    parts, along = [*node.args, 0][:2]
    if along == 0 and not writer.sized:
        raise UnsupportedOpError("It puts pictures behind each other.")
    return writer.write("Concat", *cast("list[fx.Node]", parts), axis=along)


def _slice(writer: Writer, node: fx.Node) -> str:
    rest: tuple[Any, ...] = (0, None, None, 1)
    x, along, begin, end, step = (*node.args, *rest[len(node.args) - 1 :])
    if along == 0 and not writer.sized:
        raise UnsupportedOpError("It picks some of the pictures.")
    bounds = (0 if begin is None else begin, np.iinfo(np.int64).max if end is None else end, along, step)
    return writer.write("Slice", x, *(writer.integers([cast(int, value)]) for value in bounds))


def _pixel_shuffle(writer: Writer, node: fx.Node) -> str:
    return writer.write("DepthToSpace", node.args[0], blocksize=node.args[1], mode="CRD")


def _where(writer: Writer, node: fx.Node) -> str:
    return writer.write("Where", *node.args)


def _cast(writer: Writer, node: fx.Node) -> str:
    return _as(writer, node.args[0], cast(torch.dtype, [*node.args, node.kwargs.get("dtype")][1]))


def _as(writer: Writer, value: object, kind: torch.dtype) -> str:
    return writer.write("Cast", value, to=TYPES[kind])


def _clip(writer: Writer, node: fx.Node) -> str:
    x, low, high = [*node.args, None, None][:3]
    return writer.write("Clip", x, low, high)


def _maximum_pool(writer: Writer, node: fx.Node) -> str:
    attributes = _pooling(node)
    return writer.write("MaxPool", node.args[0], outputs=2, **attributes)


def _pooling(node: fx.Node) -> dict[str, Any]:
    side = cast("list[int]", node.args[1])
    stride = cast("list[int]", node.args[2]) if len(node.args) > 2 else []
    padding, dilation, ceil_mode = (*node.args[3:6], *([0, 0], [1, 1], False)[len(node.args[3:6]) :])
    around = list(cast("list[int]", padding))
    return {
        "kernel_shape": list(side),
        "strides": list(stride or side),
        "pads": [*around, *around],
        "dilations": list(cast("list[int]", dilation)),
        "ceil_mode": int(cast(bool, ceil_mode)),
    }


def _average_pool(writer: Writer, node: fx.Node) -> str:
    given = (*node.args, *([], [0, 0], False, True, None)[len(node.args) - 2 :])
    _, side, stride, padding, ceil_mode, count_padding, divisor = cast("tuple[Any, ...]", given)
    if divisor:
        raise UnsupportedOpError("An average has a divisor of its own.")
    return writer.write(
        "AveragePool",
        node.args[0],
        kernel_shape=list(side),
        strides=list(stride or side),
        pads=[*padding, *padding],
        ceil_mode=int(ceil_mode),
        count_include_pad=int(count_padding),
    )


def _maximum_pool_backward(writer: Writer, node: fx.Node) -> str:
    """Each value's gradient is added where the value came from."""
    gradient, x, *_, places = cast("tuple[Any, ...]", node.args)
    height, width = x.meta["shape"][2:]
    flat = [0, 0, -1]
    zeros = writer.write("Mul", writer.write("Reshape", x, writer.integers(flat)), 0.0)
    gathered = writer.write(
        "ScatterElements",
        zeros,
        writer.write("Reshape", places, writer.integers(flat)),
        writer.write("Reshape", gradient, writer.integers(flat)),
        axis=2,
        reduction="add",
    )
    return writer.write("Reshape", gathered, writer.integers([0, 0, height, width]))


def _item(writer: Writer, node: fx.Node) -> str:
    """A part of what a pooling gives: the maxima, or where in their channel of their picture they were."""
    values, place = cast("tuple[fx.Node, int]", node.args)
    maxima = writer.name(values)
    if place == 0:
        return maxima
    height, width = cast(fx.Node, values.args[0]).meta["shape"][2:]
    # ONNX counts through all pictures and channels.
    return writer.write("Mod", f"{maxima}_1", writer.array(np.array(height * width, np.int64)))


def _pad(writer: Writer, node: fx.Node) -> str:
    x, sides, value = cast("tuple[fx.Node, list[int], float]", (*node.args, 0.0)[:3])
    untouched = [0] * (len(node.meta["shape"]) - len(sides) // 2)
    pads = [*untouched, *reversed(sides[::2]), *untouched, *reversed(sides[1::2])]
    return writer.write("Pad", x, writer.integers(pads), writer.array(np.float32(value)))


_RULES: dict[Any, Rule] = {
    aten.convolution.default: _convolution,
    **dict.fromkeys((aten.mm.default, aten.matmul.default), _plain("MatMul")),
    **dict.fromkeys((aten.add.Tensor, aten.add.Scalar), _plain("Add")),
    **dict.fromkeys((aten.sub.Tensor, aten.sub.Scalar), _plain("Sub")),
    **dict.fromkeys((aten.mul.Tensor, aten.mul.Scalar), _product),
    **dict.fromkeys((aten.div.Tensor, aten.div.Scalar), _plain("Div")),
    **dict.fromkeys((aten.gt.Scalar, aten.gt.Tensor), _plain("Greater")),
    **dict.fromkeys((aten.lt.Scalar, aten.lt.Tensor), _plain("Less")),
    **dict.fromkeys((aten.le.Scalar, aten.le.Tensor), _plain("LessOrEqual")),
    **dict.fromkeys((aten.ge.Scalar, aten.ge.Tensor), _plain("GreaterOrEqual")),
    aten.__and__.Tensor: _plain("And"),
    aten.__or__.Tensor: _plain("Or"),
    aten.relu.default: _plain("Relu"),
    aten.sigmoid.default: _plain("Sigmoid"),
    aten.tanh.default: _plain("Tanh"),
    aten.erf.default: _plain("Erf"),
    aten.exp.default: _plain("Exp"),
    aten.expm1.default: _exponential_less_one,
    aten.neg.default: _plain("Neg"),
    aten.abs.default: _plain("Abs"),
    aten.sign.default: _plain("Sign"),
    aten.minimum.default: _plain("Min"),
    aten.maximum.default: _plain("Max"),
    aten.eq.Tensor: _plain("Equal"),
    aten.bitwise_not.default: _plain("Not"),
    aten._softmax.default: _shares("Softmax"),
    aten._log_softmax.default: _shares("LogSoftmax"),
    aten.gather.default: _gather,
    aten.select.int: _select,
    aten.amax.default: _largest,
    aten.sqrt.default: _plain("Sqrt"),
    aten.where.self: _where,
    aten.where.ScalarOther: _where,
    aten.where.ScalarSelf: _where,
    aten.to.dtype: _cast,
    aten._to_copy.default: _cast,
    aten.clamp.default: _clip,
    aten.mean.dim: _mean,
    aten.sum.dim_IntList: _sum,
    aten.reshape.default: _reshape,
    aten.expand.default: _expand,
    aten.transpose.int: _transpose,
    aten.permute.default: _permute,
    aten.unsqueeze.default: _unsqueeze,
    aten.cat.default: _cat,
    aten.slice.Tensor: _slice,
    aten.pixel_shuffle.default: _pixel_shuffle,
    aten.constant_pad_nd.default: _pad,
    aten.max_pool2d_with_indices.default: _maximum_pool,
    aten.max_pool2d_with_indices_backward.default: _maximum_pool_backward,
    aten.avg_pool2d.default: _average_pool,
    item: _item,
}
