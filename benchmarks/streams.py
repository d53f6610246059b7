"""Many pictures, and an evaluation under attack, next to a plain loop and torchattacks on the same weights.

    python benchmarks/streams.py                              # 1,000 pictures of "default" in 20 steps, 256 attacked
    python benchmarks/streams.py --json streams.json
    python benchmarks/streams.py --model tiny --pictures 24 --attacked 16 --steps 3 --sizes 4 8   # a quick try

Every loop gets the batch size that is its fastest on this machine, measured first; ``rw.stream_pictures`` finds its own
while it paints, and that time counts. All loops are interleaved in one process; on a shared machine, quote the ratios.
The loops paint the same number of pictures with as many steps of the same length in the same ball; ours also draws the
starts from the seed distribution and makes uint8 pictures and their numbers.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch

import robust_widgets as rw
from robust_widgets.benchmark.competitors import PLAIN, TORCHATTACKS, Loop, plain_loop, torchattacks
from robust_widgets.benchmark.speed import machine_of
from robust_widgets.benchmark.workload import CROSS_ENTROPY, Workload, benchmark_models, make_workload
from robust_widgets.compiler.autotune import BATCH_SIZES
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.robustness.pgd import correct, pgd
from robust_widgets.training.accuracy import run_attack
from robust_widgets.training.data import PictureSet

OURS = "robust-widgets"
PROBED = 64  # pictures that each batch size is tried with, at least one batch
NORM, EPSILON = "l2", 1.0
Timed = Callable[[int], object]  # paints or attacks a number of pictures


def loops() -> dict[str, Loop]:
    """The loops to compare with, where they are installed."""
    installed: dict[str, Loop] = {PLAIN: plain_loop}
    if importlib.util.find_spec("torchattacks") is not None:
        installed[TORCHATTACKS] = torchattacks
    return installed


def seconds_of(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def best_size(
    at: Callable[[int], Callable[[], object]], sizes: Sequence[int], rounds: int
) -> tuple[int, dict[int, float]]:
    """The batch size with the fewest milliseconds per picture, and those of all; sizes are interleaved.

    Args:
        at: makes a call that handles one batch of a size.
        sizes: to try.
        rounds: of all sizes; the fastest of each counts.
    """
    calls = {size: at(size) for size in sizes}
    for call in calls.values():
        call()
    times: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size, call in calls.items():
            repeats = max(1, PROBED // size)
            times[size].append(min(seconds_of(call) for _ in range(repeats)) / size * 1000)
    each = {size: min(taken) for size, taken in times.items()}
    return min(each, key=each.__getitem__), each


def in_batches(count: int, size: int, call: Callable[[int], object]) -> None:
    """Call with the sizes of the batches of this many pictures."""
    for first in range(0, count, size):
        call(min(size, count - first))


def compare(calls: dict[str, Timed], count: int, rounds: int) -> dict[str, float]:
    """Seconds of each call for this many pictures, which are divided over interleaved rounds."""
    seconds = dict.fromkeys(calls, 0.0)
    parts = [count // rounds + (place < count % rounds) for place in range(rounds)]
    for part in filter(None, parts):
        for name, call in calls.items():
            seconds[name] += seconds_of(lambda call=call, part=part: call(part))
    return seconds


def streams(models: tuple[RobustClassifier, RobustClassifier], options: argparse.Namespace) -> dict[str, Any]:
    """Paint the pictures with every loop."""
    fast, plain = models

    def workload(size: int) -> Workload:
        return make_workload(CROSS_ENTROPY, fast, plain, size, options.steps)

    sizes: dict[str, Any] = {}
    calls: dict[str, Timed] = {}
    for name, loop in loops().items():
        size, each = best_size(lambda size, loop=loop: lambda: loop(workload(size)), options.sizes, options.rounds)
        sizes[name] = {"best": size, "ms_per_picture": each}
        calls[name] = partial(in_batches, size=size, call=lambda count, loop=loop: loop(workload(count)))
    parameters: dict[str, Any] = {"steps": options.steps, "epsilon": 40.0, "step_size": 1.0}
    stream = rw.stream_pictures("generate", 0, n=options.pictures, seed=0, model=fast, **parameters)
    calls[OURS] = lambda count: sum(1 for _ in islice(stream, count))
    return result(compare(calls, options.pictures, options.parts), options.pictures, sizes)


def evaluation(models: tuple[RobustClassifier, RobustClassifier], options: argparse.Namespace) -> dict[str, Any]:
    """Measure accuracy under PGD with every loop: classify, attack, classify."""
    fast, plain = models
    size, classes = fast.input_size, fast.classes
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (options.attacked, 3, size, size), generator=generator, dtype=torch.uint8)
    labels = torch.arange(options.attacked) % len(classes)
    left = dict.fromkeys((OURS, *loops()), 0)  # where each one's next pictures begin

    def part(name: str, count: int) -> PictureSet:
        rows = torch.arange(left[name], left[name] + count) % len(labels)
        left[name] += count
        return PictureSet(pixels[rows], labels[rows], tuple(classes))

    def ours(count: int) -> None:
        settings: dict[str, Any] = {"norm": NORM, "epsilon": EPSILON, "steps": options.steps, "progress": False}
        run_attack(fast, part(OURS, count), **settings)

    def attack(name: str, data: PictureSet) -> None:
        pictures = data.floats(torch.arange(len(data))).to(plain.device)
        right = correct(plain, pictures, data.labels)
        if name == PLAIN:
            adversarial = pgd(plain, pictures, data.labels, norm=NORM, epsilon=EPSILON, steps=options.steps)
        else:
            package: Any = importlib.import_module("torchattacks")
            step = 2.5 * EPSILON / options.steps
            adversarial = package.PGDL2(plain, eps=EPSILON, alpha=step, steps=options.steps)(pictures, data.labels)
        _ = right & correct(plain, adversarial, data.labels)

    probes = {size: PictureSet(pixels[:size], labels[:size], tuple(classes)) for size in options.sizes}
    sizes: dict[str, Any] = {}
    calls: dict[str, Timed] = {OURS: ours}
    for name in loops():
        size, each = best_size(
            lambda size, name=name: partial(attack, name, probes[size]), options.sizes, options.rounds
        )
        sizes[name] = {"best": size, "ms_per_picture": each}
        calls[name] = partial(in_batches, size=size, call=lambda count, name=name: attack(name, part(name, count)))
    return result(compare(calls, options.attacked, options.parts), options.attacked, sizes)


def result(seconds: dict[str, float], count: int, sizes: dict[str, Any]) -> dict[str, Any]:
    """The figures of a comparison; the ratio is to the faster of the others."""
    others = min(taken for name, taken in seconds.items() if name != OURS)
    return {
        "pictures": count,
        "seconds": seconds,
        "ms_per_picture": {name: taken / count * 1000 for name, taken in seconds.items()},
        "times_as_fast": others / seconds[OURS],
        "batch_sizes": sizes,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run both comparisons and print their ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--pictures", type=int, default=1000, help="painted by each loop")
    parser.add_argument("--attacked", type=int, default=256, help="pictures under attack")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 16, 32, 64, 128], help="batch sizes of the others")
    parser.add_argument("--rounds", type=int, default=2, help="in which batch sizes are tried")
    parser.add_argument("--parts", type=int, default=2, help="interleaved parts of the pictures")
    parser.add_argument("--device")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    options = parser.parse_args(arguments)
    models = benchmark_models(options.model, options.device)
    for size in BATCH_SIZES:
        models[0].warm_up(size)  # backends are measured once per machine
    figures: dict[str, Any] = {"model": options.model, "steps": options.steps}
    figures["machine"] = f"{machine_of(models[0])}, torch {torch.__version__}"
    for name, measure in (("stream", streams), ("evaluate under PGD", evaluation)):
        comparison = figures[name] = measure(models, options)
        each = ", ".join(f"{loop} {taken:.2f}" for loop, taken in comparison["ms_per_picture"].items())
        print(f"{name}, {comparison['pictures']} pictures: {each} ms a picture")
        print(f"{name}: {comparison['times_as_fast']:.2f} times as fast as the faster of the others")
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
