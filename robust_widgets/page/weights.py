"""The weights of a page: each array once, in half precision, and how the graphs' constants are made of them.

A recorded step holds each convolution twice: its kernel times the scale of a normalisation, and for the gradient the
same kernel flipped. Both are made in the browser, from the model's own array and a scale for each channel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, numpy_helper

FILE = "weights"  # what the graphs call the file with all constants, which only the browser has
FEWEST_VALUES = 256  # of an array; smaller ones and biases stay in the graphs
FEWEST_ROUNDED = 16384  # values of an array that may lose precision; what is smaller has float32
CLOSE = 2e-6  # of an array's largest value
HIGHEST_POWER = 15  # of two, above all values: arrays are scaled into the upper part of half precision's range

Array: TypeAlias = npt.NDArray[Any]
Form: TypeAlias = Literal["same", "flipped"]


@dataclass(frozen=True)
class Stored:
    """An array in the file of weights.

    Attributes:
        at: its first byte.
        dtype: ``"float16"`` or ``"float32"``.
        shape: its shape.
        factor: what its values are multiplied by, a power of two.
    """

    at: int
    dtype: Literal["float16", "float32"]
    shape: tuple[int, ...]
    factor: float


@dataclass(frozen=True)
class Constant:
    """A constant of the graphs, float32.

    Attributes:
        offset: its first value in the expanded weights.
        stored: which array it is made of.
        form: ``"flipped"``: the first two axes swapped, and the others reversed.
        axis: of the scale, in the constant; None for no scale.
        scale: the scale's first byte, float32; it has one value for each index of the axis.
    """

    offset: int
    stored: int
    form: Form
    axis: int | None
    scale: int


class WeightStore:
    """Collects the constants of graphs.

    Args:
        originals: the model's own arrays, which constants are made of where possible.
    """

    def __init__(self, originals: Iterable[Array]) -> None:
        self.stored: list[Stored] = []
        self.constants: list[Constant] = []
        self.length = 0
        self._data = bytearray()
        self._originals = [np.asarray(array, np.float32) for array in originals if array.ndim >= 2]
        self._places: dict[int, int] = {}  # of the originals that are stored
        self._known: dict[tuple[bytes, tuple[int, ...]], int] = {}

    @property
    def data(self) -> bytes:
        """The file's content."""
        return bytes(self._data)

    def take_from(self, model: onnx.ModelProto) -> None:
        """Move a graph's large constants here; it then refers to the expanded weights by offset."""
        for tensor in model.graph.initializer:
            is_small = len(tensor.dims) < 2 or np.prod(tensor.dims) < FEWEST_VALUES
            if tensor.data_type != TensorProto.FLOAT or is_small:
                continue
            values = numpy_helper.to_array(tensor)
            offset = self._offset(values)
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in {"location": FILE, "offset": 4 * offset, "length": 4 * values.size}.items():
                tensor.external_data.add(key=key, value=str(value))

    def _offset(self, values: Array) -> int:
        key = hashlib.sha256(values.tobytes()).digest(), values.shape
        if key not in self._known:
            stored, form, scale = self._made_of(values)
            axis, place = (None, 0) if scale is None else (scale[0], self._append(scale[1].astype(np.float32)))
            self.constants.append(Constant(self.length, stored, form, axis, place))
            self._known[key] = self.length
            self.length += values.size
        return self._known[key]

    def _made_of(self, values: Array) -> tuple[int, Form, tuple[int, Array] | None]:
        for index, original in enumerate(self._originals):
            for form in ("same", "flipped"):
                candidate = original if form == "same" else flipped(original)
                if candidate.shape == values.shape and (scaling := _scale(values, candidate)) is not None:
                    if index not in self._places:
                        self._places[index] = self._store(original)
                    return self._places[index], form, scaling if np.any(scaling[1] != 1) else None
        self._originals.append(values)
        self._places[len(self._originals) - 1] = self._store(values)
        return self._places[len(self._originals) - 1], "same", None

    def _store(self, values: Array) -> int:
        largest = float(np.abs(values).max())
        power = HIGHEST_POWER - int(np.frexp(largest)[1]) if 0 < largest < np.inf else 0
        half = np.ldexp(values, power).astype(np.float16)
        factor = float(np.ldexp(1.0, -power))
        exact = bool(np.array_equal(half.astype(np.float32) * np.float32(factor), values))
        if exact or values.size >= FEWEST_ROUNDED:
            self.stored.append(Stored(self._append(half), "float16", values.shape, factor))
        else:
            self.stored.append(Stored(self._append(values.astype(np.float32)), "float32", values.shape, 1.0))
        return len(self.stored) - 1

    def _append(self, values: Array) -> int:
        at = len(self._data)
        self._data += np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()
        self._data += bytes(-len(self._data) % 4)
        return at

    def expand(self) -> Array:
        """All constants, as the browser expands them; float32 (length,)."""
        data, expanded = self.data, np.empty(self.length, np.float32)
        for constant in self.constants:
            stored = self.stored[constant.stored]
            size = int(np.prod(stored.shape))
            raw = np.frombuffer(data, stored.dtype, size, stored.at).reshape(stored.shape)
            values = raw.astype(np.float32) * np.float32(stored.factor)
            values = flipped(values) if constant.form == "flipped" else values
            if constant.axis is not None:
                count = values.shape[constant.axis]
                scale = np.frombuffer(data, np.float32, count, constant.scale)
                values = values * scale.reshape([-1 if axis == constant.axis else 1 for axis in range(values.ndim)])
            expanded[constant.offset : constant.offset + size] = values.ravel()
        return expanded

    def inlined(self, model: onnx.ModelProto) -> bytes:
        """A graph with its constants, serialised."""
        whole, expanded = onnx.ModelProto(), self.expand()
        whole.CopyFrom(model)
        for tensor in whole.graph.initializer:
            if tensor.data_location == TensorProto.EXTERNAL:
                places = {entry.key: entry.value for entry in tensor.external_data}
                offset, length = int(places["offset"]) // 4, int(places["length"]) // 4
                tensor.raw_data = expanded[offset : offset + length].tobytes()
                tensor.ClearField("external_data")
                tensor.data_location = TensorProto.DEFAULT
        return whole.SerializeToString()


def flipped(values: Array) -> Array:
    """A kernel for the gradient: the first two axes swapped, and the others reversed."""
    return np.flip(values.swapaxes(0, 1), tuple(range(2, values.ndim)))


def _scale(values: Array, other: Array) -> tuple[int, Array] | None:
    """The axis and the factors that make other values into these; None if there are none."""
    precise, base = values.astype(np.float64), other.astype(np.float64)
    close = CLOSE * float(np.abs(values).max())
    for axis in (0, 1):
        rest = tuple(place for place in range(values.ndim) if place != axis)
        factors = (precise * base).sum(rest, keepdims=True) / np.maximum((base * base).sum(rest, keepdims=True), 1e-30)
        if float(np.abs(precise - factors * base).max()) <= close:
            flat = factors.ravel()
            return axis, np.where(np.abs(flat - 1) < CLOSE, 1.0, flat)
    return None
