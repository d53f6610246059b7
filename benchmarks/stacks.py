"""A step of several runs as one batch, as a server takes it, beside the same step recorded as one graph.

    python benchmarks/stacks.py                            # "tiny" and "default", 2 to 32 runs, the fastest device
    python benchmarks/stacks.py --models tiny --sizes 2 8 --rounds 5

Servers take plain steps: their batches change whenever somebody joins or leaves, and each size would have to be
recorded anew. This tells what recording would gain. Both kinds alternate step by step, and the ratio is the median of
the ratios of neighbours, so that a busy machine disturbs both. Also prints how long a recording took, which everybody
would wait for, and the largest difference between the pictures of both, in levels of 255.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from typing import Any

import numpy as np
import torch

from robust_widgets.interface.session import RunRequest
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.registry import load_model
from robust_widgets.pictures.tensors import plain_torch, to_pixels
from robust_widgets.solvers.backends import CpuGraph, CudaGraph
from robust_widgets.solvers.stacking import Stack, StackableRun
from robust_widgets.solvers.step_graph import FlatRun, StepGraph
from robust_widgets.tasks.running.run import build_stages

STEPS = 1000
WARM_UP = 3


def stack_of(model: RobustClassifier, count: int) -> Stack:
    """Runs of different classes, epsilons and step sizes."""
    requests = [
        RunRequest(
            "generate",
            model.classes[index % len(model.classes)],
            {"steps": STEPS, "seed": index, "epsilon": 10.0 + index, "step_size": 0.5 + index / 100},
        )
        for index in range(count)
    ]
    return Stack([StackableRun(build_stages(model, request)[-1]) for request in requests])


def recorded(stack: Any, model: RobustClassifier) -> StepGraph:
    """The stack's step as a graph, at the step where the stack is."""
    backend = CudaGraph if model.device.type == "cuda" else CpuGraph
    run = FlatRun(stack._problem, stack._x, stack._state)
    graph = StepGraph(run, model.uncompiled(), backend, threading.Event())
    graph.load(run)
    return graph


def timed(call: Any) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@plain_torch()
def compare(model: RobustClassifier, count: int, rounds: int) -> str:
    """A line of the table."""
    stack: Any = stack_of(model, count)
    model.warm_up(count)
    began = time.perf_counter()
    graph = recorded(stack, model)
    seconds = time.perf_counter() - began

    def replay() -> None:
        for _ in graph.play(1, ahead=False):
            pass

    for _ in range(WARM_UP):
        stack.step()
        replay()
    difference = np.abs(to_pixels(stack._x).astype(int) - to_pixels(graph.x)).max()
    pairs = [(timed(stack.step), timed(replay)) for _ in range(rounds)]
    ratio = statistics.median(plain / graphed for plain, graphed in pairs)
    plain, graphed = (1000 * statistics.median(times) for times in zip(*pairs, strict=True))
    return f"{count:5}  {plain:9.2f}  {graphed:11.2f}  {ratio:6.2f}  {seconds:11.1f}  {difference:10}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["tiny", "default"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[2, 4, 8, 16, 32])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--device")
    options: Any = parser.parse_args()
    for name in options.models:
        model = load_model(name, device=options.device, precision="float32")
        print(f"{name} on {model.device}, torch {torch.__version__}, {torch.get_num_threads()} threads")
        print(" runs   plain ms  recorded ms   ratio  recording s  difference")
        for count in options.sizes:
            print(compare(model, count, options.rounds), flush=True)


if __name__ == "__main__":
    main()
