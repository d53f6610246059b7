"""Models are saved and loaded again, and files that aren't models are refused."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from safetensors.torch import save as serialize

from robust_widgets.errors import SaveError, WeightsError
from robust_widgets.models.card import FORMAT, read_card
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.model_file import load_model_file, save_model
from tests.full_disk import fill_after
from tests.helpers import pictures, raises_sentence, tiny_model


def saved(folder: Path) -> Path:
    save_model(tiny_model(), folder / "model.safetensors")
    return folder / "model.safetensors"


def test_a_loaded_model_equals_the_saved_one_in_half_precision(tmp_path: Path) -> None:
    model, back = tiny_model(), load_model_file(saved(tmp_path))
    assert back.card == model.card and read_card(tmp_path / "model.safetensors") == model.card
    assert isinstance(back.card.classes, tuple) and isinstance(back.card.mean, tuple)
    for name, value in model.network.state_dict().items():
        loaded_value = back.network.state_dict()[name]
        assert loaded_value.dtype == value.dtype
        assert torch.equal(loaded_value, value.half().to(value.dtype) if value.is_floating_point() else value), name
    assert back.seeds is not None and model.seeds is not None and back.seeds.keys() == model.seeds.keys()
    assert all(torch.equal(back.seeds[name], model.seeds[name]) for name in model.seeds)
    torch.testing.assert_close(back(pictures(2, 16)), model(pictures(2, 16)), rtol=0.02, atol=0.02)
    assert not back.training and not any(parameter.requires_grad for parameter in back.parameters())


def test_a_second_round_trip_changes_nothing(tmp_path: Path) -> None:
    first = load_model_file(saved(tmp_path))
    save_model(first, tmp_path / "again.safetensors")
    assert load_model_file(tmp_path / "again.safetensors").fingerprint == first.fingerprint


def test_a_model_without_seeds(tmp_path: Path) -> None:
    model = tiny_model()
    model.seeds = None
    save_model(model, tmp_path / "bare.safetensors")
    assert load_model_file(tmp_path / "bare.safetensors").seeds is None


def test_a_saved_model_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    assert saved(tmp_path).stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_missing_files(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.safetensors", tmp_path):
        with raises_sentence(WeightsError, repr(str(path))):
            load_model_file(path)


@pytest.mark.parametrize("keep", [0, 4, 8, 100, 0.5, -1])
def test_truncated_files(keep: float, tmp_path: Path) -> None:
    path = saved(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    for read in (load_model_file, read_card):
        with raises_sentence(WeightsError, repr(str(path))):
            read(path)


def test_a_text_file_and_a_pickle(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    for content in (b"these are no weights\n" * 50, pickle.dumps({"weights": [1.0]})):
        path.write_bytes(content)
        with raises_sentence(WeightsError, repr(str(path))):
            load_model_file(path)
    torch.save(tiny_model().network.state_dict(), path)
    with raises_sentence(WeightsError, repr(str(path))):
        load_model_file(path)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"format": "robust-widgets 99", "card": "{}"}])
def test_a_safetensors_file_that_is_not_a_model(metadata: dict[str, str] | None, tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors", metadata=metadata)
    with raises_sentence(WeightsError, "other.safetensors", "no model card of robust-widgets"):
        load_model_file(tmp_path / "other.safetensors")


def rewritten(folder: Path, card: object = None, **tensors: torch.Tensor | None) -> Path:
    """A saved model with another card, or with some tensors replaced, or removed if None."""
    path = saved(folder)
    weights = load_file(path)
    for name, value in tensors.items():
        weights.pop(name)
        if value is not None:
            weights[name] = value
    card = dataclasses.asdict(tiny_model().card) if card is None else card
    save_file(weights, path, metadata={"format": FORMAT, "card": json.dumps(card)})
    return path


CARD = dataclasses.asdict(tiny_model().card)
ODD_CARDS: list[object] = [
    *([], "text", 3, {}, {"name": "x"}),
    *({**CARD, "mean": [0.5, 0.5]}, {**CARD, "std": None}, {**CARD, "classes": 3}),
    {name: value for name, value in CARD.items() if name != "input_size"},
]


@pytest.mark.parametrize("card", ODD_CARDS, ids=lambda card: repr(card)[:30])
def test_a_card_that_cannot_be_read(card: object, tmp_path: Path) -> None:
    with raises_sentence(WeightsError, "model.safetensors", "card"):
        load_model_file(rewritten(tmp_path, card))


def test_unknown_fields_in_a_card_are_ignored(tmp_path: Path) -> None:
    assert load_model_file(rewritten(tmp_path, {**CARD, "colour": "blue"})).card == tiny_model().card


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"architecture": "blurresnet"}, "blurresnet"),
        ({"architecture": "vgg"}, "vgg"),
        ({"classes": ["a", "b"]}, "fit"),
    ],
)
def test_weights_that_do_not_fit_their_card(change: dict[str, object], named: str, tmp_path: Path) -> None:
    with raises_sentence(WeightsError, "do not fit", named):
        load_model_file(rewritten(tmp_path, {**CARD, **change}))


def test_weights_with_a_missing_tensor_or_a_wrong_shape(tmp_path: Path) -> None:
    for value in (None, torch.zeros(5)):
        with raises_sentence(WeightsError, "do not fit"):
            load_model_file(rewritten(tmp_path, **{"network.head.bias": value}))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite(value: float, tmp_path: Path) -> None:
    with raises_sentence(WeightsError, "not finite"):
        load_model_file(rewritten(tmp_path, **{"network.head.bias": torch.full((3,), value)}))


def test_a_full_disk_leaves_the_old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"the old model")
    fill_after(monkeypatch, 1000)
    with raises_sentence(SaveError, os.strerror(errno.ENOSPC), repr(str(path))):
        save_model(tiny_model(), path)
    assert path.read_bytes() == b"the old model" and list(tmp_path.iterdir()) == [path]


def test_an_unwritable_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "gone" / "m.safetensors", tmp_path / "file" / "m.safetensors", tmp_path / "folder"):
        with raises_sentence(SaveError, repr(str(path))):
            save_model(tiny_model(), path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "folder"]


def test_a_failing_replace_leaves_the_old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"the old model")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    with raises_sentence(SaveError, os.strerror(errno.EACCES)):
        save_model(tiny_model(), path)
    assert path.read_bytes() == b"the old model" and list(tmp_path.iterdir()) == [path]


def test_loading_does_not_change_the_global_generator(tmp_path: Path) -> None:
    path = saved(tmp_path)
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    load_model_file(path)
    assert torch.equal(torch.rand(3), wanted)


def test_saving_does_not_change_the_model(tmp_path: Path) -> None:
    model: RobustClassifier = tiny_model()
    before = model.fingerprint
    save_model(model, tmp_path / "model.safetensors")
    model._fingerprint = None
    assert model.fingerprint == before


def test_a_card_with_an_endless_text_is_refused_unread(tmp_path: Path) -> None:
    card = {name: value for name, value in dataclasses.asdict(tiny_model().card).items() if name != "measured"}
    for name, value in (("long", [[]] * 3_000_000), ("nested", [1])):
        content = {**card, "training": {"steps": value}}
        metadata = {"format": "robust-widgets 1", "card": json.dumps(content)}
        (tmp_path / f"{name}.safetensors").write_bytes(serialize({"network.head.bias": torch.zeros(3)}, metadata))
    with raises_sentence(WeightsError, "long.safetensors", "claims a header"):
        load_model_file(tmp_path / "long.safetensors")
    with raises_sentence(WeightsError, "nested.safetensors", "training.steps"):
        load_model_file(tmp_path / "nested.safetensors")
