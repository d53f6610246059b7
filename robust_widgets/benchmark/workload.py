"""What the benchmark times: one task on one model, and the bare forward and backward pass below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from robust_widgets.interface.parameters import PAPER_PENALTY
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.registry import load_model
from robust_widgets.pictures.tensors import from_pixels
from robust_widgets.solvers.backends import CpuGraph
from robust_widgets.solvers.run import compiled_iterate
from robust_widgets.solvers.step_graph import StepGraphCache, backend_for
from robust_widgets.synthesis.constraints import L2Ball
from robust_widgets.synthesis.loop import minimize
from robust_widgets.synthesis.objectives import CrossEntropy, MatchOutside, Objective
from robust_widgets.synthesis.objectives.layers import Activation
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step
from robust_widgets.units import raw_pixels


def bare_pass(
    model: RobustClassifier,
    x: Tensor,
    loss: Callable[[RobustClassifier, Tensor], Tensor],
    inputs: Sequence[Tensor] = (),
) -> Callable[[], object]:
    """A function that makes one pass in the fastest way available; the pictures never change.

    If steps are recorded as graphs on this CPU, so is the pass.

    Args:
        model: as it runs by default.
        x: pictures (n, 3, h, w).
        loss: of a model and pictures, (n,).
        inputs: tensors that the loss reads and that vary between steps. Everything else is constant-folded.
    """
    x = x.detach().clone()

    def forward_backward(of: RobustClassifier = model) -> list[Tensor]:
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            losses = loss(of, leaf)
            return [losses.detach(), *torch.autograd.grad(losses.sum(), leaf)]

    if backend_for(model, x) is not CpuGraph:
        return forward_backward
    uncompiled, graph = model.uncompiled(), CpuGraph(x.device)
    graph.record(lambda: forward_backward(uncompiled), [x, *inputs])
    return graph.replay


EPSILON, STEP_SIZE = 40.0, 1.0  # in pixels of 224 x 224
CROSS_ENTROPY, INPAINTING, FEATURES = "cross-entropy", "in-painting", "feature painting"
TASKS = (CROSS_ENTROPY, INPAINTING, FEATURES)
UNIT = 0
RESNET50 = "resnet50"
WARM_UP_PICTURES = 4  # random pictures that set a random network's batch-norm statistics


@dataclass(frozen=True)
class Workload:
    """Normalised L2 steps that lower one loss within a ball.

    Attributes:
        task: one of `TASKS`. In-painting lowers the cross-entropy, feature painting raises a unit's activation, both
            with the published soft penalty on changes outside a mask.
        model: as it runs by default.
        plain: the same weights, uncompiled.
        start: pictures (n, 3, h, w) in [0, 1].
        target: class indices (n,).
        epsilon, step_size: in raw pixels.
        steps: number of steps.
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
        """Where in-painting and feature painting may change the picture: its middle, bool (1, 1, h, w)."""
        height, width = self.start.shape[2:]
        inside = torch.zeros(1, 1, height, width, dtype=torch.bool, device=self.start.device)
        inside[:, :, height // 4 : -(height // 4), width // 4 : -(width // 4)] = True
        return inside

    @cached_property
    def units(self) -> Tensor:
        """The units that feature painting raises, int64 (n, 1)."""
        return torch.full((len(self.start), 1), UNIT, device=self.start.device)

    @cached_property
    def bare_pass(self) -> Callable[[], object]:
        """One forward and backward pass, in the fastest way available."""
        return bare_pass(self.model, self.start, self.network_loss, [self.target, self.units])

    def problem(self, model: RobustClassifier) -> Problem:
        """The workload as this package's problem."""
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

    def network_loss(self, model: RobustClassifier, x: Tensor) -> Tensor:
        """The part of the loss that depends on the model, (n,)."""
        if self.task == FEATURES:
            return -model.features(x, straight_through=True).gather(1, self.units)[:, 0]
        return functional.cross_entropy(model(x), self.target, reduction="none")

    def loss(self, model: RobustClassifier, x: Tensor) -> Tensor:
        """The loss of each picture, (n,), as hand-written PyTorch."""
        if self.task == CROSS_ENTROPY:
            return self.network_loss(model, x)
        change = (x - self.start).square() * ~self.mask
        return self.network_loss(model, x) + PAPER_PENALTY * change.mean((1, 2, 3))


def benchmark_models(name: str, device: str | None) -> tuple[RobustClassifier, RobustClassifier]:
    """A model as it runs by default, and uncompiled.

    Args:
        name: of `load_model`, or ``"resnet50"``: torchvision's at 224 pixels, with random weights.
        device: where to run.
    """
    if name != RESNET50:
        return load_model(name, device=device), load_model(name, device=device, fast=False)
    network = _random_resnet50()
    options: dict[str, Any] = {
        "classes": "imagenet",
        "mean": 0.5,
        "std": 0.25,
        "input_size": 224,
        "name": f"{RESNET50}, random weights",
    }
    return load_model(network, device=device, **options), load_model(network, device=device, fast=False, **options)


@torch.no_grad()
def _random_resnet50() -> torch.nn.Module:
    """With batch-norm statistics of random pictures, so that activations have a trained network's scale."""
    from torchvision.models import resnet50

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = resnet50()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # cumulative mean
        network.train()(torch.randn(WARM_UP_PICTURES, 3, 224, 224))
    return network.eval()


def last_picture(workload: Workload, model: RobustClassifier) -> Tensor:
    """The picture after the last step of this package's eager loop, as floats."""
    return minimize(workload.problem(model))


def last_shown(workload: Workload, model: RobustClassifier) -> Tensor:
    """The last picture of a run, rounded to 256 levels; by recorded steps, if the model records them."""
    frame = None
    for frame in compiled_iterate(workload.problem(model)):  # noqa: B007 - only the last is used
        pass
    assert frame is not None
    return from_pixels(frame.pixels).to(workload.start)


def last_recorded(workload: Workload, model: RobustClassifier) -> Tensor | None:
    """The picture after the last recorded step as floats; None if steps are not recorded, or run ahead."""
    for _ in islice(compiled_iterate(workload.problem(model)), workload.steps):
        pass
    graphs = model.step_graphs
    if not isinstance(graphs, StepGraphCache) or graphs.backend.is_gpu or graphs.latest is None:
        return None
    return graphs.latest.x.clone()


def make_workload(task: str, fast: RobustClassifier, plain: RobustClassifier, batch: int, steps: int) -> Workload:
    """A workload from faint noise, towards a different class for each picture.

    Args:
        task: one of `TASKS`.
        fast: the model as it runs by default.
        plain: the same weights, uncompiled.
        batch: number of pictures.
        steps: number of steps.
    """
    size = fast.input_size
    generator = torch.Generator().manual_seed(0)
    start = (0.5 + 0.1 * torch.randn(batch, 3, size, size, generator=generator)).clamp(0, 1).to(fast.device)
    target = torch.arange(batch, device=fast.device) % len(fast.classes)
    return Workload(task, fast, plain, start, target, raw_pixels(EPSILON, size), raw_pixels(STEP_SIZE, size), steps)
