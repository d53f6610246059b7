"""External networks, as `load_model` loads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import robust_widgets as rw
from robust_widgets.compiler.autotune import BATCH_SIZES
from robust_widgets.compiler.engine import BACKENDS
from robust_widgets.models.networks.cifar import PreActResNet, SmallResNet
from robust_widgets.models.networks.wide_resnet import DeepMindPreActResNet, DeepMindWideResNet, WideResNet
from tests.compiler.networks import CLASSES, forward_backward, pictures_for, randomise_norms, torchvision_network

EXTERNAL: dict[str, Callable[[], nn.Module]] = {
    **{
        name: torchvision_network(name)
        for name in ("resnet50", "wide_resnet50_2", "densenet121", "vgg11_bn", "mobilenet_v2", "shufflenet_v2_x0_5")
    },
    "resnet-18 for small pictures": lambda: SmallResNet(CLASSES, (2, 2, 2, 2), False),
    "wide": lambda: WideResNet(CLASSES, 1, 2),
    "deepmind's wide": lambda: DeepMindWideResNet(CLASSES, 1, 2, "silu"),
    "pre-activation": lambda: PreActResNet(CLASSES, (1, 1, 1, 1), True, True),
    "deepmind's pre-activation": lambda: DeepMindPreActResNet(CLASSES, (1, 1, 1, 1), "silu"),
}


@pytest.mark.parametrize("backend", [name for name, backend in BACKENDS.items() if not backend.lower_precision])
@pytest.mark.parametrize("name", EXTERNAL)
def test_an_external_network_is_compiled(name: str, backend: str) -> None:
    if not BACKENDS[backend].is_available():
        pytest.skip(f"{backend} is not available")
    torch.manual_seed(0)
    network = randomise_norms(EXTERNAL[name]())
    names = [f"class {index}" for index in range(CLASSES)]
    options: dict[str, Any] = {"classes": names, "mean": 0.5, "std": 0.25, "input_size": 32}
    plain = rw.load_model(network, device="cpu", fast=False, **options)
    compiled = rw.load_model(network, device="cpu", fast=True, **options)
    assert compiled.engine is not None
    compiled.engine.selected = dict.fromkeys(BATCH_SIZES, backend)
    plain.double()  # at a ReLU's kink two float32 gradients may differ; float64 tells which is closer
    pictures = pictures_for(compiled, 2)
    expected, expected_gradient = forward_backward(plain, pictures.double())
    outputs, gradient = forward_backward(compiled, pictures)
    assert all(module is not None for module in compiled.engine._modules.values())  # pyright: ignore[reportPrivateUsage]
    torch.testing.assert_close(outputs.double(), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert float((gradient.double() - expected_gradient).norm() / expected_gradient.norm()) < 1e-2
