"""The time of a step in relation to a bare forward and backward pass, for model cards."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from robust_widgets._timing import interleaved
from robust_widgets.benchmark.workload import bare_pass
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.solvers.run import compiled_iterate
from robust_widgets.tasks.running.run import task_problem

STEPS = 20
ROUNDS = 9


@dataclass(frozen=True)
class Speed:
    """Milliseconds at batch 1, medians over the rounds.

    Attributes:
        step: one step of generation, with its frame.
        bare: one forward and backward pass to the picture.
        ratio: the median over the rounds of step over bare.
        machine: description of the machine.
    """

    step: float
    bare: float
    ratio: float
    machine: str


def speed(model: RobustClassifier, steps: int = STEPS, rounds: int = ROUNDS) -> Speed:
    """Time a step and a bare pass, interleaved, after a warm-up round.

    Args:
        model: a model with class seeds.
        steps: per round.
        rounds: number of rounds.
    """
    problem = task_problem("generate", model, 0, {"steps": steps})
    target = torch.zeros(1, dtype=torch.long, device=model.device)

    def paint() -> None:
        for _ in compiled_iterate(problem):
            pass

    forward_backward = bare_pass(
        model,
        problem.start,
        lambda of, x: functional.cross_entropy(of(x), target.expand(len(x)), reduction="none"),
        [target],
    )

    def run_bare() -> None:
        for _ in range(steps):
            forward_backward()

    times = interleaved({"step": paint, "bare": run_bare}, rounds, synchroniser(model.device))
    pairs = [(step / steps, bare / steps) for step, bare in zip(times["step"], times["bare"], strict=True)]
    return Speed(
        statistics.median(step for step, _ in pairs),
        statistics.median(bare for _, bare in pairs),
        statistics.median(step / bare for step, bare in pairs),
        f"{machine_of(model)}, torch {torch.__version__}",
    )


def synchroniser(device: torch.device) -> Callable[[], object] | None:
    """A function that waits for a device's pending work; None for a CPU, which has none."""
    return (lambda: torch.cuda.synchronize(device)) if device.type == "cuda" else None


def machine_of(model: RobustClassifier) -> str:
    """A description of the machine that a model runs on."""
    if model.device.type == "cuda":
        return torch.cuda.get_device_name(model.device)
    threads = torch.get_num_threads()
    return f"{model.device.type} ({platform.machine()}), {threads} thread{'s' * (threads != 1)}"
