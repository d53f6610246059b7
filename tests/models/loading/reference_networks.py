"""Small random networks as the robustness library and RobustBench define them, if those packages are installed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import pytest
import torch
from torch import nn


def robustness(module: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the robustness package (MIT licence), with stand-ins for packages that only training needs."""
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
    """A module with architectures of the package robustbench (MIT licence), without importing the package."""
    spec = importlib.util.find_spec("robustbench")
    if spec is None or spec.submodule_search_locations is None:
        pytest.skip("robustbench is not installed")
    (folder,) = spec.submodule_search_locations
    for name in ("robustbench", "robustbench.model_zoo", "robustbench.model_zoo.architectures"):
        package = ModuleType(name)
        package.__path__ = [str(Path(folder, *name.split(".")[1:]))]
        monkeypatch.setitem(sys.modules, name, package)
    full = f"robustbench.model_zoo.architectures.{module}"
    monkeypatch.delitem(sys.modules, full, raising=False)
    return importlib.import_module(full)


def randomized(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network in evaluation mode, with random batch normalisations, so that no two layers are alike."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None:
            module.running_mean.copy_(0.2 * torch.rand(module.running_mean.shape, generator=generator) - 0.1)
            module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=generator))
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return network.eval()
