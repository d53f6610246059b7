"""Published networks for CIFAR: variants for 32 x 32 pictures, with a 3 x 3 stem and no pooling before the stages.

Their shapes and weight names are those of the robustness library and of RobustBench (both MIT licence); the code is our
own. All of them average over the whole picture before the last layer, so they take pictures of any size, and give the
same logits as the originals at 32 x 32.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

WIDTHS = (64, 128, 256, 512)


class ResidualBlock(nn.Module):
    """A residual block of two 3 x 3 convolutions, or a bottleneck of three if ``expansion`` is 4."""

    def __init__(self, inputs: int, width: int, stride: int, expansion: int) -> None:
        super().__init__()
        outputs = width * expansion
        if expansion == 1:
            self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
            self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        else:
            self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
            self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
            self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(outputs)
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.bottleneck = expansion > 1
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        if self.bottleneck:
            out = self.bn3(self.conv3(out.relu()))
        return (out + self.shortcut(x)).relu()


class SmallResNet(nn.Module):
    """ResNet for 32 x 32 pictures.

    Args:
        classes: number of logits.
        depths: blocks in each of the four stages.
        bottleneck: use blocks of three convolutions, as in ResNet-50.
        width: channels of the first stage.
    """

    def __init__(self, classes: int, depths: tuple[int, ...], bottleneck: bool, width: int = WIDTHS[0]) -> None:
        super().__init__()
        expansion = 4 if bottleneck else 1
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels = width
        for stage, depth in enumerate(depths):
            blocks: list[nn.Module] = []
            for index in range(depth):
                inner = width * 2**stage
                blocks.append(ResidualBlock(channels, inner, 2 if stage and index == 0 else 1, expansion))
                channels = inner * expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.linear = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x)).relu()
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
        return self.linear(x.mean((2, 3)))


class PreActivationBlock(nn.Module):
    """A residual block with normalisations and activations before the convolutions.

    With ``activated_shortcut`` the shortcut starts after the first activation, else before it.
    """

    def __init__(self, inputs: int, width: int, stride: int, activated_shortcut: bool) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.activated_shortcut = activated_shortcut
        self.shortcut: nn.Module | None = None
        if stride != 1 or inputs != width:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(x).relu()
        if self.shortcut is not None:
            x = self.shortcut(out if self.activated_shortcut else x)
        return self.conv2(self.bn2(self.conv1(out)).relu()) + x


class PreActResNet(nn.Module):
    """Pre-activation ResNet for 32 x 32 pictures; ``last_norm`` ends it with a normalisation and a ReLU."""

    def __init__(self, classes: int, depths: tuple[int, ...], activated_shortcut: bool, last_norm: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, 1, 1, bias=False)
        channels = WIDTHS[0]
        for stage, (depth, width) in enumerate(zip(depths, WIDTHS, strict=True)):
            blocks: list[nn.Module] = []
            for index in range(depth):
                stride = 2 if stage and index == 0 else 1
                blocks.append(PreActivationBlock(channels, width, stride, activated_shortcut))
                channels = width
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.bn = nn.BatchNorm2d(channels) if last_norm else None
        self.linear = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
        if self.bn is not None:
            x = self.bn(x).relu()
        return self.linear(x.mean((2, 3)))


# The number of convolutions in each of the five stages.
VGG_STAGES: dict[str, tuple[int, ...]] = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
VGG_WIDTHS = (64, 128, 256, 512, 512)


class SmallVGG(nn.Module):
    """VGG for 32 x 32 pictures, with batch normalisation and one linear layer."""

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
    """A bottleneck whose output is concatenated with its input, output first."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(4 * growth)
        self.conv1 = nn.Conv2d(inputs, 4 * growth, 1, bias=False)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv2(self.bn2(self.conv1(self.bn1(x).relu())).relu()), x], 1)


class Transition(nn.Module):
    """Halve the channels and the resolution."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, inputs // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return avg_pool2d(self.conv(self.bn(x).relu()), 2)


class SmallDenseNet(nn.Module):
    """DenseNet for 32 x 32 pictures; ``depths`` are the numbers of layers in its four blocks."""

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
