"""Prepared networks: the same answers and gradients, by another way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from robust_widgets.models.architectures import build
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.prepared.decompositions import UnpreparableError
from robust_widgets.models.prepared.graphs import BATCH, record
from robust_widgets.models.prepared.passes import Passes, TorchPasses, answer
from robust_widgets.models.prepared.sessions import OnnxPasses
from tests.models.prepared.networks import CLASSES, NETWORKS, both, classifier, pictures_for, torchvisions

aten = torch.ops.aten


@pytest.fixture(scope="module", params=NETWORKS)
def model(request: pytest.FixtureRequest) -> RobustClassifier:
    make, side = NETWORKS[request.param]
    torch.manual_seed(0)
    return classifier(make(), side)


def assert_same(function: Callable[[Tensor], Tensor], passes: Passes, pictures: Tensor) -> None:
    expected, slope = both(function, pictures)
    found, found_slope = both(lambda x: answer(passes, x), pictures)
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert (found_slope - slope).norm() <= 1e-3 * slope.norm()


@pytest.mark.parametrize("threads", [None, 1, 2], ids=["torch", "onnxruntime-1", "onnxruntime-2"])
def test_answers_and_gradients_are_those_of_the_network(model: RobustClassifier, threads: int | None) -> None:
    graphs = record(model, pictures_for(model, 1))
    passes = TorchPasses(graphs) if threads is None else OnnxPasses(graphs, pictures_for(model, 1), threads)
    for count in (1, 2, BATCH, 2 * BATCH + 1):
        assert_same(model, passes, pictures_for(model, count, seed=count))


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
    with pytest.raises(UnpreparableError):
        record(network, torch.rand(1, 3, 32, 32))
