"""Networks that end in no linear layer, or take other pictures than most, and those that cannot paint."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import robust_widgets as rw
from robust_widgets.errors import ParameterError, WeightsError
from robust_widgets.models.registry import load_model
from tests.helpers import pictures, raises_sentence

SIDE = 16
OWN: dict[str, Any] = {"classes": ["cat", "dog", "fish"], "mean": 0.5, "std": 0.25, "input_size": SIDE, "device": "cpu"}


def seeded(*layers: nn.Module) -> nn.Sequential:
    """The layers with weights drawn from one seed, large enough that the network has opinions."""
    network = nn.Sequential(*layers)
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) / 2
    return network


def convolutional(*end: nn.Module) -> nn.Sequential:
    """As SqueezeNet: the last convolution has a channel for each class, and its mean over the picture is the logit."""
    return seeded(nn.Conv2d(3, 6, 3, padding=1), nn.Tanh(), nn.Conv2d(6, 3, 1), nn.AdaptiveAvgPool2d(1), *end)


def with_linear(*end: nn.Module) -> nn.Sequential:
    return seeded(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3), *end
    )


MASK = np.zeros((SIDE, SIDE), bool)
MASK[4:12, 4:12] = True
RUNS: dict[str, Any] = {
    "sketch_to_image": lambda model, **options: rw.sketch_to_image(pictures(1, SIDE), "dog", model=model, **options),
    "translate": lambda model, **options: rw.translate(pictures(1, SIDE), "dog", model=model, **options),
    "super_resolve": lambda model, **options: rw.super_resolve(pictures(1, SIDE), "dog", model=model, **options),
    "inpaint": lambda model, **options: rw.inpaint(pictures(1, SIDE), MASK, "dog", model=model, **options),
}
ENDS: dict[str, Any] = {
    "flat": lambda: convolutional(nn.Flatten()),
    "one pixel": lambda: convolutional(),
    "softmax after a convolution": lambda: convolutional(nn.Flatten(), nn.Softmax(1)),
    "softmax after a linear layer": lambda: with_linear(nn.Softmax(dim=1)),
    "log-softmax": lambda: with_linear(nn.LogSoftmax(dim=1)),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("task", RUNS)
def test_all_tasks_but_feature_painting_work_with_networks_that_end_otherwise(end: str, task: str) -> None:
    trace = RUNS[task](load_model(ENDS[end](), **OWN), steps=3)
    assert trace.metrics["loss"][-1] < trace.metrics["loss"][0]


def test_feature_painting_says_what_it_needs() -> None:
    model = load_model(ENDS["flat"](), **OWN)
    with raises_sentence(WeightsError, "linear layer", "all other tasks"):
        rw.paint_features(pictures(1, SIDE)[0], MASK, 0, model=model, steps=1)


@pytest.mark.parametrize("network", [convolutional, with_linear])
def test_a_softmax_at_the_end_changes_nothing(network: Any) -> None:
    plain = load_model(network(nn.Flatten()), **OWN)
    ended = load_model(network(nn.Flatten(), nn.Softmax(1)), **OWN)
    x = pictures(2, SIDE)
    torch.testing.assert_close(ended(x).softmax(1), plain(x).softmax(1))
    assert not torch.allclose(plain(x).softmax(1), torch.full((2, 3), 1 / 3), atol=0.1), "it has opinions"
    for task, run in RUNS.items():
        expected, trace = run(plain, steps=4), run(ended, steps=4)
        np.testing.assert_allclose(trace.metrics["loss"], expected.metrics["loss"], rtol=1e-4, err_msg=task)
        difference = trace.frames.astype(int) - expected.frames
        assert abs(difference).max() <= 1, task
    assert load_model(with_linear(nn.Softmax(1)), **OWN).features(x).shape == (2, 6), "its features can be painted, too"


def test_a_fully_convolutional_network_takes_larger_pictures() -> None:
    network = seeded(nn.Conv2d(3, 6, SIDE, stride=SIDE), nn.Tanh(), nn.Conv2d(6, 3, 1))
    model = load_model(network, **OWN)
    large = pictures(1, 2 * SIDE)
    corners = torch.cat([part for row in large.split(SIDE, 2) for part in row.split(SIDE, 3)])
    torch.testing.assert_close(model(large), model(corners).mean(0, keepdim=True))
    assert rw.translate(pictures(1, SIDE), "dog", model=model, steps=1, size=2 * SIDE).frames.shape[2] == 2 * SIDE


def test_outputs_that_hold_their_logits_by_name() -> None:
    class Library(nn.Module):
        def __init__(self, kind: Any) -> None:
            super().__init__()
            self.network, self.kind = with_linear(), kind

        def forward(self, x: Tensor) -> Any:
            return self.kind(logits=self.network(x))

    x = pictures(2, SIDE)
    for kind in (dict, SimpleNamespace):
        torch.testing.assert_close(load_model(Library(kind), **OWN)(x), load_model(with_linear(), **OWN)(x))


def test_a_torchscript_network_paints() -> None:
    network = with_linear().eval()
    x = (pictures(2, SIDE) - 0.5) / 0.25
    for script in (torch.jit.script(network), torch.jit.trace(network, x)):
        model = load_model(script, **OWN)
        torch.testing.assert_close(model(pictures(2, SIDE)), network(x))
        trace = RUNS["translate"](model, steps=3)
        expected = RUNS["translate"](load_model(network, **OWN), steps=3)
        np.testing.assert_allclose(trace.metrics["loss"], expected.metrics["loss"], rtol=1e-4)


def test_a_file_with_a_torchscript_program_is_refused(tmp_path: Any) -> None:
    torch.jit.script(with_linear()).save(str(tmp_path / "program.pt"))
    with raises_sentence(WeightsError, "program.pt", "TorchScript", "torch.jit.load"):
        load_model(tmp_path / "program.pt", **OWN)


class WithoutGradient(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.network, self.how = with_linear(), how

    def forward(self, x: Tensor) -> Tensor:
        match self.how:
            case "no_grad":
                with torch.no_grad():
                    return self.network(x)
            case "inference_mode":
                with torch.inference_mode():
                    return self.network(x)
            case "detached":
                return self.network(x.detach()).detach()
            case _:
                return self.network(torch.from_numpy(x.numpy()))


@pytest.mark.parametrize("how", ["no_grad", "inference_mode", "detached"])
def test_a_network_without_a_gradient_is_refused_when_it_is_loaded(how: str) -> None:
    with raises_sentence(WeightsError, "no gradient", "no_grad"):
        load_model(WithoutGradient(how), **OWN)


def test_a_network_for_grey_pictures_gets_the_mean_of_the_channels() -> None:
    network = seeded(nn.Conv2d(1, 6, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))
    model = load_model(network, **OWN)
    x = pictures(2, SIDE)
    torch.testing.assert_close(model(x), network((x.mean(1, keepdim=True) - 0.5) / 0.25))
    trace = RUNS["translate"](model, steps=3)
    assert trace.metrics["loss"][-1] < trace.metrics["loss"][0]


def test_a_network_for_other_channels_is_refused_for_the_right_reason() -> None:
    with raises_sentence(WeightsError, "takes 4 channels"):
        load_model(seeded(nn.Conv2d(4, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()), **OWN)


def test_a_network_for_one_size_says_which() -> None:
    network = seeded(nn.Conv2d(3, 2, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(2 * 32 * 32, 3))
    with raises_sentence(WeightsError, "16 x 16", "input_size=32"):
        load_model(network, **OWN)
    model = load_model(network, **(OWN | {"input_size": 32}))
    with raises_sentence(ParameterError, "64 x 64", "omit size", "32 x 32"):
        RUNS["translate"](model, steps=1, size=64)
    assert len(RUNS["translate"](model, steps=1)) == 2
