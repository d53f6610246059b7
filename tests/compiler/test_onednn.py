"""oneDNN's fused operations, and tensors that are overwritten."""

from __future__ import annotations

from collections import Counter
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from robust_widgets.compiler.backends import onednn
from robust_widgets.compiler.compiled_module import TorchModule
from robust_widgets.compiler.tracing import JointGraph, trace_joint
from tests.compiler.networks import classifier, torchvision_network
from tests.compiler.test_tracing import assert_same, kinds

aten, mkldnn = torch.ops.aten, torch.ops.mkldnn
BLOCKS, STRIDED_CONVOLUTIONS = (
    8,
    7,
)  # of a ResNet-18; of the latter one is the first, three each in blocks and shortcuts
needs_onednn = pytest.mark.skipif(not onednn.is_available(), reason="this torch has no oneDNN")


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return classifier(torchvision_network("resnet18")(), 32)


def compiled(network: nn.Module, single: bool) -> tuple[TorchModule, JointGraph, Counter[object]]:
    graphs = trace_joint(network, torch.rand(1, 3, 32, 32))
    return onednn.compile_joint(graphs, single), graphs, kinds(graphs)


@needs_onednn
@pytest.mark.parametrize("single", [True, False])
def test_sums_and_relus_are_fused_and_memory_is_reused(network: nn.Module, single: bool) -> None:
    module, _, found = compiled(network, single)
    assert not {aten.relu.default, aten.convolution.default} & set(found)
    assert found[mkldnn._convolution_pointwise.binary] + found[mkldnn._convolution_pointwise_.binary] >= BLOCKS
    assert found[mkldnn._convolution_transpose_pointwise.default] == STRIDED_CONVOLUTIONS
    assert found[aten.threshold_backward.grad_input] >= BLOCKS
    assert found[mkldnn._convolution_pointwise_.binary] >= BLOCKS // 2
    assert_same(network, module, torch.rand(1 if single else 2, 3, 32, 32))


@needs_onednn
@pytest.mark.parametrize("single", [True, False])
def test_inputs_outputs_and_saved_tensors_are_not_overwritten(network: nn.Module, single: bool) -> None:
    module, *_ = compiled(network, single)
    outputs, saved = module.forward(pictures := torch.rand(1 if single else 2, 3, 32, 32))
    gradient = torch.ones_like(outputs)
    tensors = [pictures, gradient, outputs, *cast("list[Tensor]", saved)]
    before = [tensor.clone() for tensor in tensors]
    first, second = (module.backward(saved, gradient).clone() for _ in range(2))
    assert torch.equal(first, second) and all(map(torch.equal, before, tensors))


class Reused(nn.Module):
    """Reads the operands of a sum again later, one of them as a view."""

    def __init__(self) -> None:
        super().__init__()
        self.begin, self.first, self.second = (nn.Conv2d(inputs, 8, 3, padding=1) for inputs in (3, 8, 8))

    def forward(self, x: Tensor) -> Tensor:
        begin = self.begin(x)
        view = begin.flatten(2).transpose(1, 2)
        total = self.first(begin) + begin
        twice = self.second(total.relu()) + total
        return torch.cat([(twice * begin).mean((2, 3)), view.square().mean(1)], 1)


@needs_onednn
@pytest.mark.parametrize("single", [True, False])
def test_what_is_read_again_is_not_overwritten(single: bool) -> None:
    torch.manual_seed(0)
    network = Reused().requires_grad_(False).eval()
    module, _, found = compiled(network, single)
    assert found[mkldnn._convolution_pointwise.binary]
    assert_same(network, module, torch.rand(1 if single else 2, 3, 32, 32))


def test_filters_keep_channels_last() -> None:
    pictures, rows, columns = torch.rand(2, 3, 5, 6), torch.rand(4, 6), torch.rand(7, 5)
    last = pictures.contiguous(memory_format=torch.channels_last)
    for x in (pictures, last):
        torch.testing.assert_close(onednn.filter_rows(x, rows), pictures @ rows.T)
        torch.testing.assert_close(onednn.filter_columns(x, columns), columns @ pictures)
    assert onednn.filter_rows(last, rows).is_contiguous(memory_format=torch.channels_last)
    assert onednn.filter_columns(last, columns).is_contiguous(memory_format=torch.channels_last)
