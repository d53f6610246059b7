"""A plain convolutional network in the style of VGG: no shortcuts, ReLU, max pooling.

It shares no design decision with :class:`SmoothResNet`, so it can judge that network's pictures independently.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from robust_widgets.models.networks.base import PaintableNetwork, pooled_activation


@dataclass(frozen=True)
class PlainConfig:
    """The hyperparameters of a :class:`PlainNet`.

    Attributes:
        stem: channels of the first convolution, which runs at full resolution.
        widths: channels of each stage. A stage halves the resolution, then has two convolutions.
    """

    stem: int = 16
    widths: tuple[int, ...] = (32, 64, 128, 256)

    def build(self, classes: int) -> PlainNet:
        """A freshly initialised network with this many logits."""
        return PlainNet(classes, self)


class PlainNet(PaintableNetwork):
    """Pairs of 3 x 3 convolutions with max pooling between them."""

    def __init__(self, classes: int, config: PlainConfig) -> None:
        super().__init__()
        layers = _convolution(3, config.stem)
        channels = config.stem
        for width in config.widths:
            layers += [nn.MaxPool2d(2, ceil_mode=True), *_convolution(channels, width), *_convolution(width, width)]
            channels = width
        self.last = layers.pop()
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(channels, classes)

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        return pooled_activation(self.layers(x), self.last, straight_through)


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    """A 3 x 3 convolution that keeps the resolution, batch normalisation, and a ReLU."""
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
