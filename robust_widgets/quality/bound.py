"""The least time that a step's operations could take on a device, from how many there are."""

from __future__ import annotations

import statistics
from functools import lru_cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.quality.race import Race
from robust_widgets.quality.speed import waiting
from robust_widgets.tasks.memory import bytes_of_a_picture
from robust_widgets.timing import in_turn

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
    moved = 2 * weight_bytes(race.plain) + len(race.start) * bytes_of_a_picture(race.plain, race.start.shape[-1])
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
    seconds = {name: statistics.median(taken) / 1000 for name, taken in in_turn(ways, ROUNDS, waiting(device)).items()}
    return 2 * side**3 / seconds["product"], 2 * large.nbytes / seconds["copy"]
