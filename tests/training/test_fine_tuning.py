"""Fine-tuning: the same classes, other classes, and the default settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from robust_widgets.errors import ParameterError, UnknownNameError
from robust_widgets.models.model_file import save_model
from robust_widgets.training.data import PictureSet
from robust_widgets.training.settings import FINE_TUNING, TrainingSettings
from robust_widgets.training.train import train
from robust_widgets.training.trainer import TrainingRun
from tests.helpers import CLASSES, noise_patterns, raises_sentence, tiny_model

TRAIN, VAL = noise_patterns(16, seed=1), noise_patterns(4, seed=2)
QUICK: dict[str, Any] = {"epochs": 1, "batch_size": 16, "learning_rate": 1e-6, "precision": "float32"}


def weights_after(data: PictureSet, tmp_path: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A model's weights, and those of a run that started from it and hardly moved."""
    init = tiny_model(seed=3)
    settings = TrainingSettings.of(QUICK, init_architecture="blurresnet-tiny")
    run = TrainingRun(data, data, tmp_path / "new.safetensors", settings, init=init)
    assert run.card.mean == init.card.mean and run.card.std == init.card.std, "what the weights were trained with"
    return init.network.state_dict(), run._learner.network.state_dict()


def test_with_the_same_classes_all_weights_are_copied(tmp_path: Path) -> None:
    before, after = weights_after(PictureSet(TRAIN.pictures, TRAIN.labels, CLASSES), tmp_path)
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_with_other_classes_all_but_the_last_layer(tmp_path: Path) -> None:
    before, after = weights_after(TRAIN, tmp_path)
    assert {name for name, value in before.items() if not torch.equal(after[name], value)} == {
        "head.weight",
        "head.bias",
    }


def test_two_classes_from_a_model_of_three(tmp_path: Path) -> None:
    save_model(tiny_model(), tmp_path / "old.safetensors")
    two = PictureSet(TRAIN.pictures[:32], TRAIN.labels[:32], TRAIN.classes[:2])
    options: dict[str, Any] = {
        "init": str(tmp_path / "old.safetensors"),
        "log": str,
        "progress": False,
        "device": "cpu",
    }
    model = train(two, tmp_path / "new.safetensors", val=two, epochs=4, batch_size=8, learning_rate=0.1, **options)
    assert model.classes == two.classes and model.input_size == 16
    right = model(two.pictures.float() / 255).argmax(1) == two.labels
    assert float(right.float().mean()) > 0.9


def test_the_defaults_suit_trained_weights() -> None:
    settings = TrainingSettings.of({"epochs": 3}, init_architecture="blurresnet-small")
    assert settings.architecture == "blurresnet-small" and settings.epochs == 3
    assert settings.learning_rate == FINE_TUNING["learning_rate"] < TrainingSettings().learning_rate
    assert not settings.progressive
    assert TrainingSettings.of({"epochs": 3}) == TrainingSettings(epochs=3)


def test_weights_that_do_not_fit_the_architecture_are_refused(tmp_path: Path) -> None:
    settings = TrainingSettings.of({"architecture": "smoothresnet"}, init_architecture="blurresnet-tiny")
    with raises_sentence(ParameterError, "'blurresnet-tiny'", "'smoothresnet'"):
        TrainingRun(TRAIN, VAL, tmp_path / "new.safetensors", settings, init=tiny_model())


def test_weights_may_be_used_in_another_architecture_of_the_same_shapes(tmp_path: Path) -> None:
    settings = TrainingSettings.of({**QUICK, "architecture": "smoothresnet-tiny"}, init_architecture="blurresnet-tiny")
    run = TrainingRun(TRAIN, VAL, tmp_path / "new.safetensors", settings, init=tiny_model())
    assert run.card.architecture == "smoothresnet-tiny"


@pytest.mark.parametrize("start", [None, "blurresnet"])
def test_an_unknown_setting_names_the_nearest(start: str | None) -> None:
    with raises_sentence(UnknownNameError, "'epoch'", "'epochs'"):
        TrainingSettings.of({"epoch": 3}, init_architecture=start)
