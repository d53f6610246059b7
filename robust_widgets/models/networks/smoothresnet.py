"""The residual network that the project trains for painting.

Fully convolutional up to its global average pooling. A picture is pulled through every layer by gradients, so what a
layer does to a gradient shows: a strided 3 x 3 convolution paints a grid, and zero padding paints a frame.
Downsampling here is a binomial blur with stride 2, whose transpose is a smooth interpolation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from robust_widgets.compiler.separable import HALVING, SMOOTHING, separable
from robust_widgets.models.networks.base import PaintableNetwork, pooled


@dataclass(frozen=True)
class ResNetConfig:
    """What is needed to rebuild a :class:`SmoothResNet`.

    Attributes:
        stem: channels of the first convolution, which runs at the full side (few, because it is the dearest).
        widths: channels of each stage; every stage after the first halves the side.
        blocks: residual blocks of each stage.
        activation: ``"silu"``, ``"gelu"`` or ``"relu"``.
        smooth_input: begin with :class:`SmoothInput`, so that gradients cannot paint a mesh of single pixels.
        downsampling: ``"blur"`` (binomial), or ``"stride"`` to see what a strided convolution does to the pictures.
    """

    stem: int = 16
    widths: tuple[int, ...] = (48, 96, 192, 384)
    blocks: tuple[int, ...] = (1, 1, 1, 1)
    activation: str = "silu"
    downsampling: str = "blur"
    smooth_input: bool = True

    def build(self, classes: int) -> SmoothResNet:
        """A freshly initialised network with this many logits."""
        return SmoothResNet(classes, self)


ACTIVATIONS: dict[str, type[nn.Module]] = {"silu": nn.SiLU, "gelu": nn.GELU, "relu": nn.ReLU}


class SmoothInput(nn.Module):
    """Take the finest rows and columns out of a picture; the taps -1 4 10 4 -1 in each direction, edges mirrored.

    The response is 0.9 at 3/8 of the Nyquist frequency, 0.5 at 5/8, 0.07 at 7/8 and 0 at the top. Without it the
    gradients of a network with an activation at full size paint a mesh of period 2: on the axes of the spectrum 5 to
    12 times the power of photographs. Nothing a robust classifier needs is that fine.
    """

    def forward(self, x: Tensor) -> Tensor:
        return separable(x, SMOOTHING)


class BlurPool(nn.Module):
    """Halve the side with the binomial kernel 1 3 3 1 in each direction, the edge pixels repeated.

    Input (n, c, h, w), output (n, c, ceil(h / 2), ceil(w / 2)).
    """

    def forward(self, x: Tensor) -> Tensor:
        return separable(x, HALVING)


class StridedConvolution(nn.Conv2d):
    """Halve the side with a learned 3 x 3 convolution of stride 2, the common choice that paints a grid."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, stride=2, padding=1, bias=False)


def _blur(_channels: int) -> nn.Module:
    return BlurPool()


DOWNSAMPLING: dict[str, Callable[[int], nn.Module]] = {"blur": _blur, "stride": StridedConvolution}


class Block(nn.Module):
    """Two 3 x 3 convolutions around a shortcut, on a half-size input where ``down`` is a layer that halves."""

    def __init__(
        self, inputs: int, outputs: int, activation: type[nn.Module], down: Callable[[int], nn.Module] | None
    ) -> None:
        super().__init__()
        self.down = down(inputs) if down else nn.Identity()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.activation = activation()
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def before_activation(self, x: Tensor) -> Tensor:
        x = self.down(x)
        out = self.activation(self.norm1(self.conv1(x)))
        return self.norm2(self.conv2(out)) + self.shortcut(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.before_activation(x))


class SmoothResNet(PaintableNetwork):
    """A small residual network with blurred downsampling."""

    def __init__(self, classes: int, config: ResNetConfig) -> None:
        super().__init__()
        activation = ACTIVATIONS[config.activation]
        down = DOWNSAMPLING[config.downsampling]
        self.smooth = SmoothInput() if config.smooth_input else nn.Identity()
        self.stem = nn.Sequential(
            nn.Conv2d(3, config.stem, 3, padding=1, padding_mode="replicate", bias=False),
            nn.BatchNorm2d(config.stem),
            activation(),
            down(config.stem),
        )
        stages: list[nn.Module] = []
        channels = config.stem
        for index, (width, blocks) in enumerate(zip(config.widths, config.blocks, strict=True)):
            for block in range(blocks):
                stages.append(Block(channels, width, activation, down if index > 0 and block == 0 else None))
                channels = width
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(channels, classes)

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        x = self.stem(self.smooth(x))
        for stage in self.stages[:-1]:
            x = stage(x)
        last = cast(Block, self.stages[-1])
        return pooled(last.before_activation(x), last.activation, straight_through)
