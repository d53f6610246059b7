"""Prepared networks: the same answers and gradients, by another way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from robust_widgets.compiler.backends import onednn
from robust_widgets.compiler.backends.onnxruntime import OrtModule
from robust_widgets.compiler.compiled_module import CompiledModule, TorchModule, answer
from robust_widgets.compiler.rewrites import partitions
from robust_widgets.compiler.rewrites.activations import with_whole_activations
from robust_widgets.compiler.rewrites.strided import added_at_strides
from robust_widgets.compiler.tracing.decompositions import UnsupportedOpError
from robust_widgets.compiler.tracing.joint_graph import BATCH, JointGraph, record
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.networks.architectures import build
from tests.compiler.networks import CLASSES, NETWORKS, both, classifier, in_runs, pictures_for, torchvisions

aten = torch.ops.aten
BLOCKS = 8  # of a ResNet-18


@pytest.fixture(scope="module", params=NETWORKS)
def model(request: pytest.FixtureRequest) -> RobustClassifier:
    make, side = NETWORKS[request.param]
    torch.manual_seed(0)
    return classifier(make(), side)


def assert_same(function: Callable[[Tensor], Tensor], passes: CompiledModule, pictures: Tensor) -> None:
    expected, slope = both(function, pictures)
    found, found_slope = both(lambda x: answer(passes, x), pictures)
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert (found_slope - slope).norm() <= 1e-3 * slope.norm()


WAYS: dict[str, Callable[[JointGraph, Tensor], CompiledModule]] = {
    "as recorded": lambda graphs, _: TorchModule(graphs),
    "torch": lambda graphs, _: TorchModule(with_whole_activations(graphs)),
    "onednn": lambda graphs, _: TorchModule(in_onednn(graphs, False)),
    "onednn, one picture": lambda graphs, _: TorchModule(in_onednn(graphs, True)),
    "onednn, in runs": lambda graphs, picture: TorchModule(in_runs(graphs, picture)),
    "onnxruntime-1": lambda graphs, picture: OrtModule(graphs, picture, 1),
    "onnxruntime-2": lambda graphs, picture: OrtModule(graphs, picture, 2),
}


def in_onednn(graphs: JointGraph, one_picture: bool) -> JointGraph:
    whole = with_whole_activations(graphs)
    onednn.rewrite(whole, one_picture)
    return whole


@pytest.mark.parametrize("way", WAYS)
def test_answers_and_gradients_are_those_of_the_network(model: RobustClassifier, way: str) -> None:
    if way.startswith("onednn") and not onednn.available():
        pytest.skip("this torch has no oneDNN")
    if way.endswith("in runs") and not partitions.available():
        pytest.skip("this torch compiles none")
    passes = WAYS[way](record(model, pictures_for(model, 1)), pictures_for(model, 1))
    for count in (1, 2, BATCH, 2 * BATCH + 1):
        assert_same(model, passes, pictures_for(model, count, seed=count))


def kinds(graphs: JointGraph) -> Counter[object]:
    return Counter(node.target for graph in (graphs.forward, graphs.backward) for node in graph.graph.nodes)


def test_rectifiers_and_silu_are_whole_operations_in_torch() -> None:
    resnet = kinds(with_whole_activations(record(classifier(torchvisions("resnet18")(), 32), torch.rand(1, 3, 32, 32))))
    assert resnet[aten.threshold_backward.default] == resnet[aten.relu.default] == 17
    assert not {aten.where.self, aten.where.ScalarOther, aten.gt.Scalar} & set(resnet)
    silu = kinds(
        with_whole_activations(record(classifier(torchvisions("efficientnet_b0")(), 32), torch.rand(1, 3, 32, 32)))
    )
    assert silu[aten.silu.default] == silu[aten.silu_backward.default] == 49


def test_what_was_recorded_stays_as_it_was() -> None:
    graphs = record(classifier(torchvisions("resnet18")(), 32), torch.rand(1, 3, 32, 32))
    before = kinds(graphs)
    in_onednn(graphs, True)
    assert kinds(graphs) == before


@pytest.mark.skipif(not onednn.available(), reason="this torch has no oneDNN")
def test_sums_and_rectifiers_go_into_the_convolutions_before_them() -> None:
    graphs = in_onednn(record(classifier(torchvisions("resnet18")(), 32), torch.rand(1, 3, 32, 32)), False)
    found, library = kinds(graphs), torch.ops.mkldnn
    assert not {aten.relu.default, aten.convolution.default} & set(found)
    strided = 3  # in as many blocks, and again in their shortcuts
    sums = (library._convolution_pointwise.binary, library._convolution_pointwise_.binary)
    assert sum(found[kind] for kind in sums) >= BLOCKS
    assert found[library._convolution_transpose_pointwise.default] == strided
    assert found[added_at_strides] == strided
    assert found[onednn.shuffled_in_rows] == 1 and not found[aten.pixel_shuffle.default]


@pytest.mark.skipif(not onednn.available(), reason="this torch has no oneDNN")
def test_what_nobody_needs_any_more_is_written_over_and_nothing_else() -> None:
    torch.manual_seed(0)
    graphs = in_onednn(record(classifier(torchvisions("resnet18")(), 32), torch.rand(1, 3, 32, 32)), False)
    found, library = kinds(graphs), torch.ops.mkldnn
    assert found[aten.threshold_backward.grad_input] >= BLOCKS
    assert found[library._convolution_pointwise_.binary] >= BLOCKS // 2
    passes, pictures = TorchModule(graphs), torch.rand(2, 3, 32, 32)
    answers, kept = passes.forward(pictures)
    gradient = torch.ones_like(answers)
    before = [one.clone() for one in (pictures, gradient, answers, *cast("list[Tensor]", kept))]
    slopes = [passes.backward(kept, gradient).clone() for _ in range(2)]
    after = [pictures, gradient, answers, *cast("list[Tensor]", kept)]
    assert all(map(torch.equal, before, after))
    assert torch.equal(*slopes)


class Reused(nn.Module):
    """A sum's parts are read again behind it, one of them as a view."""

    def __init__(self) -> None:
        super().__init__()
        self.begin, self.first, self.second = (nn.Conv2d(given, 8, 3, padding=1) for given in (3, 8, 8))

    def forward(self, x: Tensor) -> Tensor:
        begun = self.begin(x)
        seen = begun.flatten(2).transpose(1, 2)
        total = self.first(begun) + begun
        twice = self.second(total.relu()) + total
        return torch.cat([(twice * begun).mean((2, 3)), seen.square().mean(1)], 1)


