"""Adversarial training in pictures a second: this package, a plain PyTorch loop, and the robustness package's own loop.

    python benchmarks/training_speed.py                       # "smoothresnet" at 64 px, batches of 128
    python benchmarks/training_speed.py --size 112 --batch 96 --json training.json

All train the same network by the same recipe: one attack step of 1.25 epsilon from a random start, then one step of SGD
with momentum on the adversarial pictures. The plain loop also draws our augmented batches and averages the weights, in
float32 and, where the processor multiplies in it, in bfloat16. robustness trains by its `train_model`, in float32 (it
knows no other precision without apex), on batches made beforehand, without averaging; its `.cuda()` calls do nothing
here. The packages that it imports and that its loop does not need are replaced by stand-ins.

The alternatives take turns, so that other load hits all of them alike; quote the ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Generator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import torch
from torch import Tensor, nn

from robust_widgets._timing import interleaved
from robust_widgets.models.networks.architectures import build
from robust_widgets.training.batches import channel_statistics, epoch_order, make_batch
from robust_widgets.training.data import PictureSet
from robust_widgets.training.settings import TrainingSettings, WeightAverage, decay_groups
from robust_widgets.training.trainer import TrainingRun, autocast

OURS, PLAIN, PLAIN_BFLOAT16, ROBUSTNESS = "robust-widgets", "a plain loop", "a plain loop in bfloat16", "robustness"
CLASSES = 27
NOT_NEEDED = ("cox", "cox.store", "cox.utils", "dill", "pandas", "seaborn", "sklearn", "tensorboardX")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="smoothresnet")
    parser.add_argument("--size", type=int, default=64, help="width of the pictures in pixels")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2, help="optimizer steps in each turn")
    parser.add_argument("--json", type=Path, help="also write the times here")
    arguments = parser.parse_args()
    pictures = random_pictures(arguments.batch * (arguments.steps + 1), arguments.size)
    settings = TrainingSettings(
        architecture=arguments.architecture, batch_size=arguments.batch, epochs=10_000, progressive=False
    )
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as open_runs:
        run = open_runs.enter_context(contextlib.closing(our_steps(pictures, settings, Path(folder))))
        calls: dict[str, Callable[[], object]] = {
            OURS: repeated(lambda: next(run), arguments.steps),
            PLAIN: repeated(plain_step(pictures, settings, "float32"), arguments.steps),
        }
        if not isinstance(autocast(torch.device("cpu"), "auto"), contextlib.nullcontext):
            calls[PLAIN_BFLOAT16] = repeated(plain_step(pictures, settings, "bfloat16"), arguments.steps)
        try:
            calls[ROBUSTNESS] = robustness_epoch(pictures, settings, arguments.steps, Path(folder))
        except ImportError as error:
            print(f"Without robustness: {error}")
        times = interleaved(calls, arguments.rounds)
    count = arguments.batch * arguments.steps
    speeds = {name: count / (statistics.median(taken) / 1000) for name, taken in times.items()}
    for name, speed in speeds.items():
        print(f"{name:28s} {speed:8.1f} pictures/s   {speeds[OURS] / speed:5.2f} x")
    if arguments.json:
        text = json.dumps({"settings": {**vars(arguments), "json": None}, "milliseconds": times}, indent=1)
        arguments.json.write_text(text + "\n")


def repeated(step: Callable[[], object], count: int) -> Callable[[], None]:
    def call() -> None:
        for _ in range(count):
            step()

    return call


def random_pictures(count: int, size: int) -> PictureSet:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    return PictureSet(pixels, labels, tuple(f"class {index}" for index in range(CLASSES)))


def our_steps(pictures: PictureSet, settings: TrainingSettings, folder: Path) -> Generator[object]:
    """One step of the optimizer for each item."""
    run = TrainingRun(pictures, pictures, folder / "model.safetensors", settings, checkpoint_every=10**9)
    while True:
        yield run._train_step()  # pyright: ignore[reportPrivateUsage]


def plain_step(pictures: PictureSet, settings: TrainingSettings, precision: str) -> Callable[[], None]:
    """The same recipe, written by hand."""
    device = torch.device("cpu")
    torch.manual_seed(0)
    network = build(settings.architecture, CLASSES)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in channel_statistics(pictures.pictures))
    optimizer = torch.optim.SGD(
        decay_groups(network.parameters(), settings.weight_decay), lr=0.01, momentum=0.9, nesterov=True
    )
    average, order, epsilon, count = (
        WeightAverage(network, settings.average_decay),
        epoch_order(pictures, settings, 0),
        1.0,
        0,
    )

    def logits(x: Tensor) -> Tensor:
        return network((x - mean) / std)

    def step() -> None:
        nonlocal count
        x, labels = make_batch(pictures, order, settings, count, pictures.size, device)
        x, count = x.contiguous(), count + 1
        with autocast(device, precision):
            network.eval()
            noise = torch.randn_like(x)
            start = (x + epsilon * noise / noise.flatten(1).norm(dim=1).view(-1, 1, 1, 1)).clamp(0, 1).requires_grad_()
            (gradient,) = torch.autograd.grad(
                nn.functional.cross_entropy(logits(start), labels, reduction="sum"), start
            )
            moved = start.detach() + 1.25 * epsilon * gradient / gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            adversarial = (x + torch.renorm(moved - x, 2, 0, epsilon)).clamp(0, 1)
            network.train()
            loss = nn.functional.cross_entropy(logits(adversarial).float(), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        average.update(network)

    return step


class LatentArguments(nn.Module):
    """A network that takes the keywords that robustness passes to its own."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, **_: object) -> Tensor:
        return self.network(x)


def robustness_epoch(pictures: PictureSet, settings: TrainingSettings, steps: int, folder: Path) -> Callable[[], None]:
    """`robustness.train.train_model` for one epoch of that many batches, with one picture to validate on.

    Raises:
        ImportError: the package is not installed.
    """
    importlib.import_module("robustness")
    for name in NOT_NEEDED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
        if name not in sys.modules:
            sys.modules[name] = MagicMock(__spec__=ModuleSpec(name, None))
    attacker, training = importlib.import_module("robustness.attacker"), importlib.import_module("robustness.train")
    torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *_, **__: self  # type: ignore[method-assign, assignment]
    mean, std = channel_statistics(pictures.pictures)
    network = LatentArguments(build(settings.architecture, CLASSES))
    data = SimpleNamespace(mean=torch.tensor(mean), std=torch.tensor(std))
    size, order = settings.batch_size, epoch_order(pictures, settings, 0)
    batches = [make_batch(pictures, order, settings, step, pictures.size, torch.device("cpu")) for step in range(steps)]
    batches = [(x.contiguous(), labels) for x, labels in batches]
    validation = [(batches[0][0][:1], batches[0][1][:1])]
    options: dict[str, Any] = {
        **{"epochs": 1, "out_dir": str(folder), "lr": 0.01, "momentum": 0.9, "weight_decay": settings.weight_decay},
        **{"adv_train": 1, "adv_eval": 0, "constraint": "2", "eps": 1.0, "attack_lr": 1.25, "attack_steps": 1},
        **{"random_start": True, "random_restarts": 0, "use_best": False, "log_iters": 1, "save_ckpt_iters": -1},
        **{"custom_eps_multiplier": None, "custom_lr_multiplier": None, "step_lr": None, "mixed_precision": False},
    }
    assert size == len(batches[0][0])

    def epoch() -> None:
        model = attacker.AttackerModel(network, data)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            training.train_model(SimpleNamespace(**options), model, (batches, validation))

    return epoch


if __name__ == "__main__":
    main()
