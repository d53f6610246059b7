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
from robust_widgets.benchmark.speed import waiting
from robust_widgets.benchmark.workload import Race
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.solvers.graphs.cuda_graph import CudaGraph
from robust_widgets.tasks.running.batch import bytes_per_picture

ARITHMETIC, BANDWIDTH = "bound: arithmetic", "bound: bandwidth"
ROUNDS = 5
SIDE_ON_CPU, SIDE = 1024, 8192  # of the square matrices whose product tells the rate


def bounds(race: Race) -> dict[str, float]:
    """Milliseconds a step that no loop can be faster than on this device, by what bounds it.

    Arithmetic: the network's operations, forth and back to the picture, at the rate of a large product of matrices, in
    bfloat16 on a GPU. Bandwidth: its weights read once each way, and what it keeps for the way back written and read
    once, at the rate of a large copy. Convolutions by fewer multiplications, and caches, can beat either.
    """
    operations_rate, bytes_rate = _rates(race.model.device)
    moved = 2 * weight_bytes(race.plain) + len(race.start) * bytes_per_picture(race.plain, race.start.shape[-1])
    return {ARITHMETIC: 1000 * operations(race) / operations_rate, BANDWIDTH: 1000 * moved / bytes_rate}


def operations(race: Race) -> int:
    """Additions and multiplications of one way forth and back to the picture, as torch counts them."""
    x = race.start.clone().requires_grad_()
    with FlopCounterMode(display=False) as counter:
        race.answer(race.plain, x).sum().backward()
    return counter.get_total_flops()


def weight_bytes(model: RobustClassifier) -> int:
    """Of a network's parameters."""
    return sum(weight.nbytes for weight in model.network.parameters())


@lru_cache(maxsize=8)
def _rates(device: torch.device) -> tuple[float, float]:
    """Operations and bytes a second: a product of square matrices, and a copy of one."""
    on_cpu = device.type == "cpu"
    side = SIDE_ON_CPU if on_cpu else SIDE
    matrix = torch.rand(side, side, device=device, dtype=torch.float32 if on_cpu else torch.bfloat16)
    large = torch.rand(16 * side * side, device=device)  # more than a cache holds
    other = torch.empty_like(large)
    ways = {"product": lambda: matrix @ matrix, "copy": lambda: other.copy_(large)}
    seconds = {
        name: statistics.median(taken) / 1000 for name, taken in interleaved(ways, ROUNDS, waiting(device)).items()
    }
    return 2 * side**3 / seconds["product"], 2 * large.nbytes / seconds["copy"]


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
