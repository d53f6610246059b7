"""Published wide ResNets for CIFAR, in the two layouts of RobustBench's checkpoints: TRADES' and DeepMind's.

Shapes and weight names are those of RobustBench (MIT licence) and its copy of DeepMind's networks (Apache 2.0); the
code is our own. All of them average over the whole picture before the last layer, so they take pictures of any size,
and give the same logits as the originals at 32 x 32. Attributes have the names used in the checkpoints.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import pad

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU}
STEM = 16


class WideBlock(nn.Module):
    """A pre-activation block; if the width changes, the shortcut starts after the first activation."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.convShortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(x).relu()
        if self.convShortcut is not None:
            x = self.convShortcut(out)
        return x + self.conv2(self.bn2(self.conv1(out)).relu())


class WideStage(nn.Module):
    """Blocks of one width."""

    def __init__(self, depth: int, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.layer = nn.Sequential(
            *(WideBlock(outputs if index else inputs, outputs, 1 if index else stride) for index in range(depth))
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class WideResNet(nn.Module):
    """WideResNet-(6 depth + 4)-factor with ReLU in TRADES' layout, the one of most checkpoints of RobustBench.

    Args:
        classes: number of logits.
        depth: blocks in each of the three stages.
        factor: widening factor.
        bias: whether the last layer has a bias.
    """

    def __init__(self, classes: int, depth: int, factor: int, bias: bool = True) -> None:
        super().__init__()
        widths = [STEM * factor * 2**stage for stage in range(3)]
        self.conv1 = nn.Conv2d(3, STEM, 3, 1, 1, bias=False)
        self.block1 = WideStage(depth, STEM, widths[0], 1)
        self.block2 = WideStage(depth, widths[0], widths[1], 2)
        self.block3 = WideStage(depth, widths[1], widths[2], 2)
        self.bn1 = nn.BatchNorm2d(widths[2])
        self.fc = nn.Linear(widths[2], classes, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(self.bn1(x).relu().mean((2, 3)))


def _pad_like_tensorflow(x: Tensor, stride: int) -> Tensor:
    """Zero padding for a 3 x 3 convolution: one pixel on each side; with stride 2, at the bottom and right only."""
    return pad(x, (1, 1, 1, 1) if stride == 1 else (0, 1, 0, 1))


class DeepMindWideBlock(nn.Module):
    """Like `WideBlock`, but with TensorFlow's padding and any activation."""

    def __init__(self, inputs: int, outputs: int, stride: int, activation: type[nn.Module]) -> None:
        super().__init__()
        self.stride, self.activation = stride, activation()
        self.batchnorm_0, self.batchnorm_1 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)
        self.conv_0 = nn.Conv2d(inputs, outputs, 3, stride, bias=False)
        self.conv_1 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        out = self.activation(self.batchnorm_0(x))
        if self.shortcut is not None:
            x = self.shortcut(out)
        out = self.conv_0(_pad_like_tensorflow(out, self.stride))
        return x + self.conv_1(self.activation(self.batchnorm_1(out)))


class DeepMindWideStage(nn.Module):
    """Blocks of one width."""

    def __init__(self, depth: int, inputs: int, outputs: int, stride: int, activation: type[nn.Module]) -> None:
        super().__init__()
        self.block = nn.Sequential(
            *(
                DeepMindWideBlock(outputs if index else inputs, outputs, 1 if index else stride, activation)
                for index in range(depth)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


class DeepMindWideResNet(nn.Module):
    """WideResNet-(6 depth + 4)-factor in DeepMind's layout; its weights don't tell which activation it has."""

    def __init__(self, classes: int, depth: int, factor: int, activation: str) -> None:
        super().__init__()
        activation_type = ACTIVATIONS[activation]
        widths = [STEM, *(STEM * factor * 2**stage for stage in range(3))]
        self.init_conv = nn.Conv2d(3, STEM, 3, 1, 1, bias=False)
        self.layer = nn.Sequential(
            *(
                DeepMindWideStage(depth, widths[stage], widths[stage + 1], 2 if stage else 1, activation_type)
                for stage in range(3)
            )
        )
        self.batchnorm, self.activation = nn.BatchNorm2d(widths[3]), activation_type()
        self.logits = nn.Linear(widths[3], classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.activation(self.batchnorm(self.layer(self.init_conv(x)))).mean((2, 3)))


class DeepMindPreActBlock(nn.Module):
    """A pre-activation block in DeepMind's layout, whose shortcut is a 3 x 3 convolution of the block's input."""

    def __init__(self, inputs: int, outputs: int, stride: int, activation: type[nn.Module]) -> None:
        super().__init__()
        self.stride, self.activation = stride, activation()
        self.batchnorm_0, self.batchnorm_1 = nn.BatchNorm2d(inputs), nn.BatchNorm2d(outputs)
        self.conv_2d_1 = nn.Conv2d(inputs, outputs, 3, stride, bias=False)
        self.conv_2d_2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        changes = stride != 1 or inputs != outputs
        self.shortcut = nn.Conv2d(inputs, outputs, 3, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv_2d_1(_pad_like_tensorflow(self.activation(self.batchnorm_0(x)), self.stride))
        if self.shortcut is not None:
            x = self.shortcut(_pad_like_tensorflow(x, self.stride))
        return x + self.conv_2d_2(self.activation(self.batchnorm_1(out)))


class DeepMindPreActResNet(nn.Module):
    """Pre-activation ResNet in DeepMind's layout; its weights don't tell which activation it has."""

    def __init__(self, classes: int, depths: tuple[int, ...], activation: str) -> None:
        super().__init__()
        activation_type = ACTIVATIONS[activation]
        self.conv_2d = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        channels = 64
        for stage, depth in enumerate(depths):
            blocks: list[nn.Module] = []
            for index in range(depth):
                blocks.append(
                    DeepMindPreActBlock(channels, 64 * 2**stage, 2 if stage and index == 0 else 1, activation_type)
                )
                channels = 64 * 2**stage
            self.add_module(f"layer_{stage}", nn.Sequential(*blocks))
        self.batchnorm, self.activation = nn.BatchNorm2d(channels), activation_type()
        self.logits = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_2d(x)
        for stage in range(4):
            x = self.get_submodule(f"layer_{stage}")(x)
        return self.logits(self.activation(self.batchnorm(x)).mean((2, 3)))
