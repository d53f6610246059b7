"""SmoothResNet, the residual network that this package trains for painting.

It is fully convolutional up to its global average pooling. The gradient that paints a picture passes through every
layer, so artefacts of the layers show: a strided 3 x 3 convolution paints a grid, and zero padding paints a frame.
Downsampling here is a binomial blur with stride 2, whose transpose is a smooth interpolation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from robust_widgets.models.networks.base import PaintableNetwork, pooled_activation
from robust_widgets.models.networks.separable import HALVING, SMOOTHING, separable


@dataclass(frozen=True)
class ResNetConfig:
    """The hyperparameters of a :class:`SmoothResNet`.

    Attributes:
        stem: channels of the first convolution, which runs at full resolution (few: it's the most expensive layer).
        widths: channels of each stage; every stage after the first halves the resolution.
        blocks: residual blocks of each stage.
        activation: ``"silu"``, ``"gelu"`` or ``"relu"``.
        downsampling: ``"blur"`` (binomial), or ``"stride"`` to see what a strided convolution does to the pictures.
        smooth_input: start with :class:`SmoothInput`, so that gradients cannot paint a checkerboard of single pixels.
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
    """A low-pass filter with taps -1 4 10 4 -1 in each direction and reflection padding.

    The response is 0.9 at 3/8 of the Nyquist frequency, 0.5 at 5/8, 0.07 at 7/8 and 0 at Nyquist. Without it, the
    gradients of a network with an activation at full resolution paint a mesh of period 2, with 5 to 12 times the power
    of photographs on the axes of the spectrum. A robust classifier needs no detail that fine.
    """

    def forward(self, x: Tensor) -> Tensor:
        return separable(x, SMOOTHING)


class BlurPool(nn.Module):
    """Halve the resolution with the binomial kernel 1 3 3 1 in each direction and replication padding.

    Input (n, c, h, w), output (n, c, ceil(h / 2), ceil(w / 2)).
    """

    def forward(self, x: Tensor) -> Tensor:
        return separable(x, HALVING)


class StridedConvolution(nn.Conv2d):
    """Halve the resolution with a learned 3 x 3 convolution of stride 2: the usual choice, which paints a grid."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 3, stride=2, padding=1, bias=False)


def _blur(_channels: int) -> nn.Module:
    return BlurPool()


DOWNSAMPLING: dict[str, Callable[[int], nn.Module]] = {"blur": _blur, "stride": StridedConvolution}


class Block(nn.Module):
    """A residual block of two 3 x 3 convolutions; ``down`` makes a layer before it that halves the resolution."""

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
        """The output without the last activation."""
        x = self.down(x)
        out = self.activation(self.norm1(self.conv1(x)))
        return self.norm2(self.conv2(out)) + self.shortcut(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.before_activation(x))


class SmoothResNet(PaintableNetwork):
    """A small residual network with blurred downsampling; registered as ``"smoothresnet"``."""

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
        self.layer_names: dict[str, str] = {}  # of the blocks, for people: the last one of a stage bears its name
        channels = config.stem
        for index, (width, blocks) in enumerate(zip(config.widths, config.blocks, strict=True)):
            for block in range(blocks):
                own = f".{block}" if block < blocks - 1 else ""
                self.layer_names[f"stages.{len(stages)}"] = f"stage{index + 1}{own}"
                stages.append(Block(channels, width, activation, down if index > 0 and block == 0 else None))
                channels = width
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(channels, classes)

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        x = self.stem(self.smooth(x))
        if not straight_through:
            return self.stages(x).mean((2, 3))
        for stage in self.stages[:-1]:
            x = stage(x)
        last = cast(Block, self.stages[-1])
        return pooled_activation(last.before_activation(x), last.activation, straight_through=True)
