"""Small models, pictures and checks that the engine's tests are made of."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from robust_widgets.errors import RobustWidgetsError
from robust_widgets.models.classifier import ModelCard, RobustClassifier
from robust_widgets.models.networks.architectures import build
from robust_widgets.models.networks.smoothresnet import Block, ResNetConfig, SmoothResNet
from robust_widgets.synthesis.objectives import Classifier, Objective
from robust_widgets.training.data import PictureSet
from robust_widgets.training.settings import TrainingSettings
from robust_widgets.training.train import train

# What the bundled model must at least reach in 20 steps from its seeds, on average over four classes; it reaches 0.6.
BUNDLED_MEAN_PROBABILITY = 0.4

CLASSES = ("dog", "cat", "goldfish")


class SteepHead(nn.Linear):
    """A linear layer times six, so that a small random network has opinions."""

    def forward(self, x: Tensor) -> Tensor:
        return 6 * super().forward(x)


class SmoothNet(nn.Module):
    """Two convolutions with tanh: no kink anywhere, so small steps downhill lower the loss."""

    def __init__(self, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 12, 3, padding=1, stride=2)
        self.head = SteepHead(12, classes)

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        before = self.conv2(torch.tanh(self.conv1(x)))
        after = torch.tanh(before)
        return (before + (after - before).detach() if straight_through else after).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


def smooth_model(
    side: int = 12, seed: int = 0, dtype: torch.dtype = torch.float32, classes: tuple[str, ...] = CLASSES
) -> RobustClassifier:
    """A random smooth classifier, with class seeds for CLASSES."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SmoothNet(len(classes))
    own_card = replace(card(side, "smooth"), classes=classes)
    return RobustClassifier(network, own_card, seeds(side) if classes == CLASSES else None).to(dtype)


DEAD_UNIT, LIVE_UNIT, OTHER_UNIT = 2, 5, 7


def relu_model(side: int = 16, seed: int = 0) -> RobustClassifier:
    """A random network with a relu before its features, of which DEAD_UNIT is off everywhere and two others are on."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SmoothResNet(len(CLASSES), ResNetConfig(stem=4, widths=(8, 12), blocks=(1, 1), activation="relu"))
    last = cast(Block, network.stages[-1])
    nn.init.constant_(last.norm2.bias[DEAD_UNIT : DEAD_UNIT + 1], -50.0)
    for unit in (LIVE_UNIT, OTHER_UNIT):
        nn.init.constant_(last.norm2.bias[unit : unit + 1], 1.0)
    return RobustClassifier(network, card(side, "relu"), seeds(side))


class ColourNet(nn.Module):
    """Hand-made: its five units are the mean green, nothing, the mean red, the mean blue, and the mean grey."""

    def __init__(self) -> None:
        super().__init__()
        mixing = [[0.0, 1, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1], [1 / 3, 1 / 3, 1 / 3]]
        self.register_buffer("mixing", torch.tensor(mixing).view(5, 3, 1, 1))
        self.head = nn.Linear(5, len(CLASSES))

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        return nn.functional.conv2d(x, cast(Tensor, self.mixing)).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


def tiny_model(side: int = 16, seed: int = 0) -> RobustClassifier:
    """A random network of the package's own kind, with class seeds; it can be saved and loaded."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build("blurresnet-tiny", len(CLASSES))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean, -0.1, 0.1)
    return RobustClassifier(network, card(side, "blurresnet-tiny"), seeds(side))


def card(side: int, architecture: str) -> ModelCard:
    return ModelCard(
        name=f"test-{architecture}",
        architecture=architecture,
        classes=CLASSES,
        input_size=side,
        mean=(0.5, 0.45, 0.4),
        std=(0.25, 0.3, 0.2),
        norm="l2",
        radius=0.5,
        data="made up",
        accuracies={"clean": 0.5},
        training={"epochs": 1},
    )


