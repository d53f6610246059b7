"""Files written by version 0.1 (commit 201bc29) are still read: a checkpoint, models, and the metrics of a card.

They belong to a tiny network, trained on 16-pixel pictures for two epochs.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from robust_widgets.models.networks import architectures
from robust_widgets.models.networks.smoothresnet import ResNetConfig
from robust_widgets.models.registry import load_model
from robust_widgets.training.train import train
from tests.cli.shell import call

FILES = Path(__file__).parent.parent / "data" / "v0.1" / "training"
PICTURES = FILES / "pictures.tar.gz"
SETTINGS: dict[str, Any] = {
    "architecture": "smoothresnet-nano",
    "epochs": 2,
    "batch_size": 12,
    "learning_rate": 0.05,
    "margin": 2,
    "precision": "float32",
    "seed": 3,
    "seed_rank": 2,
}


@pytest.fixture(autouse=True)
def nano(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Register the architecture of the files."""
    config = ResNetConfig(stem=4, widths=(4, 8, 8, 16))
    monkeypatch.setitem(architectures.ARCHITECTURES, "smoothresnet-nano", config)
    yield


def resume(folder: Path, **settings: Any) -> Any:
    shutil.copy(FILES / "stopped.checkpoint.pt", folder / "model.checkpoint.pt")
    options: dict[str, Any] = {"device": "cpu", "progress": False, "log": str, "data_name": "made up", "resume": True}
    return train(PICTURES, folder / "model.safetensors", size=16, **options, **SETTINGS, **settings)


def test_a_checkpoint_is_resumed_and_ends_as_the_old_run_did(tmp_path: Path) -> None:
    resumed, expected = resume(tmp_path, epsilon=0.5), load_model(FILES / "model.safetensors", device="cpu")
    assert resumed.card == expected.card
    weights = resumed.state_dict()
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-3)


def test_the_old_name_of_epsilon_resumes_it_too(tmp_path: Path) -> None:
    with pytest.warns(DeprecationWarning, match="epsilon"):
        assert resume(tmp_path, radius=0.5).card.training["radius"] == 0.5


def test_a_model_is_loaded_with_its_card_and_seeds() -> None:
    model = load_model(FILES / "model.safetensors", device="cpu")
    assert (model.card.norm, model.card.radius, model.card.training["radius"]) == ("l2", 0.5, 0.5)
    assert model.seeds is not None and model.fingerprint == "5d6b8d9ecca31b65"


def test_metrics_of_a_card_are_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("model.safetensors", "judge.safetensors", "card.json"):
        shutil.copy(FILES / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "card-card").mkdir()
    (tmp_path / "card-card" / "generated.png").write_bytes(b"kept")
    options = ("--steps", 2, "--seeds", 2, "--epsilon", 0.5, "--device", "cpu")
    command = ("evaluate", "card", "model.safetensors", PICTURES, "--judge", "judge.safetensors", "--out", "card.md")
    lines = call(*command, *options, "--tasks").stdout.splitlines()
    again = [line for line in lines if line.endswith(": measuring") and not line.startswith("speed")]
    assert not again and "task: inpaint, paper: known" in lines
