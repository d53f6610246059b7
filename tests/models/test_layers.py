"""The layers of a network: what they are called, what they return, and that reading them leaves nothing behind."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn

import robust_widgets as rw
from robust_widgets.errors import UnknownNameError
from robust_widgets.models.networks.smoothresnet import ResNetConfig
from tests.helpers import CLASSES, card, pictures, raises_sentence, relu_model, smooth_model, tiny_model

X = pictures(3, 16)


class Shared(nn.Module):
    """A brought network: one ReLU in place for two places, a list of modules, and a pass that may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.end = nn.Linear(6, 3)
        self.fails = False

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.first(x))
        x = self.relu(self.second(x))
        if self.fails:
            raise OSError("no network today")
        return self.end(x.mean((2, 3)))


def brought() -> rw.RobustClassifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = Shared()
    return rw.load_model(network, classes=CLASSES, mean=0.5, std=0.25, input_size=16, device="cpu", fast=False)


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_each_layer_has_a_name_a_kind_channels_and_a_size() -> None:
    layers = {layer.name: layer for layer in brought().layers()}
    assert list(layers) == ["first", "relu", "second", "relu#2", "end"]
    assert (layers["first"].kind, layers["first"].channels, layers["first"].height) == ("Conv2d", 4, 16)
    assert (layers["relu#2"].channels, layers["relu#2"].height, layers["relu#2"].width) == (6, 8, 8)
    assert (layers["end"].channels, layers["end"].height, layers["end"].width) == (3, 1, 1)


def test_the_stages_of_our_own_networks_have_short_names() -> None:
    names = [layer.name for layer in tiny_model().layers()]
    assert {"stem", "stage1", "stage2.conv1", "head"} <= set(names) and len(names) == len(set(names))
    blocks = ResNetConfig(stem=4, widths=(8, 12), blocks=(2, 1)).build(3)
    model = rw.RobustClassifier(blocks, card(16, "two"))
    assert {"stage1.0", "stage1", "stage2"} <= {layer.name for layer in model.layers()}
    torch.testing.assert_close(model.activations(X, "stage2").mean((2, 3)), model.features(X))


@pytest.mark.parametrize("name", ["first", "relu", "second", "relu#2", "end"])
def test_a_layer_returns_what_it_computes(name: str) -> None:
    model = brought()
    network = model.network.published
    x = (X - 0.5) / 0.25
    first, second = network.first(x), network.second(network.first(x).relu())
    expected = {"first": first, "relu": first.relu(), "second": second, "relu#2": second.relu(), "end": model(X)}[name]
    expected = expected if expected.dim() == 4 else expected[:, :, None, None]
    for straight_through in (False, True):
        torch.testing.assert_close(model.activations(X, name, straight_through=straight_through), expected)


@pytest.mark.parametrize("name", ["first", "relu", "second", "relu#2", "end"])
def test_the_logits_come_along_without_a_gradient_through_the_layer(name: str) -> None:
    model, x = brought(), X.clone().requires_grad_()
    values, logits = model.activations_and_logits(x, name, straight_through=True)
    torch.testing.assert_close(values, model.activations(x, name))
    torch.testing.assert_close(logits, model(x))
    assert not logits.requires_grad and torch.autograd.grad(values.sum(), x)[0].any() and hooks(model) == 0


def test_a_straight_through_gradient_reaches_a_channel_that_is_off() -> None:
    model, x = relu_model(), X.clone().requires_grad_()
    gradients = [
        torch.autograd.grad(model.activations(x, "stage2", straight_through=through)[:, 2].sum(), x)[0]
        for through in (False, True)
    ]
    assert not gradients[0].any() and gradients[1].any()


@pytest.mark.parametrize("layer", [None, "first", "relu#2"])
def test_no_hook_is_left_behind_also_after_an_error(layer: str | None) -> None:
    model = brought()
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    model.layers()
    if layer is not None:
        model.activations(X, layer)
    model.network.published.fails = True
    with pytest.raises(OSError, match="no network"):
        model.activations(X, "end")
    assert hooks(model) == 0 and all(
        torch.equal(value, before[name]) for name, value in model.state_dict().items() if name in before
    )


def test_another_thread_may_use_the_model_meanwhile() -> None:
    model = brought()
    expected, seen, go = model(X), [], threading.Event()

    def other() -> None:
        while not go.is_set():
            seen.append(torch.equal(model(X), expected))

    thread = threading.Thread(target=other)
    thread.start()
    for _ in range(50):
        model.activations(X, "relu")
    go.set()
    thread.join()
    assert seen and all(seen)


def test_an_unknown_layer_names_the_nearest() -> None:
    with raises_sentence(UnknownNameError, "'stage9'", "'stage2'"):
        relu_model().activations(X, "stage9")
    with raises_sentence(UnknownNameError, "3", "model.layers()"):
        smooth_model(16).activations(X, 3)  # type: ignore[arg-type]


def test_tokens_are_a_column() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.end = nn.Linear(48, 5), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            tokens = nn.functional.unfold(x, 4, stride=4).transpose(1, 2)
            return self.end(self.embed(tokens).mean(1))

    model = rw.load_model(Tokens(), classes=CLASSES, mean=0.5, std=0.2, input_size=16, device="cpu", fast=False)
    (embed, _) = model.layers()
    assert (embed.channels, embed.height, embed.width) == (5, 16, 1)
