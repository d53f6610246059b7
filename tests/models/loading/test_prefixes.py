"""Weights that training code saved under a prefix, beside weights of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision

from robust_widgets.errors import WeightsError
from robust_widgets.models.networks.cifar import SmallResNet
from robust_widgets.models.registry import load_model
from tests.helpers import pictures, raises_sentence
from tests.models.loading.reference_networks import randomized

OWN = {"classes": list("abcdefghij"), "mean": 0, "std": 1, "device": "cpu"}
STATE = randomized(SmallResNet(10, (1, 1, 1, 1), False, 8)).state_dict()


def saved(folder: Path, state: dict[str, torch.Tensor]) -> Path:
    torch.save({"state_dict": state, "epoch": 3}, folder / "checkpoint.pt")
    return folder / "checkpoint.pt"


def under(prefix: str) -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": value for name, value in STATE.items()}


@pytest.mark.parametrize("prefix", ["backbone.", "net.", "student.net.", "model.backbone.", "module.model."])
@pytest.mark.parametrize("beside", [{}, {"criterion.weight": torch.ones(10), "metric.total": torch.ones(())}])
def test_a_prefix_and_weights_of_the_training_are_left_out(
    tmp_path: Path, prefix: str, beside: dict[str, torch.Tensor]
) -> None:
    plain = load_model(saved(tmp_path, STATE), **OWN)
    model = load_model(saved(tmp_path, under(prefix) | beside), **OWN)
    x = pictures(2, 32)
    assert torch.equal(model(x), plain(x)) and model.fingerprint == plain.fingerprint


def test_weights_of_a_loss_beside_those_of_the_network(tmp_path: Path) -> None:
    plain = load_model(saved(tmp_path, STATE), **OWN)
    model = load_model(saved(tmp_path, STATE | {"criterion.weight": torch.ones(10)}), **OWN)
    assert model.fingerprint == plain.fingerprint


def test_a_prefix_with_a_named_network_of_torchvision(tmp_path: Path) -> None:
    network = randomized(torchvision.models.resnet18(num_classes=10))
    state = {f"net.{name}": value for name, value in network.state_dict().items()}
    path = saved(tmp_path, state | {"criterion.weight": torch.ones(10, 10)})
    options = {**OWN, "input_size": 32, "architecture": "torchvision:resnet18"}
    x = pictures(1, 32)
    with torch.no_grad():
        torch.testing.assert_close(load_model(path, **options)(x), network(x), rtol=1e-4, atol=1e-4)


def test_of_two_networks_one_has_to_be_chosen(tmp_path: Path) -> None:
    with raises_sentence(WeightsError, "2 networks", "'student.'", "'teacher.'"):
        load_model(saved(tmp_path, under("student.") | under("teacher.")), **OWN)


def test_a_weight_too_many_within_the_network_is_an_error_cut_between_words(tmp_path: Path) -> None:
    more = {f"layer4.0.a_layer_that_is_not_there_{index}": torch.ones(1) for index in range(30)}
    with raises_sentence(WeightsError, "do not fit", "layer4.0.a_layer_that_is_not_there_0"):
        load_model(saved(tmp_path, STATE | more), **OWN)
