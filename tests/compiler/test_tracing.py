"""Compiled networks give the same outputs and gradients as the network itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from robust_widgets.compiler.compiled_module import CompiledModule, TorchModule, run
from robust_widgets.compiler.decompositions import ACTIVATIONS, UnsupportedOpError
from robust_widgets.compiler.engine import BACKENDS
from robust_widgets.compiler.tracing import BATCH, JointGraph, trace_joint
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.networks.architectures import build
from tests.compiler.networks import (
    CLASSES,
    NETWORKS,
    classifier,
    forward_backward,
    pictures_for,
    torchvision_network,
)

aten = torch.ops.aten
RELUS, SILUS = 17, 49  # of a ResNet-18, of an EfficientNet-B0


@pytest.fixture(scope="module", params=NETWORKS)
def model(request: pytest.FixtureRequest) -> RobustClassifier:
    make, size = NETWORKS[request.param]
    torch.manual_seed(0)
    return classifier(make(), size)


def assert_same(function: Callable[[Tensor], Tensor], module: CompiledModule, pictures: Tensor) -> None:
    expected, expected_gradient = forward_backward(function, pictures)
    outputs, gradient = forward_backward(lambda x: run(module, x), pictures)
    assert (outputs - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert (gradient - expected_gradient).norm() <= 1e-3 * expected_gradient.norm()


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("backend", [name for name, backend in BACKENDS.items() if not backend.lower_precision])
def test_outputs_and_gradients_are_those_of_the_network(model: RobustClassifier, backend: str, single: bool) -> None:
    if not BACKENDS[backend].is_available():
        pytest.skip(f"{backend} is not available")
    module = BACKENDS[backend].compile(model, pictures_for(model, 1), single)
    for count in (1,) if single else (1, 2, BATCH, 2 * BATCH + 1):
        assert_same(model, module, pictures_for(model, count, seed=count))


@pytest.mark.parametrize("decomposed", [False, True])
def test_a_trace_runs_in_torch(model: RobustClassifier, decomposed: bool) -> None:
    module = TorchModule(trace_joint(model, pictures_for(model, 1), ACTIVATIONS if decomposed else None))
    assert_same(model, module, pictures_for(model, 2))


def kinds(graphs: JointGraph) -> Counter[object]:
    return Counter(node.target for graph in (graphs.forward, graphs.backward) for node in graph.graph.nodes)


def traced(name: str) -> Counter[object]:
    return kinds(trace_joint(classifier(torchvision_network(name)(), 32), torch.rand(1, 3, 32, 32)))


def test_activations_are_single_operations_in_torch() -> None:
    resnet, efficientnet = traced("resnet18"), traced("efficientnet_b0")
    assert resnet[aten.threshold_backward.default] == resnet[aten.relu.default] == RELUS
    assert efficientnet[aten.silu.default] == efficientnet[aten.silu_backward.default] == SILUS


def test_normalisations_are_folded_into_convolutions() -> None:
    left = set(traced("resnet18")) & {aten.mul.Tensor, aten.div.Tensor, aten.sub.Tensor}
    assert left == {aten.sub.Tensor}, "only the picture's mean is subtracted"


def test_filters_are_products_without_copies() -> None:
    model = classifier(build("smoothresnet-tiny", CLASSES), 32)
    found = kinds(trace_joint(model._features, torch.rand(1, 3, 32, 32)))  # pyright: ignore[reportPrivateUsage]
    assert found[aten.matmul.default]
    assert not {aten.transpose.int, aten.clone.default, aten.replication_pad2d.default} & set(found)


def test_saved_tensors_stay_unchanged_and_backward_can_run_twice() -> None:
    module = TorchModule(trace_joint(classifier(torchvision_network("resnet18")(), 32), torch.rand(1, 3, 32, 32)))
    outputs, saved = module.forward(pictures := torch.rand(2, 3, 32, 32))
    gradient = torch.ones_like(outputs)
    tensors = [pictures, gradient, outputs, *cast("list[Tensor]", saved)]
    before = [tensor.clone() for tensor in tensors]
    first, second = (module.backward(saved, gradient).clone() for _ in range(2))
    assert torch.equal(first, second) and all(map(torch.equal, before, tensors))


def test_tracing_leaves_the_network_unchanged() -> None:
    network = torchvision_network("resnet18")()  # its ReLUs work in place
    model = classifier(network, 32)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    picture = torch.rand(1, 3, 32, 32)
    original = picture.clone()
    trace_joint(model, picture)
    assert torch.equal(picture, original)
    assert not any(module._forward_hooks for module in network.modules())  # pyright: ignore[reportPrivateUsage]
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


class Untracked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3, track_running_stats=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x).mean((2, 3))


@pytest.mark.parametrize("network", [build("blurresnet-tiny", CLASSES), Untracked().eval()])
def test_statistics_of_the_batch_are_not_supported(network: nn.Module) -> None:
    with pytest.raises(UnsupportedOpError):
        trace_joint(network.requires_grad_(False), torch.rand(1, 3, 32, 32))
