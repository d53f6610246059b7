"""How the learning rate, the picture side and the averaged weights change in the course of a training run."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

# Share of the epochs that end at each fraction of the full side. Early epochs on smaller pictures cost a quarter and
# learn colours and coarse shapes just as well; the last third sees full-size pictures.
PROGRESSION = ((0.36, 0.5), (0.65, 0.75), (1.0, 1.0))


def learning_rate(step: int, steps: int, peak: float, warm_up: int) -> float:
    """A linear rise over ``warm_up`` steps, then a half cosine down to zero at ``steps``."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def side_at(epoch: int, epochs: int, full: int, progressive: bool) -> int:
    """Side in pixels of the pictures in this epoch (0-based), a multiple of 8 until it is ``full``."""
    if not progressive:
        return full
    share = (epoch + 1) / epochs
    fraction = next(fraction for until, fraction in PROGRESSION if share <= until + 1e-9)
    return full if fraction == 1 else min(full, max(16, 8 * round(full * fraction / 8)))


class WeightAverage:
    """An exponential moving average of a network's parameters and buffers (EMA).

    Args:
        network: the network whose present weights start the average.
        decay: how much of the old average stays at each update; lower in the first updates.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.average = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - decay)
            else:
                self.average[name].copy_(value)

    def state(self) -> dict[str, Tensor]:
        return self.average


def decay_groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, object]]:
    """Parameter groups for the optimizer: weight decay on matrices and kernels only, not on norms and biases."""
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for parameter in parameters:
        (decayed if parameter.dim() > 1 else free).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]
