"""Networks of others are prepared as `load_model` brings them, features and all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

import robust_widgets as rw
from robust_widgets.compiler.engine import ONEDNN, ONNX
from robust_widgets.models.networks.cifar import PreActResNet, SmallResNet
from robust_widgets.models.networks.wide_resnet import DeepMindPreActResNet, DeepMindWideResNet, WideResNet
from tests.compiler.networks import CLASSES, both, lively, pictures_for, torchvisions

BROUGHT: dict[str, Callable[[], nn.Module]] = {
    **{
        name: torchvisions(name)
        for name in ("resnet50", "wide_resnet50_2", "densenet121", "vgg11_bn", "mobilenet_v2", "shufflenet_v2_x0_5")
    },
    "resnet-18 for small pictures": lambda: SmallResNet(CLASSES, (2, 2, 2, 2), False),
    "wide": lambda: WideResNet(CLASSES, 1, 2),
    "deepmind's wide": lambda: DeepMindWideResNet(CLASSES, 1, 2, "silu"),
    "pre-activation": lambda: PreActResNet(CLASSES, (1, 1, 1, 1), True, True),
    "deepmind's pre-activation": lambda: DeepMindPreActResNet(CLASSES, (1, 1, 1, 1), "silu"),
}


@pytest.mark.parametrize("way", [ONEDNN, ONNX])
@pytest.mark.parametrize("name", BROUGHT)
def test_a_network_of_others_is_prepared(name: str, way: str) -> None:
    torch.manual_seed(0)
    network = lively(BROUGHT[name]())
    given = {"classes": [f"class {index}" for index in range(CLASSES)], "mean": 0.5, "std": 0.25, "input_size": 32}
    plain = rw.load_model(network, device="cpu", fast=False, **given)
    made = rw.load_model(network, device="cpu", fast=True, **given)
    assert made.engine is not None
    made.engine.fixed = way
    plain.double()  # a rectifier's kink tells which of two ways in float32 is nearer
    pictures = pictures_for(made, 2)
    expected, slope = both(plain, pictures.double())
    found, found_slope = both(made, pictures)
    assert all(passes is not None for passes in made.engine._passes.values())  # pyright: ignore[reportPrivateUsage]
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert float((found_slope.double() - slope).norm() / slope.norm()) < 1e-2
