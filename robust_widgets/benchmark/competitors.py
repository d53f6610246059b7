"""Loops that do what a step does, as other packages and people write them, on the same model, picture and loss."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stdout
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, TypeAlias, cast
from unittest.mock import MagicMock

import torch
from torch import Tensor

from robust_widgets.benchmark.workload import CROSS_ENTROPY, Race
from robust_widgets.solvers.compiled import compiled_iterate

FLOOR = "floor: a bare pass"
OURS = "robust-widgets"
NOT_PREPARED = "robust-widgets, not prepared"
PLAIN, TORCHATTACKS, FOOLBOX, ROBUSTNESS = "a plain loop", "torchattacks", "foolbox", "robustness"

Loop: TypeAlias = Callable[[Race], "Tensor | None"]


def floor(race: Race) -> None:
    """Forward and backward to the picture, by the fastest way there is; the picture never moves."""
    for _ in range(race.steps):
        race.bare_pass()


def ours(race: Race) -> None:
    """This package's loop, which also records every picture and number; `race.last_picture` gives the exact one."""
    for _ in compiled_iterate(race.problem(race.model)):
        pass


def unprepared(race: Race) -> None:
    """This package's loop on the network as it is."""
    for _ in compiled_iterate(race.problem(race.plain)):
        pass


def twelve_lines(race: Race) -> Tensor:
    """What a person would write."""
    x = race.start
    for _ in range(race.steps):
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(race.loss(race.plain, x).sum(), x)
        with torch.no_grad():
            x = x - race.step_size * gradient / (gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1) + 1e-10)
            x = race.start + torch.renorm(x - race.start, 2, 0, race.epsilon)
            x = x.clamp(0, 1)
    return x.detach()


def torchattacks(race: Race) -> Tensor:
    """PGDL2 of the package torchattacks, towards the class; its loss is fixed."""
    attack = cast(Any, importlib.import_module("torchattacks")).PGDL2(
        _GradientInRows(race.plain), eps=race.epsilon, alpha=race.step_size, steps=race.steps, random_start=False
    )
    with redirect_stdout(None):
        attack.set_mode_targeted_by_function(lambda _, labels: labels)
    return cast(Tensor, attack(race.start, race.target))


def foolbox(race: Race) -> Tensor:
    """L2ProjectedGradientDescentAttack of the package foolbox, towards the class or with a loss of one's own."""
    package = cast(Any, importlib.import_module("foolbox"))
    wrapped = package.PyTorchModel(race.plain, bounds=(0, 1), device=race.plain.device)
    attack = package.attacks.L2ProjectedGradientDescentAttack(
        abs_stepsize=race.step_size, steps=race.steps, random_start=False
    )
    if race.task != CROSS_ENTROPY:
        eagerpy = cast(Any, importlib.import_module("eagerpy"))
        attack.get_loss_fn = lambda *_: lambda inputs: eagerpy.astensor(race.loss(race.plain, inputs.raw).sum())
    wanted = package.criteria.TargetedMisclassification(race.target)
    return cast(Tensor, attack.run(wrapped, race.start, wanted, epsilon=race.epsilon))


def robustness(race: Race) -> Tensor:
    """The attacker of the package robustness, towards the class or with its ``custom_loss``."""
    attacker = _robustness_attacker()
    with _left_where_it_is(race.start.device):
        bare = _Unnormalised(race.plain.card.mean, race.plain.card.std)
        attack = cast(Any, attacker).Attacker(race.plain.network, bare)
        attack.normalize = _Normalise(race.plain.mean, race.plain.std)
        own: dict[str, Any] = {}
        if race.task != CROSS_ENTROPY:
            own = {
                "custom_loss": lambda _, x, __: (race.loss(race.plain, _in_rows(x)), None),
                "should_normalize": False,
            }
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
            **own,
        )
    return cast(Tensor, found).detach()


def _robustness_attacker() -> ModuleType:
    """The package's attacker; what the package needs only for training need not be installed to import it."""
    lacking: list[str] = []
    for name in ("torchvision.models.utils", "cox", "cox.store", "pandas"):
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = MagicMock(__spec__=ModuleSpec(name, None))
            lacking.append(name)
    try:
        return importlib.import_module("robustness.attacker")
    finally:
        for name in lacking:
            del sys.modules[name]


@contextmanager
def _left_where_it_is(device: torch.device) -> Generator[None]:
    """What the package puts on a GPU unasked stays on a device that is none."""
    tensor_cuda, module_cuda = torch.Tensor.cuda, torch.nn.Module.cuda
    if device.type != "cuda":
        torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *_, **__: self  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        torch.Tensor.cuda, torch.nn.Module.cuda = tensor_cuda, module_cuda  # type: ignore[method-assign]


class _GradientInRows(torch.nn.Module):
    """A model whose gradient lies in memory as torchattacks needs it."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model
        self.eval()  # the package puts a model back into the mode it was in

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.model(_in_rows(x)))


def _in_rows(x: Tensor) -> Tensor:
    """The same pictures; their gradient becomes contiguous, which that of a convolution on a CPU may not be."""
    if x.requires_grad:
        x.register_hook(torch.Tensor.contiguous)
    return x


class _Unnormalised:
    """The two numbers that the attacker reads from a data set."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        self.mean, self.std = torch.tensor(mean), torch.tensor(std)


class _Normalise(torch.nn.Module):
    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.mean, self.std = mean, std

    def forward(self, x: Tensor) -> Tensor:
        return (_in_rows(x) - self.mean) / self.std


LOOPS: dict[str, Loop] = {
    FLOOR: floor,
    OURS: ours,
    NOT_PREPARED: unprepared,
    PLAIN: twelve_lines,
    TORCHATTACKS: torchattacks,
    FOOLBOX: foolbox,
    ROBUSTNESS: robustness,
}
NEEDED: dict[str, Callable[[], object]] = {
    TORCHATTACKS: lambda: importlib.import_module("torchattacks"),
    FOOLBOX: lambda: importlib.import_module("foolbox"),
    ROBUSTNESS: _robustness_attacker,
}
FIXED_LOSS = (TORCHATTACKS,)


def loops_for(task: str) -> dict[str, Loop]:
    """The loops that can do a task."""
    return {name: loop for name, loop in LOOPS.items() if task == CROSS_ENTROPY or name not in FIXED_LOSS}


def missing(name: str) -> str | None:
    """Why a loop cannot run here, or None."""
    try:
        NEEDED.get(name, lambda: None)()
    except ImportError as error:
        return str(error)
    return None


def failing(name: str, race: Race) -> str | None:
    """Why another package's loop does not get through a race, or None."""
    if name not in NEEDED:
        return None
    try:
        LOOPS[name](race)
    except Exception as error:  # a network of any kind, in the hands of others
        return f"{type(error).__name__}: {error}"
    return None
