"""What a network's convolutions alone take, measured with its own shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from robust_widgets.captured.cuda_graph import CudaGraph
from robust_widgets.models.classifier import RobustClassifier

CONVOLUTIONS = "its convolutions alone, measured"


def convolutions(model: RobustClassifier, pictures: Tensor) -> Callable[[], object]:
    """What calls every convolution of a network once forth and once back to its input, on random numbers.

    In channels-last order, and on a GPU in bfloat16 and recorded, so that no time goes to Python.

    Args:
        model: whose.
        pictures: (n, 3, h, w), which decide the shapes.
    """
    on_gpu = pictures.device.type == "cuda"
    dtype = torch.bfloat16 if on_gpu else torch.float32
    calls = [_forth_and_back(one, shape, pictures.device, dtype) for one, shape in _shapes(model, pictures)]

    def all_of_them() -> Sequence[Tensor]:
        for call in calls:
            call()
        return ()

    if not on_gpu:
        return all_of_them
    graph = CudaGraph(pictures.device)
    graph.record(all_of_them)
    return graph.replay


def _shapes(model: RobustClassifier, pictures: Tensor) -> list[tuple[nn.Conv2d, tuple[int, ...]]]:
    found: list[tuple[nn.Conv2d, tuple[int, ...]]] = []

    def note(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        assert isinstance(module, nn.Conv2d)
        found.append((module, tuple(given[0].shape)))

    hooks = [one.register_forward_pre_hook(note) for one in model.network.modules() if isinstance(one, nn.Conv2d)]
    with torch.no_grad():
        model.network(pictures)
    for hook in hooks:
        hook.remove()
    return found


def _forth_and_back(
    module: nn.Conv2d, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype
) -> Callable[[], object]:
    def last(tensor: Tensor) -> Tensor:
        return tensor.to(device, dtype).contiguous(memory_format=torch.channels_last)

    x, weight = last(torch.randn(shape)).requires_grad_(), last(module.weight.detach())
    how: Any = (module.stride, module.padding, module.dilation, module.groups)
    slope = last(torch.randn(functional.conv2d(x.detach(), weight, None, *how).shape))

    def call() -> object:
        with torch.enable_grad():
            return torch.autograd.grad(functional.conv2d(x, weight, None, *how), x, slope)

    return call