def seeds(side: int, rank: int = 4) -> dict[str, Tensor]:
    """Seed statistics of CLASSES, at half the side, float16 as they are stored."""
    generator = torch.Generator().manual_seed(99)
    size, count = side // 2, len(CLASSES)
    mean = 0.35 + 0.3 * torch.rand(count, 3, size, size, generator=generator)
    factor = 0.03 * torch.randn(count, rank, 3 * size * size, generator=generator)
    return {"mean": mean.half(), "factor": factor.half(), "noise": torch.full((count,), 0.02).half()}


def pictures(
    n: int = 3, side: int = 12, seed: int = 0, low: float = 0.0, high: float = 1.0, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Random pictures (n, 3, side, side) with values from low to high."""
    generator = torch.Generator().manual_seed(seed)
    return (low + (high - low) * torch.rand(n, 3, side, side, generator=generator)).to(dtype)


class Counting(nn.Module):
    """A model that counts how often it is asked, and how often a gradient comes back through it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.forwards = 0
        self.backwards = 0

    def forward(self, x: Tensor) -> Tensor:
        self.forwards += 1
        logits: Tensor = self.model(x)
        if logits.requires_grad:
            logits.register_hook(self._count)
        return logits

    def _count(self, _gradient: Tensor) -> None:
        self.backwards += 1


class CompiledModule:
    """Counts how often pictures go through a model's network, whichever of its methods is called."""

    def __init__(self, model: RobustClassifier) -> None:
        self.forwards = self.backwards = 0
        self.inputs: list[Tensor] = []
        first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
        first.register_forward_hook(self._went)

    def _went(self, _module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.forwards += 1
        self.inputs.append(inputs[0].detach().clone())
        if output.requires_grad:
            output.register_hook(self._came_back)

    def _came_back(self, _gradient: Tensor) -> None:
        self.backwards += 1


class Brightness(Objective):
    """A loss without a class: the mean of the picture."""

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return x.mean((1, 2, 3))

    def __repr__(self) -> str:
        return "Brightness()"


COLOURS = torch.tensor([[0.65, 0.4, 0.4], [0.4, 0.65, 0.4], [0.4, 0.4, 0.65]])


def noise_patterns(each: int, side: int = 16, seed: int = 0) -> PictureSet:
    """Three classes of coloured noise: which class a picture is of, its mean colour tells."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(3).repeat_interleave(each)
    noise = 0.12 * torch.randn(3 * each, 3, side, side, generator=generator)
    values = (COLOURS[labels].view(-1, 3, 1, 1) + noise).clamp(0, 1)
    return PictureSet((values * 255).round().to(torch.uint8), labels, ("1 red", "2 green", "3 blue"))


def trained_on(
    train_set: PictureSet,
    val_set: PictureSet,
    out: Path,
    settings: TrainingSettings,
    *,
    log: Callable[[str], object] = str,
    **options: Any,
) -> RobustClassifier:
    """A model trained on the CPU, without progress bars."""
    quiet: dict[str, Any] = {"log": log, "progress": False, "device": "cpu"}
    return train(train_set, out, val=val_set, **quiet, **dataclasses.asdict(settings), **options)


def check_sentence(message: str, *given: object) -> None:
    """A message is one line of whole sentences, names what was given, and holds no traceback."""
    assert message.endswith("."), f"no full stop: {message!r}"
    assert "\n" not in message, f"more than one line: {message!r}"
    assert "Traceback" not in message and not re.search(r'File ".*", line \d+', message), message
    assert len(message.split()) >= 5, f"not a sentence: {message!r}"
    for value in given:
        assert str(value) in message, f"{value!r} is not named: {message!r}"


@contextmanager
def raises_sentence(kind: type[RobustWidgetsError], *given: object) -> Iterator[None]:
    """Exactly this kind of error is raised, and it says what it should."""
    with pytest.raises(RobustWidgetsError) as caught:
        yield
    assert caught.type is kind, f"{caught.type.__name__}: {caught.value}"
    check_sentence(str(caught.value), *given)


def at_once(*calls: Callable[[], object]) -> None:
    """Make each call on a thread of its own, all at the same time; the first error of any is raised."""
    errors: list[BaseException] = []

    def make(call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=make, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
