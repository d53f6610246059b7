"""Models by name or file, and their device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from robust_widgets._bundled import model_names, weights_path
from robust_widgets.errors import DeviceError, RobustWidgetsError, UnknownNameError, WeightsError
from robust_widgets.models import registry
from robust_widgets.models.card import read_card
from robust_widgets.models.model_file import save_model
from robust_widgets.models.registry import choose_device, load_model
from robust_widgets.tasks.generate import generate
from robust_widgets.tasks.running.run import resolve_model
from tests.helpers import BUNDLED_MEAN_PROBABILITY, raises_sentence, tiny_model


def test_there_is_a_default_model() -> None:
    assert "default" in model_names()
    model = load_model(device="cpu")
    assert model.card == read_card(weights_path("default"))
    assert model.input_size >= 32 and len(model.classes) >= 2 and model.seeds is not None
    assert load_model("default", device="cpu").fingerprint == model.fingerprint


def test_the_default_model_paints_its_target_classes() -> None:
    traces = [generate(index, steps=20, device="cpu") for index in (0, 9, 18, 26)]
    assert all((trace.metrics["loss"][-1] < trace.metrics["loss"][0]).all() for trace in traces)
    assert np.mean([trace.metrics["probability"][-1] for trace in traces]) > BUNDLED_MEAN_PROBABILITY


def test_a_model_file_by_path(tmp_path: Path) -> None:
    save_model(tiny_model(), tmp_path / "own.safetensors")
    for source in (tmp_path / "own.safetensors", str(tmp_path / "own.safetensors")):
        assert load_model(source, device="cpu").card == tiny_model().card


def test_an_unknown_name_names_the_nearest() -> None:
    with raises_sentence(UnknownNameError, "'defualt'", "'default'"):
        load_model("defualt", device="cpu")


@pytest.mark.parametrize("source", ["gone.safetensors", "folder/gone", "./gone"])
def test_a_missing_file(source: str) -> None:
    with raises_sentence(WeightsError, str(Path(source))):
        load_model(source, device="cpu")


def test_a_folder_is_not_a_model(tmp_path: Path) -> None:
    with raises_sentence(WeightsError, tmp_path):
        load_model(tmp_path, device="cpu")


def only_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize("device", ["cuda", "cuda:3", "mps", "meta", "gpu", "", "cpu0", 3.5, 7])
def test_a_device_that_this_machine_does_not_have(device: object, monkeypatch: pytest.MonkeyPatch) -> None:
    only_a_cpu(monkeypatch)
    with raises_sentence(DeviceError, str(device), "'cpu'"):
        choose_device(device)  # type: ignore[arg-type]
    with raises_sentence(DeviceError, str(device)):
        load_model(device=device)  # type: ignore[arg-type]


def test_the_fastest_device_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    only_a_cpu(monkeypatch)
    assert choose_device() == torch.device("cpu")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device() == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device() == torch.device("cuda")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    assert choose_device("cpu") == torch.device("cpu")
    with raises_sentence(DeviceError, "'cuda:2'", "'cuda', 'mps', 'cpu'"):
        choose_device("cuda:2")


def test_a_loaded_model_is_used_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    assert resolve_model(model, None) is model
    assert resolve_model(model, "cpu") is model
    monkeypatch.setattr(registry, "load_model", lambda *_, **__: pytest.fail("a model was loaded"))
    with raises_sentence(DeviceError, "'abacus'"):
        resolve_model(model, "abacus")


def test_another_name_of_the_same_device_needs_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    model = tiny_model()
    monkeypatch.setattr(type(model), "device", torch.device("cuda:0"))
    monkeypatch.setattr(type(model), "copy_to", lambda _, device: f"a copy on {device}")
    assert resolve_model(model, "cuda") is model
    assert resolve_model(model, "cuda:0") is model
    assert resolve_model(model, "cuda:1") == "a copy on cuda:1"
    assert resolve_model(model, "cpu") == "a copy on cpu"


def test_another_device_gets_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    monkeypatch.setattr("robust_widgets.tasks.running.run.choose_device", lambda _: torch.device("meta"))
    moved = resolve_model(model, "elsewhere")
    assert moved.device.type == "meta" and model.device.type == "cpu"
    assert np.isfinite(model(torch.rand(1, 3, 16, 16)).numpy()).all()


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"device": []}, DeviceError),
        ({"device": 10**5000}, DeviceError),
        ({"precision": ["float16"]}, UnknownNameError),
    ],
)
def test_options_of_another_kind(options: dict[str, Any], kind: type[RobustWidgetsError]) -> None:
    with raises_sentence(kind):
        load_model("tiny", **options)


@pytest.mark.parametrize("name", ["", "x" * 5000])
def test_a_name_that_no_system_takes(name: str) -> None:
    with raises_sentence(UnknownNameError, "no model"):
        load_model(name)
