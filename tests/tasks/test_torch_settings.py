"""Whatever a notebook has set in torch, the runs are the same, and torch is as it was afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import robust_widgets as rw
from robust_widgets.models.model_file import save_model
from robust_widgets.models.networks.cifar import SmallResNet
from robust_widgets.training.settings import TrainingSettings
from tests.helpers import noise_patterns, pictures, tiny_model, trained_on

SIDE = 16
MASK = np.zeros((SIDE, SIDE), bool)
MASK[4:12, 4:12] = True
PICTURE = pictures(1, SIDE)


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def default_device(device: str) -> Iterator[None]:
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


SETTINGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "inference_mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "anomaly mode": torch.autograd.detect_anomaly,
    "float64": lambda: default_dtype(torch.float64),
    "float16": lambda: default_dtype(torch.float16),
    "meta": lambda: default_device("meta"),
    "cpu": lambda: default_device("cpu"),
    "device block": lambda: torch.device("meta"),
}
TASKS: dict[str, Callable[[Any], rw.Trace]] = {
    "generate": lambda model: rw.generate("cat", model=model, n=2, steps=2),
    "sketch_to_image": lambda model: rw.sketch_to_image(PICTURE, "cat", model=model, steps=2),
    "translate": lambda model: rw.translate(PICTURE, "cat", model=model, steps=2, seed=3, size=2 * SIDE),
    "super_resolve": lambda model: rw.super_resolve(PICTURE, "cat", model=model, steps=2),
    "inpaint": lambda model: rw.inpaint(PICTURE, MASK, "cat", model=model, steps=2),
    "soft inpaint": lambda model: rw.inpaint(PICTURE, MASK, "cat", model=model, steps=2, penalty="paper"),
    "paint_features": lambda model: rw.paint_features(PICTURE[0], MASK, 1, model=model, steps=2),
    "mixture": lambda model: rw.run(
        rw.Problem(model, PICTURE, rw.Mixture({"cat": 1, "dog": 2}), rw.L2Step(0.1), 2, rw.L2Ball(1), seed=2)
    ),
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(tiny_model(SIDE), path)
    return path


@pytest.fixture(scope="module")
def expected(file: Path) -> dict[str, rw.Trace]:
    model = rw.load_model(file, device="cpu")
    return {name: task(model) for name, task in TASKS.items()}


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_of_torch_changes_no_run(setting: str, file: Path, expected: dict[str, rw.Trace]) -> None:
    with SETTINGS[setting]():
        model = rw.load_model(file, device="cpu")
        inside = {name: task(model) for name, task in TASKS.items()}
        robustness = rw.measure_robustness(model, PICTURE, count=1)
    for name, trace in inside.items():
        np.testing.assert_array_equal(trace.frames, expected[name].frames, err_msg=name)
    assert robustness.radius == rw.measure_robustness(rw.load_model(file, device="cpu"), PICTURE, count=1).radius
    assert {value.dtype for value in model.state_dict().values() if value.is_floating_point()} == {torch.float32}
    after = TASKS["generate"](model)
    np.testing.assert_array_equal(after.frames, expected["generate"].frames, err_msg="the model is as good as before")


@pytest.mark.parametrize("setting", ["inference_mode", "autocast", "float64", "meta"])
def test_a_compiled_model_made_in_a_setting_is_a_compiled_model(
    setting: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBUST_WIDGETS_FAST", "1")
    x = pictures(2, SIDE)
    with SETTINGS[setting]():
        model = rw.load_model(file, device="cpu", fast=True)
        TASKS["generate"](model)
        assert model(x).shape == (2, 3)
    plain = rw.load_model(file, device="cpu", fast=False)
    x.requires_grad_()
    gradients = [torch.autograd.grad(each(x).square().sum(), x)[0] for each in (model, plain)]
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("setting", ["inference_mode", "no_grad", "float64", "meta"])
def test_a_network_that_was_made_in_a_setting_paints(setting: str) -> None:
    with SETTINGS[setting](), torch.device("cpu"):
        network = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
        )
        model = rw.load_model(network, classes=["a", "b"], mean=0, std=1, input_size=SIDE, device="cpu")
        assert len(rw.translate(PICTURE.clone(), "b", model=model, steps=2)) == 3
    assert len(rw.translate(PICTURE, "b", model=model, steps=2)) == 3


@pytest.mark.parametrize("setting", ["inference_mode", "no_grad", "float64", "meta"])
def test_training_in_a_setting(setting: str, tmp_path: Path) -> None:
    settings = TrainingSettings(epochs=1, batch_size=12, architecture="smoothresnet-tiny", inner_steps=1)
    train_set, val_set = noise_patterns(4, seed=1), noise_patterns(2, seed=2)
    with SETTINGS[setting]():
        model = trained_on(train_set, val_set, tmp_path / "model.safetensors", settings)
        assert len(rw.generate("1 red", model=model, steps=1)) == 2


def random_states() -> list[bytes]:
    keys: Any = np.random.get_state(legacy=False)
    states = (torch.get_rng_state().numpy(), keys["state"]["key"], np.array(random.getstate()[1]))
    return [state.tobytes() for state in states]


@pytest.mark.parametrize("fast", ["0", "1"])
def test_the_first_use_of_a_model_draws_no_random_numbers(
    fast: str, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ROBUST_WIDGETS_FAST", fast)
    before = random_states()
    model = rw.load_model(file, device="cpu")
    for name, task in TASKS.items():
        task(model)
        assert random_states() == before, name
    rw.measure_robustness(model, PICTURE)
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Dropout(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    before = random_states()
    rw.load_model(network, classes=["a", "b"], mean=0, std=1, input_size=SIDE, device="cpu")
    torch.save(SmallResNet(10, (1, 1, 1, 1), False, 8).state_dict(), tmp_path / "checkpoint.pt")
    before = random_states()
    rw.load_model(tmp_path / "checkpoint.pt", classes="cifar10", mean=0, std=1, device="cpu")
    assert random_states() == before


class Noisy(rw.Objective):
    """A loss that draws its own random numbers."""

    def __call__(self, model: Any, x: torch.Tensor) -> torch.Tensor:
        return (x * (torch.randn(()) + np.random.rand() + random.random())).mean((1, 2, 3))


def test_a_loss_that_draws_its_own_numbers_draws_them_in_the_first_run_as_in_later_ones(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBUST_WIDGETS_FAST", "1")
    model = rw.load_model(file, device="cpu", fast=True)
    losses = []
    for _ in range(2):
        torch.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        losses.append(rw.run(rw.Problem(model, PICTURE, Noisy(), rw.L2Step(0.1), 3)).metrics["loss"])
    np.testing.assert_array_equal(*losses)
