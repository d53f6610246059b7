"""Learning rate, picture size, averaged weights, weight decay."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from robust_widgets.training.settings import WeightAverage, decay_groups, learning_rate, size_at


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    rates = [learning_rate(step, 100, 0.2, 10) for step in range(101)]
    assert rates[:10] == pytest.approx([0.02 * (i + 1) for i in range(10)])
    assert rates[10] == 0.2 and max(rates) == 0.2
    assert rates[55] == pytest.approx(0.1), "half the peak half-way down"
    assert rates[32] == pytest.approx(0.1 * (1 + math.cos(math.pi * 22 / 90)))
    assert rates[100] == pytest.approx(0, abs=1e-12)
    assert all(a > b for a, b in pairwise(rates[10:]))


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_very_short_run_has_a_learning_rate(steps: int) -> None:
    rates = [learning_rate(step, steps, 0.1, 0) for step in range(steps)]
    assert rates[0] == 0.1 and all(rate > 0 for rate in rates)


def test_the_size_grows_over_the_epochs() -> None:
    sizes = [size_at(epoch, 14, 64, True) for epoch in range(14)]
    assert sizes == [32] * 5 + [48] * 4 + [64] * 5
    assert [size_at(epoch, 14, 64, False) for epoch in range(14)] == [64] * 14


@pytest.mark.parametrize("full", [8, 16, 20, 33, 36, 50, 64, 100])
@pytest.mark.parametrize("epochs", [1, 2, 3, 14])
def test_the_last_epoch_uses_the_full_size(full: int, epochs: int) -> None:
    sizes = [size_at(epoch, epochs, full, True) for epoch in range(epochs)]
    assert sizes[-1] == full
    assert sizes == sorted(sizes)
    assert all(size == full or (size % 8 == 0 and size >= 16) for size in sizes)


def network(value: float) -> nn.Module:
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.fill_(value)
    return module


def test_the_weight_average_by_hand() -> None:
    average, wanted = WeightAverage(network(1.0), decay=0.5), 1.0
    for update, value in enumerate([3.0, -2.0, 7.0, 7.0, 0.5, 4.0, 2.0, 9.0, 1.0, 5.0, 3.0], start=1):
        average.update(network(value))
        decay = min(0.5, (1 + update) / (10 + update))
        wanted = decay * wanted + (1 - decay) * value
        for name in ("0.weight", "0.bias", "1.running_mean", "1.weight"):
            torch.testing.assert_close(average.state()[name], torch.full_like(average.state()[name], wanted))
    assert average.state()["1.num_batches_tracked"] == 3, "counters are copied, not averaged"


def test_the_average_is_independent_of_the_network() -> None:
    module = network(1.0)
    average = WeightAverage(module, 0.9)
    with torch.no_grad():
        module[0].weight.fill_(5.0)
    assert (average.state()["0.weight"] == 1).all()
    average.update(module)
    assert (module[0].weight == 5).all() and 1 < average.state()["0.weight"][0, 0] < 5


def test_only_matrices_and_kernels_decay() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))
    decayed, free = decay_groups(module.parameters(), 5e-4)
    assert decayed["weight_decay"] == 5e-4 and free["weight_decay"] == 0
    assert {id(p) for p in decayed["params"]} == {id(module[0].weight), id(module[2].weight)}  # type: ignore[attr-defined]
    assert len(free["params"]) == 4  # type: ignore[arg-type]
