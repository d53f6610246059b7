"""Loops that do what a step does, as other packages and people write them, on the same model and picture."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor
from torch.nn import functional

from robust_widgets.constraints import L2Ball
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.objectives import CrossEntropy
from robust_widgets.steppers import L2Step
from robust_widgets.synthesis import Problem, iterate, solve

FLOOR = "floor: a bare pass"
OURS = "robust-widgets"


@dataclass(frozen=True)
class Race:
    """What every loop does: normalised L2 steps towards a class within a ball.

    Attributes:
        model: as it is run by default.
        plain: the same weights, run as they are.
        start: pictures (n, 3, h, w) in [0, 1].
        target: class indices (n,).
        epsilon, step_size: in raw pixels.
        steps: how many.
    """

    model: RobustClassifier
    plain: RobustClassifier
    start: Tensor
    target: Tensor
    epsilon: float
    step_size: float
    steps: int

    def problem(self, model: RobustClassifier) -> Problem:
        return Problem(
            model=model,
            start=self.start,
            objective=CrossEntropy(self.target),
            constraint=L2Ball(self.epsilon),
            stepper=L2Step(self.step_size),
            steps=self.steps,
        )


Loop: TypeAlias = Callable[[Race], "Tensor | None"]


def floor(race: Race) -> None:
    """Forward and backward to the picture, by the fastest way there is; the picture never moves."""
    x = race.start.clone().requires_grad_()
    for _ in range(race.steps):
        torch.autograd.grad(functional.cross_entropy(race.model(x), race.target, reduction="sum"), x)


def ours(race: Race) -> Tensor:
    """This package's loop, which also records every picture and number."""
    for _ in iterate(race.problem(race.model)):
        pass
    return race.start  # its picture is uint8; `reference` asks for the exact one


def unprepared(race: Race) -> Tensor:
    """This package's loop on the network as it is."""
    for _ in iterate(race.problem(race.plain)):
        pass
    return race.start


def twelve_lines(race: Race) -> Tensor:
    """What a person would write."""
    x = race.start
    for _ in range(race.steps):
        x = x.detach().requires_grad_()
        loss = functional.cross_entropy(race.plain(x), race.target, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, x)
        with torch.no_grad():
            x = x - race.step_size * gradient / (gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1) + 1e-10)
            x = race.start + torch.renorm(x - race.start, 2, 0, race.epsilon)
            x = x.clamp(0, 1)
    return x.detach()


def torchattacks(race: Race) -> Tensor:
    """PGDL2 of the package torchattacks, towards the class."""
    attack = cast(Any, importlib.import_module("torchattacks")).PGDL2(
        race.plain, eps=race.epsilon, alpha=race.step_size, steps=race.steps, random_start=False
    )
    attack.set_mode_targeted_by_function(lambda _, labels: labels)
    return cast(Tensor, attack(race.start, race.target))


def foolbox(race: Race) -> Tensor:
    """L2ProjectedGradientDescentAttack of the package foolbox, towards the class."""
    package = cast(Any, importlib.import_module("foolbox"))
    wrapped = package.PyTorchModel(race.plain, bounds=(0, 1), device=race.plain.device)
    attack = package.attacks.L2ProjectedGradientDescentAttack(
        abs_stepsize=race.step_size, steps=race.steps, random_start=False
    )
    wanted = package.criteria.TargetedMisclassification(race.target)
    return cast(Tensor, attack.run(wrapped, race.start, wanted, epsilon=race.epsilon))


def robustness(race: Race) -> Tensor:
    """The attacker of the package robustness, towards the class; what it puts on a GPU unasked stays where it is."""
    attacker = importlib.import_module("robustness.attacker")
    tensor_cuda, module_cuda = torch.Tensor.cuda, torch.nn.Module.cuda
    if race.start.device.type != "cuda":
        torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *_, **__: self  # type: ignore[method-assign, assignment]
    try:
        bare = _Unnormalised(race.plain.card.mean, race.plain.card.std)
        attack = cast(Any, attacker).Attacker(race.plain.network, bare)
        attack.normalize = _Normalise(race.plain)
        found = attack(
            race.start,
            race.target,
            constraint="2",
            eps=race.epsilon,
            step_size=race.step_size,
            iterations=race.steps,
            random_start=False,
            targeted=True,
            do_tqdm=False,
            use_best=False,
        )
    finally:
        torch.Tensor.cuda, torch.nn.Module.cuda = tensor_cuda, module_cuda  # type: ignore[method-assign]
    return cast(Tensor, found).detach()


class _Unnormalised:
    """The two numbers that the attacker reads from a data set."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        self.mean, self.std = torch.tensor(mean), torch.tensor(std)


class _Normalise(torch.nn.Module):
    def __init__(self, model: RobustClassifier) -> None:
        super().__init__()
        self.mean, self.std = model.mean, model.std

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


LOOPS: dict[str, Loop] = {
    FLOOR: floor,
    OURS: ours,
    "robust-widgets, not prepared": unprepared,
    "a plain loop": twelve_lines,
    "torchattacks": torchattacks,
    "foolbox": foolbox,
    "robustness": robustness,
}
NEEDED = {"torchattacks": "torchattacks", "foolbox": "foolbox", "robustness": "robustness.attacker"}


def reference(race: Race) -> Tensor:
    """The last picture, by the network as it is, in float32."""
    return solve(race.problem(race.plain))


def ours_exactly(race: Race) -> Tensor:
    """The last picture of this package's loop, as floats."""
    return solve(race.problem(race.model))


def missing(name: str) -> str | None:
    """Why a loop cannot run here, or None."""
    if name not in NEEDED:
        return None
    try:
        importlib.import_module(NEEDED[name])
    except ImportError as error:
        return str(error)
    return None
