"""How long a step takes, beside the least it could take on the same machine at the same time."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.synthesis import iterate
from robust_widgets.tasks.generate import generate_problem

STEPS = 20
ROUNDS = 9


@dataclass(frozen=True)
class Speed:
    """Milliseconds at batch 1, medians over the rounds.

    Attributes:
        step: one step of generation, with its frame.
        bare: one forward and backward pass to the picture.
        ratio: the median of step over bare of each round.
        machine: where, in words.
    """

    step: float
    bare: float
    ratio: float
    machine: str


def speed(model: RobustClassifier, steps: int = STEPS, rounds: int = ROUNDS) -> Speed:
    """Time a step and a bare pass in turn, after a round that does not count.

    Args:
        model: paints; it has class seeds.
        steps: of each round.
        rounds: how many.
    """
    problem = generate_problem(model, 0, {"steps": steps})
    target = torch.zeros(1, dtype=torch.long, device=model.device)

    def paint() -> None:
        for _ in iterate(problem):
            pass

    def bare() -> None:
        x = problem.start.clone().requires_grad_()
        for _ in range(steps):
            torch.autograd.grad(functional.cross_entropy(model(x), target), x)

    times = [(_milliseconds(paint, model) / steps, _milliseconds(bare, model) / steps) for _ in range(rounds + 1)][1:]
    return Speed(
        statistics.median(step for step, _ in times),
        statistics.median(floor for _, floor in times),
        statistics.median(step / floor for step, floor in times),
        f"{machine_of(model)}, torch {torch.__version__}",
    )


def _milliseconds(work: Callable[[], object], model: RobustClassifier) -> float:
    began = time.perf_counter()
    work()
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)
    return (time.perf_counter() - began) * 1000


def machine_of(model: RobustClassifier) -> str:
    """Where a model runs, in words."""
    if model.device.type == "cuda":
        return torch.cuda.get_device_name(model.device)
    threads = torch.get_num_threads()
    return f"{model.device.type} ({platform.machine()}), {threads} thread{'s' * (threads != 1)}"
