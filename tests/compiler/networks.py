"""Networks to prepare, and what is asked of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torchvision
from torch import Tensor, nn

from robust_widgets.compiler.backends import onednn
from robust_widgets.compiler.rewrites import partitions
from robust_widgets.compiler.rewrites.activations import with_whole_activations
from robust_widgets.compiler.tracing.joint_graph import JointGraph
from robust_widgets.models.classifier import ModelCard, RobustClassifier
from robust_widgets.models.networks.architectures import build

CLASSES = 5


def lively(network: nn.Module, seed: int = 0) -> nn.Module:
    """With statistics and weights in its normalisations that are not just 0 and 1; frozen."""
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
    return RobustClassifier(lively(network), card)


def torchvisions(name: str) -> Callable[[], nn.Module]:
    return lambda: torchvision.models.get_model(name, weights=None, num_classes=CLASSES)


def separate_layers() -> nn.Module:
    """Layers that the common networks lack: other activations, pools and edges, branches that are put together."""

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
    "blurresnet-tiny, odd side": (lambda: build("blurresnet-tiny", CLASSES), 33),
    "plainnet": (lambda: build("plainnet", CLASSES), 32),
    "torchvision resnet18": (torchvisions("resnet18"), 32),
    "torchvision mobilenet_v3_small": (torchvisions("mobilenet_v3_small"), 32),
    "torchvision squeezenet1_1": (torchvisions("squeezenet1_1"), 32),
    "other layers": (separate_layers, 24),
}


def both(function: Callable[[Tensor], Tensor], pictures: Tensor) -> tuple[Tensor, Tensor]:
    """The answers to pictures, and the gradient of a mixture of them."""
    x = pictures.clone().requires_grad_()
    answers = function(x)
    weights = torch.linspace(-1, 1, answers.numel()).view_as(answers)
    (slope,) = torch.autograd.grad((answers * weights).sum(), x)
    return answers.detach(), slope


def pictures_for(model: RobustClassifier, count: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, model.input_size, model.input_size, generator=generator)


def in_runs(graphs: JointGraph, picture: Tensor) -> JointGraph:
    """The graphs in oneDNN, with all runs of convolutions compiled."""
    whole = with_whole_activations(graphs)
    onednn.rewrite(whole, True, in_runs=True)
    return partitions.compile_runs(whole, picture)
