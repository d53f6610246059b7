"""Checkpoints of RobustBench give the same logits here as RobustBench's own networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from robust_widgets.errors import WeightsError
from robust_widgets.models.registry import load_model
from tests.helpers import pictures, raises_sentence
from tests.models.loading.checkpoints import save_checkpoint
from tests.models.loading.reference_networks import randomized, robustbench

CIFAR = {"mean": (0.4914, 0.4822, 0.4465), "std": (0.2471, 0.2435, 0.2616)}
PLAIN = {"mean": 0, "std": 1}
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def wide(monkeypatch: pytest.MonkeyPatch, **options: Any) -> nn.Module:
    return robustbench("wide_resnet", monkeypatch).WideResNet(16, widen_factor=2, **options)


def deepmind(monkeypatch: pytest.MonkeyPatch, kind: str, activation: str, **options: Any) -> nn.Module:
    module = robustbench("dm_wide_resnet", monkeypatch)
    activations = {"silu": nn.SiLU, "swish": module.Swish, "relu": nn.ReLU, "gelu": nn.GELU, "softplus": nn.Softplus}
    return getattr(module, kind)(activation_fn=activations[activation], **options)


def residual(
    monkeypatch: pytest.MonkeyPatch, kind: str, block: str, depths: tuple[int, ...] = (2, 2, 2, 2), **options: Any
) -> nn.Module:
    module = robustbench("resnet", monkeypatch)
    return getattr(module, kind)(getattr(module, block), depths, **options)


Make = Callable[[pytest.MonkeyPatch], nn.Module]
NETWORKS: dict[str, tuple[Make, dict[str, Any]]] = {
    "wide": (lambda patch: wide(patch), PLAIN),
    "wide, with unused blocks": (lambda patch: wide(patch, sub_block1=True), PLAIN),
    "wide, without a last bias": (lambda patch: wide(patch, bias_last=False), CIFAR),
    "deepmind's wide, silu": (
        lambda patch: deepmind(patch, "DMWideResNet", "silu", depth=16, width=2),
        {"architecture": "wide-resnet-16-2-silu", **CIFAR},
    ),
    "deepmind's wide, swish": (
        lambda patch: deepmind(patch, "DMWideResNet", "swish", depth=16, width=2),
        {"architecture": "wide-resnet-16-2-silu", **CIFAR},
    ),
    "deepmind's wide, relu": (
        lambda patch: deepmind(patch, "DMWideResNet", "relu", depth=16, width=2),
        {"architecture": "wide-resnet-16-2-relu", **CIFAR},
    ),
    "deepmind's pre-activation, silu": (
        lambda patch: deepmind(patch, "DMPreActResNet", "silu"),
        {"architecture": "preact-resnet-18-silu", **CIFAR},
    ),
    "pre-activation": (
        lambda patch: residual(patch, "PreActResNet", "PreActBlock"),
        {"architecture": "preact-resnet-18", **PLAIN},
    ),
    "pre-activation, second version": (
        lambda patch: residual(patch, "PreActResNet", "PreActBlockV2", bn_before_fc=True),
        {"architecture": "preact-resnet-18-activated-shortcut", **CIFAR},
    ),
    "pre-activation, with an activated shortcut": (
        lambda patch: residual(patch, "PreActResNet", "PreActBlock", bn_before_fc=True, out_shortcut=True),
        {"architecture": "preact-resnet-18-activated-shortcut", **CIFAR},
    ),
    "resnet-18": (lambda patch: residual(patch, "ResNet", "BasicBlock"), PLAIN),
    "resnet-50": (lambda patch: residual(patch, "ResNet", "Bottleneck", depths=(3, 4, 6, 3)), CIFAR),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_logits_equal_robustbenchs(network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, options = NETWORKS[network]
    theirs = randomized(make(monkeypatch))
    normalises = hasattr(theirs, "mean")  # DeepMind's networks do; their checkpoints don't tell
    x = pictures(2, 32)
    mean, std = (torch.tensor(options[name]).expand(3).view(3, 1, 1) for name in ("mean", "std"))
    with torch.no_grad():
        expected = theirs(x if normalises else (x - mean) / std)
    ours = load_model(save_checkpoint(tmp_path, theirs.state_dict()), classes="cifar10", device="cpu", **options)
    torch.testing.assert_close(ours(x), expected, **CLOSE)
    assert ours.classes[9] == "truck"


def test_a_normalisation_in_the_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = randomized(residual(monkeypatch, "ResNet", "BasicBlock"))
    mean, std = (torch.tensor(CIFAR[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    state = {"mu": mean, "sigma": std, **theirs.state_dict()}
    x = pictures(2, 32)
    with torch.no_grad():
        expected = theirs((x - mean) / std)
    torch.testing.assert_close(load_model(save_checkpoint(tmp_path, state), device="cpu")(x), expected, **CLOSE)


def test_a_missing_normalisation_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_checkpoint(
        tmp_path, randomized(deepmind(monkeypatch, "DMWideResNet", "silu", depth=16, width=2)).state_dict()
    )
    with raises_sentence(WeightsError, "mean=", "std="):
        load_model(path, architecture="wide-resnet-16-2-silu", device="cpu")
