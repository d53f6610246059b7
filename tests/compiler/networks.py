"""Networks to compile, and inputs for them."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torchvision
from torch import Tensor, nn

from robust_widgets.models.classifier import ModelCard, RobustClassifier
from robust_widgets.models.networks.architectures import build

CLASSES = 5


def randomise_norms(network: nn.Module, seed: int = 0) -> nn.Module:
    """Give batch normalisations statistics and weights other than 0 and 1, and freeze the network."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight, 0.5, 1.5),
                (module.bias, -0.5, 0.5),
                (module.running_mean, -0.5, 0.5),
                (module.running_var, 0.5, 2.0),
            ):
                assert tensor is not None
                tensor.data.copy_(low + (high - low) * torch.rand(tensor.shape, generator=generator))
    return network.eval().requires_grad_(False)


def classifier(network: nn.Module, side: int) -> RobustClassifier:
    names = tuple(f"class {index}" for index in range(CLASSES))
    card = ModelCard("made", "made", names, side, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
    return RobustClassifier(randomise_norms(network), card)


def torchvision_network(name: str) -> Callable[[], nn.Module]:
    return lambda: torchvision.models.get_model(name, weights=None, num_classes=CLASSES)


def separate_layers() -> nn.Module:
    """Layers that common networks lack: other activations, pools and padding modes, concatenated branches."""

    class Layers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 8, 5, stride=2, padding=2, padding_mode="reflect")
            self.second = nn.Conv2d(8, 8, 3, padding=1, padding_mode="replicate", groups=4)
            self.norm = nn.BatchNorm2d(16)
            self.transposed = nn.Conv2d(16, 8, 3, dilation=2, padding=1)
            self.last = nn.Linear(8 * 9, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            x = nn.functional.gelu(self.first(x))
            both = torch.cat([torch.tanh(self.second(x)), nn.functional.avg_pool2d(x, 3, 1, 1)], 1)
            x = nn.functional.leaky_relu(self.transposed(self.norm(both)), 0.1)
            x = nn.functional.adaptive_avg_pool2d(nn.functional.max_pool2d(x, 2), 3)
            return self.last(torch.flatten(nn.functional.elu(x), 1))

    return Layers()


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "smoothresnet-tiny": (lambda: build("smoothresnet-tiny", CLASSES), 32),
    "blurresnet-tiny, odd size": (lambda: build("blurresnet-tiny", CLASSES), 33),
    "plainnet": (lambda: build("plainnet", CLASSES), 32),
    "torchvision resnet18": (torchvision_network("resnet18"), 32),
    "torchvision mobilenet_v3_small": (torchvision_network("mobilenet_v3_small"), 32),
    "torchvision squeezenet1_1": (torchvision_network("squeezenet1_1"), 32),
    "other layers": (separate_layers, 24),
}


def forward_backward(function: Callable[[Tensor], Tensor], pictures: Tensor) -> tuple[Tensor, Tensor]:
    """A function's outputs, and the gradient of a weighted sum of them."""
    x = pictures.clone().requires_grad_()
    outputs = function(x)
    weights = torch.linspace(-1, 1, outputs.numel()).view_as(outputs)
    (gradient,) = torch.autograd.grad((outputs * weights).sum(), x)
    return outputs.detach(), gradient


def pictures_for(model: RobustClassifier, count: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, model.input_size, model.input_size, generator=generator)
