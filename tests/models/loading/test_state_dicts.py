"""Weights and normalisation are weights in every known layout of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from robust_widgets.errors import WeightsError
from tests.helpers import raises_sentence
from tests.models.loading.checkpoints import STATE, save_checkpoint, weights_of


def wrapped(prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in STATE.items()}


def attacker_model(prefix: str) -> dict[str, Tensor]:
    """The robustness library's names for a model: its normaliser twice, and its weights twice."""
    mean, std = torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1), torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1)
    normaliser = {"new_mean": mean, "new_std": std}
    return {
        **{f"{prefix}normalizer.{name}": value for name, value in normaliser.items()},
        **wrapped(f"{prefix}model."),
        **{f"{prefix}attacker.normalize.{name}": value for name, value in normaliser.items()},
        **wrapped(f"{prefix}attacker.model."),
    }


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        STATE,
        wrapped("module."),
        {"state_dict": wrapped("module.model."), "epoch": torch.tensor(3)},
        {"model": wrapped("_orig_mod."), "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}}, "epoch": 3},
        {"last": {"model_state_dict": STATE}, "best": {}},
    ],
)
def test_weights_are_found_in_every_layout(content: dict[str, Any], zipped: bool, tmp_path: Path) -> None:
    weights = weights_of(save_checkpoint(tmp_path, content, _use_new_zipfile_serialization=zipped))
    assert weights.state.keys() == STATE.keys() and weights.mean is None
    assert all(torch.equal(weights.state[name], value) for name, value in STATE.items())


@pytest.mark.parametrize("entry", ["model", "state_dict"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_attacker_model_of_the_robustness_library(entry: str, prefix: str, tmp_path: Path) -> None:
    weights = weights_of(save_checkpoint(tmp_path, {entry: attacker_model(prefix), "epoch": 90, "schedule": None}))
    assert weights.state.keys() == STATE.keys()
    assert weights.mean == pytest.approx((0.1, 0.2, 0.3)) and weights.std == pytest.approx((0.4, 0.5, 0.6))


@pytest.mark.parametrize("names", [("mu", "sigma"), ("mean", "std"), ("normalize.mean", "normalize.std")])
def test_a_normalisation_next_to_the_weights(names: tuple[str, str], tmp_path: Path) -> None:
    mean, std = torch.full((1, 3, 1, 1), 0.25), torch.full((1, 3, 1, 1), 0.5)
    weights = weights_of(save_checkpoint(tmp_path, {**STATE, names[0]: mean, names[1]: std}))
    assert (weights.mean, weights.std, weights.state.keys()) == ((0.25,) * 3, (0.5,) * 3, STATE.keys())


def test_weights_can_be_saved_and_read_again(tmp_path: Path) -> None:
    weights = weights_of(save_checkpoint(tmp_path, attacker_model("module.")))
    names = {"normalizer.new_mean", "normalizer.new_std", *(f"model.{name}" for name in STATE)}
    assert weights.as_state_dict().keys() == names, "converted files keep these names"
    save_file(weights.as_state_dict(), tmp_path / "again.safetensors")
    again = weights_of(tmp_path / "again.safetensors")
    assert (again.mean, again.std, again.state.keys()) == (weights.mean, weights.std, weights.state.keys())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_half_precision_is_kept_and_double_precision_becomes_single(dtype: torch.dtype, tmp_path: Path) -> None:
    weights = weights_of(save_checkpoint(tmp_path, {"w": torch.ones(3, dtype=dtype), "n": torch.tensor(1)}))
    assert weights.state["w"].dtype == (torch.float32 if dtype == torch.float64 else dtype)
    assert weights.state["n"].dtype == torch.int64


@pytest.mark.parametrize("sigma", [[0.1, 0.0, 0.1], [0.1, 0.1]])
def test_an_impossible_normalisation(sigma: list[float], tmp_path: Path) -> None:
    with raises_sentence(WeightsError, "model.pt"):
        weights_of(save_checkpoint(tmp_path, {**STATE, "mu": torch.zeros(3), "sigma": torch.tensor(sigma)}))


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [1.0], 5, {"model": {"model": {"epoch": 3}}}, {"model": {}}])
def test_files_without_weights(content: object, tmp_path: Path) -> None:
    with raises_sentence(WeightsError, "model.pt"):
        weights_of(save_checkpoint(tmp_path, content))
