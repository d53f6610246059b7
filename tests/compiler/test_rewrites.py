"""Plain convolutions in place of transposed ones give the same numbers."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from robust_widgets.compiler.tracing import trace_joint

aten = torch.ops.aten


@given(
    size=st.integers(7, 12),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    stride=st.integers(1, 3),
    channels=st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_the_gradient_of_a_convolution_with_respect_to_its_input(
    size: int, kernel: tuple[int, int], padding: tuple[int, int], stride: int, channels: int
) -> None:
    torch.manual_seed(0)
    first = torch.randn(channels, 3, 1, 1)
    weight = torch.randn(4, channels, *kernel)

    def outputs(x: Tensor) -> Tensor:
        wide = aten.convolution(x, first, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)
        return torch.conv2d(wide, weight, None, stride, padding).flatten(1)

    graphs = trace_joint(outputs, torch.rand(1, 3, size, size + 1))
    x = torch.rand(2, 3, size, size + 1).requires_grad_()
    expected = outputs(x)
    output_gradient = torch.randn_like(expected)
    (gradient,) = torch.autograd.grad(expected, x, output_gradient)
    found, *kept = graphs.forward(x.detach())
    (gradient_found,) = graphs.backward(*kept, output_gradient)
    torch.testing.assert_close(found, expected.detach(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(gradient_found, gradient, rtol=1e-4, atol=1e-4)
    left = [node for node in graphs.backward.graph.nodes if node.target is aten.convolution.default and node.args[6]]
    if stride == 1:
        assert not [node for node in left if all(cut < side for cut, side in zip(padding, kernel, strict=True))]
