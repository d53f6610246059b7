"""Residual networks for small pictures: a 3 x 3 stem, four stages, no pooling before them."""

from __future__ import annotations

from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512)


class Block(nn.Module):
    """A residual block of two 3 x 3 convolutions, or a bottleneck of three where ``expansion`` is 4."""

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
        classes: logits.
        depths: blocks of each of the four stages.
        bottleneck: blocks of three convolutions, as in ResNet-50.
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
                blocks.append(Block(channels, inner, 2 if stage and index == 0 else 1, expansion))
                channels = inner * expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.linear = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x)).relu()
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
        return self.linear(x.mean((2, 3)))


class PreActivationBlock(nn.Module):
    """A residual block with its normalisations and activations before the convolutions.

    ``activated_shortcut`` says whether the shortcut branches off after the first activation or before it.
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
    """Pre-activation ResNet for 32 x 32 pictures; with ``last_norm`` a normalisation and a ReLU end its last stage."""

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
