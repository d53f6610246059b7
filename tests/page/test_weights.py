"""The weights of a page travel once, and the constants that are made of them are those of the graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("onnx", reason="the extra fast")

import onnx
from onnx import TensorProto, helper, numpy_helper

from robust_widgets.page.weights import FEWEST_ROUNDED, WeightStore, flipped

Array = npt.NDArray[Any]


def random(*shape: int, seed: int = 0) -> Array:
    """Values that half precision holds."""
    values = np.random.default_rng(seed).normal(0, 0.05, shape)
    return values.astype(np.float16).astype(np.float32)


def graph(*constants: Array) -> onnx.ModelProto:
    tensors = [numpy_helper.from_array(values, f"c{index}") for index, values in enumerate(constants)]
    nodes = [helper.make_node("Identity", [tensor.name], [f"o{tensor.name}"]) for tensor in tensors]
    outputs = [
        helper.make_tensor_value_info(f"o{tensor.name}", TensorProto.FLOAT, list(tensor.dims)) for tensor in tensors
    ]
    return helper.make_model(helper.make_graph(nodes, "g", [], outputs, tensors))


def inlined(store: WeightStore, model: onnx.ModelProto) -> list[Array]:
    whole = onnx.load_model_from_string(store.inlined(model))
    return [numpy_helper.to_array(tensor) for tensor in whole.graph.initializer]


def test_a_kernel_its_scaled_form_and_its_flipped_form_are_stored_once() -> None:
    kernel = random(32, 16, 3, 3)
    scale = np.random.default_rng(1).uniform(0.2, 3, (32, 1, 1, 1))
    forward = (kernel * scale).astype(np.float32)
    backward = np.ascontiguousarray(flipped((kernel * scale).astype(np.float32)))
    store = WeightStore([kernel])
    model = graph(kernel, forward, backward)
    store.take_from(model)
    assert len(store.stored) == 1 and store.stored[0].dtype == "float16"
    assert len(store.data) < 2 * kernel.size + 1000
    same, scaled, turned = inlined(store, model)
    np.testing.assert_array_equal(same, kernel)
    np.testing.assert_allclose(scaled, forward, rtol=5e-7)
    np.testing.assert_allclose(turned, backward, rtol=5e-7)


def test_structures_share_their_constants() -> None:
    kernel, store = random(32, 16, 3, 3), WeightStore([])
    first, second = graph(kernel), graph(kernel)
    store.take_from(first)
    length = len(store.data)
    store.take_from(second)
    assert len(store.data) == length and store.length == kernel.size
    assert first.graph.initializer[0].external_data == second.graph.initializer[0].external_data


def test_small_constants_and_numbers_stay_in_the_graph() -> None:
    small, biases, whole = random(4, 4), random(3000), np.arange(3000)
    model, store = graph(small, biases), WeightStore([random(8, 375)])
    model.graph.initializer.append(numpy_helper.from_array(whole, "n"))
    store.take_from(model)
    assert store.data == b"" and not any(tensor.external_data for tensor in model.graph.initializer)


def test_large_weights_are_rounded_and_small_ones_are_not() -> None:
    generator = np.random.default_rng(0)
    large = generator.normal(0, 1e-3, (FEWEST_ROUNDED // 64, 64)).astype(np.float32)
    small = generator.normal(0, 1e-3, (20, 20)).astype(np.float32)
    store, model = WeightStore([]), graph(large, small)
    store.take_from(model)
    assert [stored.dtype for stored in store.stored] == ["float16", "float32"]
    rounded, exact = inlined(store, model)
    np.testing.assert_array_equal(exact, small)
    assert 0 < np.abs(rounded - large).max() < 2.0**-11 * np.abs(large).max()


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e9])
def test_weights_of_any_size_keep_their_precision(size: float) -> None:
    values = (random(256, 64) * size).astype(np.float32)
    store, model = WeightStore([values]), graph(values)
    store.take_from(model)
    (again,) = inlined(store, model)
    np.testing.assert_allclose(again, values, rtol=2e-3, atol=float(np.abs(values).max()) * 1e-6)
