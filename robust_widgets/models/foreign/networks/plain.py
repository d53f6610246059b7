"""VGG and DenseNet for small pictures, in the layouts of the robustness library."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

# How many convolutions each of VGG's five stages has, which its weights show by their numbers.
VGG_STAGES: dict[str, tuple[int, ...]] = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
VGG_WIDTHS = (64, 128, 256, 512, 512)


class SmallVGG(nn.Module):
    """VGG with batch normalisation and one linear layer."""

    def __init__(self, classes: int, stages: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for count, width in zip(stages, VGG_WIDTHS, strict=True):
            for _ in range(count):
                layers += [nn.Conv2d(channels, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


class DenseLayer(nn.Module):
    """A bottleneck whose output is put before its input."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(4 * growth)
        self.conv1 = nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv2(self.bn2(self.conv1(self.bn1(x).relu())).relu()), x], 1)


class Transition(nn.Module):
    """Halves the channels and the side."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, inputs // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return avg_pool2d(self.conv(self.bn(x).relu()), 2)


class SmallDenseNet(nn.Module):
    """DenseNet with a 3 x 3 stem; ``depths`` are the layers of its four blocks."""

    def __init__(self, classes: int, depths: Sequence[int], growth: int) -> None:
        super().__init__()
        channels = 2 * growth
        self.conv1 = nn.Conv2d(3, channels, 3, 1, 1, bias=False)
        for stage, depth in enumerate(depths, 1):
            layers = [DenseLayer(channels + index * growth, growth) for index in range(depth)]
            self.add_module(f"dense{stage}", nn.Sequential(*layers))
            channels += depth * growth
            if stage < 4:
                self.add_module(f"trans{stage}", Transition(channels))
                channels //= 2
        self.bn = nn.BatchNorm2d(channels)
        self.linear = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        for stage in range(1, 4):
            x = self.get_submodule(f"trans{stage}")(self.get_submodule(f"dense{stage}")(x))
        return self.linear(self.bn(self.get_submodule("dense4")(x)).relu().mean((2, 3)))
