"""How long a step takes, beside the least it could take on the same machine at the same time."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from robust_widgets._timing import interleaved
from robust_widgets.benchmark.baseline import bare_pass
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.solvers.compiled import compiled_iterate
from robust_widgets.tasks.running.run import task_problem

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
    problem = task_problem("generate", model, 0, {"steps": steps})
    target = torch.zeros(1, dtype=torch.long, device=model.device)

    def paint() -> None:
        for _ in compiled_iterate(problem):
            pass

    once = bare_pass(
        model,
        problem.start,
        lambda of, x: functional.cross_entropy(of(x), target.expand(len(x)), reduction="none"),
        [target],
    )

    def bare() -> None:
        for _ in range(steps):
            once()

    times = interleaved({"step": paint, "bare": bare}, rounds, waiting(model.device))
    each = [(step / steps, floor / steps) for step, floor in zip(times["step"], times["bare"], strict=True)]
    return Speed(
        statistics.median(step for step, _ in each),
        statistics.median(floor for _, floor in each),
        statistics.median(step / floor for step, floor in each),
        f"{machine_of(model)}, torch {torch.__version__}",
    )


def waiting(device: torch.device) -> Callable[[], object] | None:
    """What waits until a device has done all it was asked; None where the host does the work itself."""
    return (lambda: torch.cuda.synchronize(device)) if device.type == "cuda" else None


def machine_of(model: RobustClassifier) -> str:
    """Where a model runs, in words."""
    if model.device.type == "cuda":
        return torch.cuda.get_device_name(model.device)
    threads = torch.get_num_threads()
    return f"{model.device.type} ({platform.machine()}), {threads} thread{'s' * (threads != 1)}"
