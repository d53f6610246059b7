"""Adversarial training end to end, on coloured noise."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from robust_widgets.errors import SaveError, TrainingError
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.registry import load_model
from robust_widgets.tasks.generate import generate
from robust_widgets.training import trainer
from robust_widgets.training.accuracy import accuracy
from robust_widgets.training.batches import channel_statistics, epoch_order, epsilon_at, make_batch
from robust_widgets.training.data import PictureSet
from robust_widgets.training.settings import TrainingSettings
from robust_widgets.training.trainer import autocast
from tests.helpers import check_sentence, noise_patterns, raises_sentence, trained_on

TRAIN, VAL = noise_patterns(64, seed=1), noise_patterns(16, seed=2)
SETTINGS: dict[str, Any] = {
    "architecture": "blurresnet-tiny",
    "epochs": 5,
    "epsilon": 1.0,
    "batch_size": 24,
    "learning_rate": 0.1,
    "average_decay": 0.9,
    "margin": 2,
    "precision": "float32",
}


def short(**settings: Any) -> TrainingSettings:
    return TrainingSettings(**{**SETTINGS, "epochs": 1, **settings})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[RobustClassifier, Path, list[str]]:
    out = tmp_path_factory.mktemp("trained") / "deep" / "colours.safetensors"
    said: list[str] = []
    settings = TrainingSettings(**SETTINGS)
    return trained_on(TRAIN, VAL, out, settings, data_name="made up", log=said.append), out, said


def test_it_learns_clean_and_under_attack(trained: tuple[RobustClassifier, Path, list[str]]) -> None:
    found = accuracy(trained[0], VAL, epsilon=1.0, steps=10, progress=False)
    assert found["clean"] > 0.9 and found["l2 1, 10 steps"] > 0.75, found
    assert accuracy(trained[0], VAL, epsilon=8.0, steps=10, progress=False)["l2 8, 10 steps"] < 0.5, "the attack bites"


def test_the_file_is_the_model(trained: tuple[RobustClassifier, Path, list[str]]) -> None:
    model, out, _ = trained
    assert sorted(path.name for path in out.parent.iterdir()) == ["colours.log.jsonl", "colours.safetensors"]
    back = load_model(out, device="cpu")
    assert back.card == model.card
    card = back.card
    assert (card.name, card.data, card.norm, card.radius, card.input_size) == ("colours", "made up", "l2", 1.0, 16)
    assert card.classes == TRAIN.classes and card.training == TrainingSettings(**SETTINGS).to_dict()
    pixels = TRAIN.pictures.double() / 255
    np.testing.assert_allclose(card.mean, pixels.mean((0, 2, 3)), atol=1e-4)
    np.testing.assert_allclose(card.std, pixels.transpose(0, 1).flatten(1).std(1), atol=1e-4)
    assert accuracy(back, VAL, epsilon=1.0, steps=2, progress=False)["clean"] > 0.9
    assert not model.training and not any(parameter.requires_grad for parameter in model.parameters())


def test_it_can_generate_what_it_learned(trained: tuple[RobustClassifier, Path, list[str]]) -> None:
    for name, channel in (("1 red", 0), ("2 green", 1), ("3 blue", 2)):
        trace = generate(name, n=2, steps=3, model=trained[0])
        means = trace.frames[0].astype(float).mean((0, 1, 2))
        assert means.argmax() == channel, "the seeds come from pictures of the class"


def test_the_log_has_a_line_per_epoch(trained: tuple[RobustClassifier, Path, list[str]]) -> None:
    _, out, said = trained
    rows = [json.loads(line) for line in out.with_suffix(".log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5] and len(said) == 6
    assert all({"side", "loss", "clean", "l2 1, 5 steps", "seconds"} <= row.keys() for row in rows)
    assert rows[-1]["clean"] > 0.9 and rows[-1]["loss"] < math.log(3)
    assert said[-2].startswith("epoch 5 of 5: ") and f"clean {rows[-1]['clean']:.1%}" in said[-2]
    assert str(out) in said[-1]


def spy(
    monkeypatch: pytest.MonkeyPatch, name: str, replacement: Callable[..., Any] | None = None
) -> list[dict[str, Any]]:
    """Record the keyword arguments of a function that the training calls."""
    calls: list[dict[str, Any]] = []
    real = getattr(trainer, name)

    def recorded(*args: Any, **kwargs: Any) -> Any:
        calls.append({**kwargs, "args": args})
        return (replacement or real)(*args, **kwargs)

    monkeypatch.setattr(trainer, name, recorded)
    return calls


def test_each_step_trains_on_adversarial_pictures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    modes: list[bool] = []

    def grey(model: torch.nn.Module, pictures: Tensor, _labels: Tensor, **_: Any) -> Tensor:
        modes.append(model.training)
        return torch.full_like(pictures, 0.5)

    calls = spy(monkeypatch, "pgd", grey)
    model = trained_on(TRAIN, VAL, tmp_path / "m.safetensors", short(epochs=2, inner_steps=3, seed=5), log=str)
    assert len(calls) == 16 and modes == [False] * 16, "attacked in evaluation mode, once a step"
    assert {(call["norm"], call["epsilon"], call["steps"]) for call in calls} == {("l2", 1.0, 3)}
    assert len({call["seed"] for call in calls}) == 16, "another random start each step"
    found = accuracy(model, VAL, epsilon=0, progress=False)["clean"]
    assert found <= 0.7, "from grey pictures nothing can be learned"


def test_the_averaged_weights_are_measured_after_an_epoch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = spy(monkeypatch, "accuracy")
    model = trained_on(TRAIN, VAL, tmp_path / "m.safetensors", short(epsilon=0.0), log=str)
    measured = calls[-1]["args"][0]
    assert measured.fingerprint == model.fingerprint
    assert model.card.norm == "" and model.card.radius == 0, "without an attack it is a standard model"


def test_size_and_epsilon_grow_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = noise_patterns(4, side=32)
    batches, attacks = spy(monkeypatch, "make_batch"), spy(monkeypatch, "pgd")
    settings = short(epochs=4, batch_size=6, epsilon=0.8, progressive=True)
    trained_on(data, data, tmp_path / "m.safetensors", settings, log=str)
    sizes = [16] * 2 + [24] * 2 + [32] * 4
    assert [call["args"][4] for call in batches] == sizes
    assert [call["args"][1].shape[-1] for call in attacks] == sizes
    assert [call["epsilon"] for call in attacks] == pytest.approx([0.8 * size / 32 for size in sizes])


@pytest.mark.parametrize(("norm", "at_half"), [("l2", 0.4), ("linf", 0.8)])
def test_only_an_l2_epsilon_scales_with_the_size(norm: str, at_half: float) -> None:
    settings = TrainingSettings(norm=norm, epsilon=0.8)
    assert epsilon_at(settings, 64, 64, 0) == 0.8 and epsilon_at(settings, 32, 64, 0) == pytest.approx(at_half)


def batch(step: int = 0, size: int = 16, rows: slice | None = None, **settings: Any) -> tuple[Tensor, Tensor]:
    run = short(**settings)
    order = epoch_order(TRAIN, run, step // 8)
    return make_batch(TRAIN, order, run, step, size, torch.device("cpu"), rows)


def test_a_batch_depends_only_on_settings_and_step() -> None:
    (one, labels), (again, same_labels) = batch(10), batch(10)
    assert torch.equal(one, again) and torch.equal(labels, same_labels)
    for other in (batch(18), batch(11), batch(10, seed=1)):
        assert not torch.equal(one, other[0])


@pytest.mark.parametrize("augmentation", ["shift", "wide"])
def test_processes_share_a_batch_without_overlap(augmentation: str) -> None:
    whole, labels = batch(10, augmentation=augmentation)
    parts = [batch(10, augmentation=augmentation, rows=slice(start, start + 8)) for start in (0, 8, 16)]
    torch.testing.assert_close(torch.cat([part for part, _ in parts]), whole)
    assert torch.equal(torch.cat([own for _, own in parts]), labels)


def test_an_epoch_sees_every_picture_once_and_its_own_label() -> None:
    counts = torch.zeros(3)
    for within in range(8):
        pictures, labels = batch(24 + within)
        assert pictures.shape == (24, 3, 16, 16) and pictures.min() >= 0 and pictures.max() <= 1
        assert torch.equal(pictures.mean((2, 3)).argmax(1), labels), "its strongest colour tells the class"
        counts += torch.bincount(labels, minlength=3)
    assert counts.tolist() == [64, 64, 64]


def test_a_balanced_epoch_shows_every_class_equally_often() -> None:
    few = PictureSet(TRAIN.pictures[:80], TRAIN.labels[:80], TRAIN.classes[:2])
    assert torch.bincount(few.labels).tolist() == [64, 16]
    plain, balanced = (epoch_order(few, short(balanced=kind), 0) for kind in (False, True))
    assert torch.bincount(few.labels[plain]).tolist() == [64, 16]
    assert torch.bincount(few.labels[balanced]).tolist() == [40, 40]


def test_epsilon_rises_in_the_warm_up() -> None:
    settings = TrainingSettings(epsilon=0.8, epsilon_warm_up=2)
    assert [epsilon_at(settings, 64, 64, epochs) for epochs in (0, 1, 2, 9)] == pytest.approx([0, 0.4, 0.8, 0.8])
    assert epsilon_at(TrainingSettings(epsilon=0.8), 64, 64, 0) == 0.8, "none by default"


def test_label_smoothing_lowers_confidence(tmp_path: Path) -> None:
    def confidence(smoothing: float) -> float:
        settings = short(epsilon=0.0, epochs=4, label_smoothing=smoothing)
        model = trained_on(TRAIN, VAL, tmp_path / f"{smoothing}.safetensors", settings)
        return float(model(VAL.pictures.float() / 255).softmax(1).amax(1).mean())

    assert confidence(0.5) < confidence(0.0) - 0.1


def test_a_batch_at_a_smaller_size() -> None:
    small, labels = batch(size=8)
    full, same = batch(size=16)
    assert small.shape == (24, 3, 8, 8) and torch.equal(labels, same)
    torch.testing.assert_close(small.mean((2, 3)), full.mean((2, 3)), atol=0.02, rtol=0)


def test_channel_statistics() -> None:
    flat = torch.zeros(4, 3, 2, 2, dtype=torch.uint8)
    flat[:, 1] = 255
    flat[:2, 2] = 255
    mean, std = channel_statistics(flat)
    assert mean == (0.0, 1.0, 0.5)
    assert std[0] == std[1] == 1e-3, "never zero: pictures are divided by it"
    assert std[2] == pytest.approx(0.5164, abs=1e-3)


def test_precision() -> None:
    cpu = torch.device("cpu")
    assert isinstance(autocast(cpu, "float32"), nullcontext)
    with autocast(cpu, "bfloat16"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


def test_training_in_bfloat16(tmp_path: Path) -> None:
    model = trained_on(TRAIN, VAL, tmp_path / "m.safetensors", short(epochs=3, precision="bfloat16"), log=str)
    assert all(value.isfinite().all() for value in model.state_dict().values())
    assert next(model.parameters()).dtype == torch.float32
    assert accuracy(model, VAL, epsilon=0, progress=False)["clean"] > 0.6


def test_linf_training(tmp_path: Path) -> None:
    model = trained_on(TRAIN, VAL, tmp_path / "m.safetensors", short(norm="linf", epsilon=0.05, epochs=3), log=str)
    assert (model.card.norm, model.card.radius) == ("linf", 0.05)
    assert accuracy(model, VAL, norm="linf", epsilon=0.05, steps=5, progress=False)["linf 0.05, 5 steps"] > 0.6


def test_fewer_pictures_than_a_batch(tmp_path: Path) -> None:
    few = PictureSet(TRAIN.pictures[::20], TRAIN.labels[::20], TRAIN.classes)
    model = trained_on(few, VAL, tmp_path / "m.safetensors", short(batch_size=999), log=str)
    assert all(value.isfinite().all() for value in model.state_dict().values())


def test_training_leaves_the_global_generator_and_the_data_alone(tmp_path: Path) -> None:
    kept = TRAIN.pictures.clone()
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    trained_on(TRAIN, VAL, tmp_path / "m.safetensors", short(batch_size=96), log=str)
    assert torch.equal(torch.rand(2), wanted) and torch.equal(TRAIN.pictures, kept)


def test_a_loss_that_is_not_a_number_stops_at_once(tmp_path: Path) -> None:
    with raises_sentence(TrainingError, "not a number", "--learning-rate"):
        trained_on(TRAIN, VAL, tmp_path / "m.safetensors", short(learning_rate=1e30), log=str)
    assert list(tmp_path.iterdir()) == [], "neither a model nor a useless checkpoint"


def test_a_model_that_another_process_wrote_meanwhile_is_left_alone(tmp_path: Path) -> None:
    out, said = tmp_path / "model.safetensors", list[str]()

    def other(text: str) -> None:
        said.append(text)
        if not out.exists():
            out.write_bytes(b"another model")

    trained_on(TRAIN, VAL, out, short(), log=other)
    assert (
        out.read_bytes() == b"another model" and load_model(tmp_path / "model-2.safetensors").classes == TRAIN.classes
    )
    check_sentence(said[-1], "model-2.safetensors", "because")


def test_a_finished_model_is_not_replaced_unless_one_says_so(tmp_path: Path) -> None:
    out = tmp_path / "model.safetensors"
    out.write_bytes(b"a finished model")
    with raises_sentence(SaveError, "model.safetensors", "exists", "overwrite=True"):
        trained_on(TRAIN, VAL, out, short())
    assert out.read_bytes() == b"a finished model" and list(tmp_path.iterdir()) == [out]
    trained_on(TRAIN, VAL, out, short(), overwrite=True)
    assert load_model(out).classes == TRAIN.classes
