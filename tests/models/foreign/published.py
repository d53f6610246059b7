"""Networks as others publish them, small and random: made by their own packages where those are installed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def robustness(module: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the robustness package (MIT licence); what it only trains with need not be installed."""
    pytest.importorskip("dill")
    for name in ("cox", "cox.store", "pandas", "torchvision.models.utils"):
        try:
            importlib.import_module(name)
        except ImportError:
            monkeypatch.setitem(sys.modules, name, MagicMock(spec=ModuleType(name), name=name))
    monkeypatch.setattr(sys.modules["cox"], "store", sys.modules["cox.store"], raising=False)
    monkeypatch.setattr(
        sys.modules["torchvision.models.utils"], "load_state_dict_from_url", torch.hub.load_state_dict_from_url, False
    )
    return pytest.importorskip(f"robustness.{module}", exc_type=ImportError)


def robustbench(module: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of architectures of the package robustbench (MIT licence), without the package's own imports."""
    found = importlib.util.find_spec("robustbench")
    if found is None or found.submodule_search_locations is None:
        pytest.skip("robustbench is not installed")
    (place,) = found.submodule_search_locations
    for name in ("robustbench", "robustbench.model_zoo", "robustbench.model_zoo.architectures"):
        package = ModuleType(name)
        package.__path__ = [str(Path(place, *name.split(".")[1:]))]
        monkeypatch.setitem(sys.modules, name, package)
    full = f"robustbench.model_zoo.architectures.{module}"
    monkeypatch.delitem(sys.modules, full, raising=False)
    return importlib.import_module(full)


def stirred(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network in evaluation mode, its running statistics random, so that no two layers are alike."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None:
            module.running_mean.copy_(0.2 * torch.rand(module.running_mean.shape, generator=generator) - 0.1)
            module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=generator))
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return network.eval()


def norm(state: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    """Batch normalisation with the weights of this name, as in evaluation."""
    named = [state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    return F.batch_norm(x, *named)


def trades_wide_resnet(state: Mapping[str, Tensor], x: Tensor, depth: int) -> Tensor:
    """The logits of TRADES' WideResNet, from its weights alone."""
    x = F.conv2d(x, state["conv1.weight"], padding=1)
    for stage in (1, 2, 3):
        for index in range(depth):
            at, stride = f"block{stage}.layer.{index}", 2 if stage > 1 and index == 0 else 1
            out = F.relu(norm(state, f"{at}.bn1", x))
            if f"{at}.convShortcut.weight" in state:
                x = F.conv2d(out, state[f"{at}.convShortcut.weight"], stride=stride)
            out = F.conv2d(out, state[f"{at}.conv1.weight"], stride=stride, padding=1)
            x = x + F.conv2d(F.relu(norm(state, f"{at}.bn2", out)), state[f"{at}.conv2.weight"], padding=1)
    pooled = F.avg_pool2d(F.relu(norm(state, "bn1", x)), 8).flatten(1)
    return F.linear(pooled, state["fc.weight"], state["fc.bias"])


def deepmind_wide_resnet(state: Mapping[str, Tensor], x: Tensor, depth: int) -> Tensor:
    """The logits of DeepMind's WideResNet with its SiLU, from its weights alone."""
    x = F.conv2d((x - state["mean"]) / state["std"], state["init_conv.weight"], padding=1)
    for stage in (0, 1, 2):
        for index in range(depth):
            at, stride = f"layer.{stage}.block.{index}", 2 if stage and index == 0 else 1
            out = F.silu(norm(state, f"{at}.batchnorm_0", x))
            if f"{at}.shortcut.weight" in state:
                x = F.conv2d(out, state[f"{at}.shortcut.weight"], stride=stride)
            out = F.pad(out, (1, 1, 1, 1) if stride == 1 else (0, 1, 0, 1))
            out = F.silu(norm(state, f"{at}.batchnorm_1", F.conv2d(out, state[f"{at}.conv_0.weight"], stride=stride)))
            x = x + F.conv2d(out, state[f"{at}.conv_1.weight"], padding=1)
    pooled = F.avg_pool2d(F.silu(norm(state, "batchnorm", x)), 8).flatten(1)
    return F.linear(pooled, state["logits.weight"], state["logits.bias"])


def preact_resnet(state: Mapping[str, Tensor], x: Tensor, activated: bool) -> Tensor:
    """The logits of PreActResNet-18, from its weights alone."""
    x = F.conv2d(x, state["conv1.weight"], padding=1)
    for stage in (1, 2, 3, 4):
        for index in (0, 1):
            at, stride = f"layer{stage}.{index}", 2 if stage > 1 and index == 0 else 1
            out = F.relu(norm(state, f"{at}.bn1", x))
            if f"{at}.shortcut.0.weight" in state:
                x = F.conv2d(out if activated else x, state[f"{at}.shortcut.0.weight"], stride=stride)
            out = F.conv2d(out, state[f"{at}.conv1.weight"], stride=stride, padding=1)
            x = x + F.conv2d(F.relu(norm(state, f"{at}.bn2", out)), state[f"{at}.conv2.weight"], padding=1)
    if "bn.weight" in state:
        x = F.relu(norm(state, "bn", x))
    return F.linear(F.avg_pool2d(x, 4).flatten(1), state["linear.weight"], state["linear.bias"])


def saved(folder: Path, content: object, **how: Any) -> Path:
    torch.save(content, folder / "model.pt", **how)
    return folder / "model.pt"
