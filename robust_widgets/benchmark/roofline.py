"""The least time that a step's operations could take on a device, from how many there are."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from robust_widgets._timing import interleaved
from robust_widgets.benchmark.speed import synchroniser
from robust_widgets.benchmark.workload import Workload
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.solvers.backends import CudaGraph
from robust_widgets.tasks.running.batch import bytes_per_picture

ARITHMETIC, BANDWIDTH = "bound: arithmetic", "bound: bandwidth"
ROUNDS = 5
SIZE_ON_CPU, SIZE = 1024, 8192  # of the square matrices whose product is timed


def bounds(workload: Workload) -> dict[str, float]:
    """Lower bounds of a step's time on this device in milliseconds, by resource.

    Arithmetic: the network's operations, forward and backward to the picture, at the rate of a large matrix product, in
    bfloat16 on a GPU. Bandwidth: weights read once in each direction, and activations saved for the backward pass
    written and read once, at the rate of a large copy. Fast convolution algorithms and caches can beat either.
    """
    operations_rate, bytes_rate = _rates(workload.model.device)
    moved = 2 * weight_bytes(workload.plain) + len(workload.start) * bytes_per_picture(
        workload.plain, workload.start.shape[-1]
    )
    return {ARITHMETIC: 1000 * operations(workload) / operations_rate, BANDWIDTH: 1000 * moved / bytes_rate}


def operations(workload: Workload) -> int:
    """Floating-point operations of one forward and backward pass to the picture, as torch counts them."""
    x = workload.start.clone().requires_grad_()
    with FlopCounterMode(display=False) as counter:
        workload.network_loss(workload.plain, x).sum().backward()
    return counter.get_total_flops()


def weight_bytes(model: RobustClassifier) -> int:
    """Size of a network's parameters in bytes."""
    return sum(weight.nbytes for weight in model.network.parameters())


@lru_cache(maxsize=8)
def _rates(device: torch.device) -> tuple[float, float]:
    """Operations per second of a matrix product, and bytes per second of a copy."""
    on_cpu = device.type == "cpu"
    size = SIZE_ON_CPU if on_cpu else SIZE
    matrix = torch.rand(size, size, device=device, dtype=torch.float32 if on_cpu else torch.bfloat16)
    large = torch.rand(16 * size * size, device=device)  # larger than any cache
    other = torch.empty_like(large)
    functions = {"product": lambda: matrix @ matrix, "copy": lambda: other.copy_(large)}
    seconds = {
        name: statistics.median(times) / 1000
        for name, times in interleaved(functions, ROUNDS, synchroniser(device)).items()
    }
    return 2 * size**3 / seconds["product"], 2 * large.nbytes / seconds["copy"]


CONVOLUTIONS = "its convolutions alone, measured"


def convolutions(model: RobustClassifier, pictures: Tensor) -> Callable[[], object]:
    """A function that runs every convolution of a network forward and backward to its input, on random numbers.

    In channels-last layout, and on a GPU in bfloat16 and as a CUDA graph, without Python overhead.

    Args:
        model: whose convolutions.
        pictures: (n, 3, h, w), which determine the shapes.
    """
    on_gpu = pictures.device.type == "cuda"
    dtype = torch.bfloat16 if on_gpu else torch.float32
    calls = [_forward_backward(module, shape, pictures.device, dtype) for module, shape in _shapes(model, pictures)]

    def run_all() -> Sequence[Tensor]:
        for call in calls:
            call()
        return ()

    if not on_gpu:
        return run_all
    graph = CudaGraph(pictures.device)
    graph.record(run_all)
    return graph.replay


def _shapes(model: RobustClassifier, pictures: Tensor) -> list[tuple[nn.Conv2d, tuple[int, ...]]]:
    shapes: list[tuple[nn.Conv2d, tuple[int, ...]]] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(module, nn.Conv2d)
        shapes.append((module, tuple(inputs[0].shape)))

    modules = [module for module in model.network.modules() if isinstance(module, nn.Conv2d)]
    hooks = [module.register_forward_pre_hook(note) for module in modules]
    with torch.no_grad():
        model.network(pictures)
    for hook in hooks:
        hook.remove()
    return shapes


def _forward_backward(
    module: nn.Conv2d, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype
) -> Callable[[], object]:
    def channels_last(tensor: Tensor) -> Tensor:
        return tensor.to(device, dtype).contiguous(memory_format=torch.channels_last)

    x, weight = channels_last(torch.randn(shape)).requires_grad_(), channels_last(module.weight.detach())
    options: Any = (module.stride, module.padding, module.dilation, module.groups)
    gradient = channels_last(torch.randn(functional.conv2d(x.detach(), weight, None, *options).shape))

    def call() -> object:
        with torch.enable_grad():
            return torch.autograd.grad(functional.conv2d(x, weight, None, *options), x, gradient)

    return call