@pytest.mark.skipif(not onednn.available(), reason="this torch has no oneDNN")
@pytest.mark.parametrize("one_picture", [True, False])
def test_what_is_read_again_is_not_written_over(one_picture: bool) -> None:
    torch.manual_seed(0)
    network = Reused().requires_grad_(False).eval()
    graphs = in_onednn(record(network, torch.rand(1, 3, 8, 8)), one_picture)
    assert kinds(graphs)[torch.ops.mkldnn._convolution_pointwise.binary]
    assert_same(network, TorchModule(graphs), torch.rand(1 if one_picture else 2, 3, 8, 8))


@pytest.mark.skipif(not partitions.available(), reason="this torch compiles none")
def test_what_is_read_again_is_not_written_over_in_a_run_either() -> None:
    torch.manual_seed(0)
    network, picture = Reused().requires_grad_(False).eval(), torch.rand(1, 3, 8, 8)
    graphs = in_runs(record(network, picture), picture)
    assert any(node.op == "call_module" for node in graphs.backward.graph.nodes)
    assert_same(network, TorchModule(graphs), picture)


def test_filters_of_channels_that_lie_last() -> None:
    pictures, rows, columns = torch.rand(2, 3, 5, 6), torch.rand(4, 6), torch.rand(7, 5)
    last = pictures.contiguous(memory_format=torch.channels_last)
    for x in (pictures, last):
        torch.testing.assert_close(onednn.filtered_along_rows(x, rows), pictures @ rows.T)
        torch.testing.assert_close(onednn.filtered_along_columns(x, columns), columns @ pictures)
    assert onednn.filtered_along_rows(last, rows).is_contiguous(memory_format=torch.channels_last)
    assert onednn.filtered_along_columns(last, columns).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_squares_of_channels_that_lie_last(count: int, memory_format: torch.memory_format) -> None:
    x = torch.rand(count, 12, 5, 6).contiguous(memory_format=memory_format)[:, :, 1:]
    found = onednn.shuffled_in_rows(x, 2)
    assert found.is_contiguous()
    assert torch.equal(found, torch.pixel_shuffle(x, 2))


def test_no_normalisation_is_left_behind_a_convolution() -> None:
    graphs = record(classifier(torchvisions("resnet18")(), 32), torch.rand(1, 3, 32, 32))
    for graph in (graphs.forward, graphs.backward):
        assert not [node for node in graph.graph.nodes if node.target in (aten.mul.Tensor, aten.div.Tensor)]


def test_the_filters_are_products_and_nothing_is_laid_out_anew() -> None:
    graphs = record(classifier(build("smoothresnet-tiny", CLASSES), 32)._features, torch.rand(1, 3, 32, 32))  # pyright: ignore[reportPrivateUsage]
    for graph in (graphs.forward, graphs.backward):
        kinds = {node.target for node in graph.graph.nodes}
        assert aten.matmul.default in kinds
        assert kinds.isdisjoint({aten.transpose.int, aten.clone.default, aten.replication_pad2d.default})


def test_recording_leaves_the_network_as_it_was() -> None:
    network = torchvisions("resnet18")()  # its rectifiers work in place
    model = classifier(network, 32)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    picture = torch.rand(1, 3, 32, 32)
    kept = picture.clone()
    record(model, picture)
    assert torch.equal(picture, kept)
    assert not any(module._forward_hooks for module in network.modules())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_training_network_cannot_be_recorded() -> None:
    network = build("blurresnet-tiny", CLASSES)
    with pytest.raises(UnsupportedOpError):
        record(network, torch.rand(1, 3, 32, 32))
