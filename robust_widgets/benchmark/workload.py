"""What is timed beside other packages: one task on one model, with the same picture, loss and steps for everybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from robust_widgets.benchmark.baseline import bare_pass
from robust_widgets.interface.parameters import PAPER_PENALTY
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.registry import load_model
from robust_widgets.solvers.compiled import compiled_iterate
from robust_widgets.solvers.graphs.step_graph import StepGraphCache
from robust_widgets.synthesis.constraints import L2Ball
from robust_widgets.synthesis.loop import minimize
from robust_widgets.synthesis.objectives import Activation, CrossEntropy, MatchOutside, Objective
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step
from robust_widgets.units import raw_pixels

EPSILON, STEP_SIZE = 40.0, 1.0  # in pixels of 224 x 224
CROSS_ENTROPY, INPAINTING, FEATURES = "cross-entropy", "in-painting", "feature painting"
TASKS = (CROSS_ENTROPY, INPAINTING, FEATURES)
UNIT = 0
RESNET50 = "resnet50"
SETTLING = 4  # random pictures that a random network's normalisations are set by


@dataclass(frozen=True)
class Race:
    """What every loop does: normalised L2 steps down one loss within a ball.

    Attributes:
        task: one of `TASKS`. In-painting is the cross-entropy, feature painting a unit's activation, each with the
            published soft penalty on change outside a mask.
        model: as it is run by default.
        plain: the same weights, run as they are.
        start: pictures (n, 3, h, w) in [0, 1].
        target: class indices (n,).
        epsilon, step_size: in raw pixels.
        steps: how many.
    """

    task: str
    model: RobustClassifier
    plain: RobustClassifier
    start: Tensor
    target: Tensor
    epsilon: float
    step_size: float
    steps: int

    @cached_property
    def mask(self) -> Tensor:
        """Where in-painting and feature painting are free: the middle, bool (1, 1, h, w)."""
        height, width = self.start.shape[2:]
        inside = torch.zeros(1, 1, height, width, dtype=torch.bool, device=self.start.device)
        inside[:, :, height // 4 : -(height // 4), width // 4 : -(width // 4)] = True
        return inside

    @cached_property
    def units(self) -> Tensor:
        """What feature painting asks for, int64 (n, 1)."""
        return torch.full((len(self.start), 1), UNIT, device=self.start.device)

    @cached_property
    def bare_pass(self) -> Callable[[], object]:
        """The part of a step that nobody can do without, by the fastest way there is."""
        return bare_pass(self.model, self.start, self.answer, [self.target, self.units])

    def problem(self, model: RobustClassifier) -> Problem:
        """The race as this package's problem."""
        objective: Objective = Activation(UNIT) if self.task == FEATURES else CrossEntropy(self.target)
        if self.task != CROSS_ENTROPY:
            objective = objective + PAPER_PENALTY * MatchOutside(self.start, self.mask)
        return Problem(
            model=model,
            start=self.start,
            objective=objective,
            constraint=L2Ball(self.epsilon),
            stepper=L2Step(self.step_size),
            steps=self.steps,
        )

    def answer(self, model: RobustClassifier, x: Tensor) -> Tensor:
        """The part of the loss that asks the model, (n,)."""
        if self.task == FEATURES:
            return -model.features(x, straight_through=True).gather(1, self.units)[:, 0]
        return functional.cross_entropy(model(x), self.target, reduction="none")

    def loss(self, model: RobustClassifier, x: Tensor) -> Tensor:
        """The loss of each picture, (n,), as a person would write it."""
        if self.task == CROSS_ENTROPY:
            return self.answer(model, x)
        changed = (x - self.start).square() * ~self.mask
        return self.answer(model, x) + PAPER_PENALTY * changed.mean((1, 2, 3))


def raced_models(name: str, device: str | None) -> tuple[RobustClassifier, RobustClassifier]:
    """A model as it is run by default, and the same weights run as they are.

    Args:
        name: what `load_model` takes, or ``"resnet50"``: torchvision's, with random weights, at 224 pixels.
        device: where to run.
    """
    if name != RESNET50:
        return load_model(name, device=device), load_model(name, device=device, fast=False)
    network = _random_resnet50()
    known: dict[str, Any] = {
        "classes": "imagenet",
        "mean": 0.5,
        "std": 0.25,
        "input_size": 224,
        "name": f"{RESNET50}, random weights",
    }
    return load_model(network, device=device, **known), load_model(network, device=device, fast=False, **known)


@torch.no_grad()
def _random_resnet50() -> torch.nn.Module:
    """Its normalisations are set by random pictures, so that its numbers keep the size of a trained one's."""
    from torchvision.models import resnet50

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = resnet50()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # the plain mean of what it sees
        network.train()(torch.randn(SETTLING, 3, 224, 224))
    return network.eval()


def last_picture(race: Race, model: RobustClassifier) -> Tensor:
    """The picture after the last step of this package's loop, as floats; nothing is recorded."""
    return minimize(race.problem(model))


def last_shown(race: Race, model: RobustClassifier) -> Tensor:
    """The last picture as a run shows it, of 256 levels; by recorded steps, where a model records them."""
    frame = None
    for frame in compiled_iterate(race.problem(model)):  # noqa: B007 - the last is wanted
        pass
    assert frame is not None
    return (torch.from_numpy(frame.pixels).permute(0, 3, 1, 2) / 255).to(race.start)


def last_recorded(race: Race, model: RobustClassifier) -> Tensor | None:
    """The picture after the last step as floats, by recorded steps; None where a model's are not, or go on ahead."""
    for _ in islice(compiled_iterate(race.problem(model)), race.steps):
        pass
    found = model.step_graphs
    if not isinstance(found, StepGraphCache) or found.backend.is_async or found.latest is None:
        return None
    return found.latest.x.clone()


def new_race(task: str, fast: RobustClassifier, plain: RobustClassifier, batch: int, steps: int) -> Race:
    """A race from faint noise, towards as many classes as there are.

    Args:
        task: one of `TASKS`.
        fast: the model as it is run by default.
        plain: the same weights, run as they are.
        batch: pictures at once.
        steps: of each loop.
    """
    side = fast.input_size
    generator = torch.Generator().manual_seed(0)
    start = (0.5 + 0.1 * torch.randn(batch, 3, side, side, generator=generator)).clamp(0, 1).to(fast.device)
    target = torch.arange(batch, device=fast.device) % len(fast.classes)
    return Race(task, fast, plain, start, target, raw_pixels(EPSILON, side), raw_pixels(STEP_SIZE, side), steps)
