"""The same steps in other packages, on the same model, picture and loss."""

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

from robust_widgets.benchmark.workload import CROSS_ENTROPY, Workload
from robust_widgets.solvers.run import compiled_iterate

BASELINE = "floor: a bare pass"
OURS = "robust-widgets"
UNCOMPILED = "robust-widgets, not compiled"
PLAIN, TORCHATTACKS, FOOLBOX, ROBUSTNESS = "a plain loop", "torchattacks", "foolbox", "robustness"

Loop: TypeAlias = Callable[[Workload], "Tensor | None"]


def baseline(workload: Workload) -> None:
    """Forward and backward to the picture in the fastest way available; the picture never changes."""
    for _ in range(workload.steps):
        workload.bare_pass()


def ours(workload: Workload) -> None:
    """This package's loop, which also records every picture and its metrics."""
    for _ in compiled_iterate(workload.problem(workload.model)):
        pass


def uncompiled(workload: Workload) -> None:
    """This package's loop on the uncompiled network."""
    for _ in compiled_iterate(workload.problem(workload.plain)):
        pass


def plain_loop(workload: Workload) -> Tensor:
    """A hand-written loop in PyTorch."""
    x = workload.start
    for _ in range(workload.steps):
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(workload.loss(workload.plain, x).sum(), x)
        with torch.no_grad():
            x = x - workload.step_size * gradient / (gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1) + 1e-10)
            x = workload.start + torch.renorm(x - workload.start, 2, 0, workload.epsilon)
            x = x.clamp(0, 1)
    return x.detach()


def torchattacks(workload: Workload) -> Tensor:
    """PGDL2 of the package torchattacks, towards the class; its loss is fixed."""
    attack = cast(Any, importlib.import_module("torchattacks")).PGDL2(
        _ContiguousGradient(workload.plain),
        eps=workload.epsilon,
        alpha=workload.step_size,
        steps=workload.steps,
        random_start=False,
    )
    with redirect_stdout(None):
        attack.set_mode_targeted_by_function(lambda _, labels: labels)
    return cast(Tensor, attack(workload.start, workload.target))


def foolbox(workload: Workload) -> Tensor:
    """L2ProjectedGradientDescentAttack of the package foolbox, towards the class or with a custom loss."""
    package = cast(Any, importlib.import_module("foolbox"))
    wrapped = package.PyTorchModel(workload.plain, bounds=(0, 1), device=workload.plain.device)
    attack = package.attacks.L2ProjectedGradientDescentAttack(
        abs_stepsize=workload.step_size, steps=workload.steps, random_start=False
    )
    if workload.task != CROSS_ENTROPY:
        eagerpy = cast(Any, importlib.import_module("eagerpy"))
        attack.get_loss_fn = lambda *_: lambda inputs: eagerpy.astensor(workload.loss(workload.plain, inputs.raw).sum())
    criterion = package.criteria.TargetedMisclassification(workload.target)
    return cast(Tensor, attack.run(wrapped, workload.start, criterion, epsilon=workload.epsilon))


def robustness(workload: Workload) -> Tensor:
    """The attacker of the package robustness, towards the class or with its ``custom_loss``."""
    attacker = _robustness_attacker()
    with _cuda_calls_ignored_without_gpu(workload.start.device):
        statistics = _DataStatistics(workload.plain.card.mean, workload.plain.card.std)
        attack = cast(Any, attacker).Attacker(workload.plain.network, statistics)
        attack.normalize = _Normalise(workload.plain.mean, workload.plain.std)
        custom: dict[str, Any] = {}
        if workload.task != CROSS_ENTROPY:
            custom = {
                "custom_loss": lambda _, x, __: (workload.loss(workload.plain, _with_contiguous_gradient(x)), None),
                "should_normalize": False,
            }
        adversarial = attack(
            workload.start,
            workload.target,
            constraint="2",
            eps=workload.epsilon,
            step_size=workload.step_size,
            iterations=workload.steps,
            random_start=False,
            targeted=True,
            do_tqdm=False,
            use_best=False,
            **custom,
        )
    return cast(Tensor, adversarial).detach()


def _robustness_attacker() -> ModuleType:
    """The package's attacker, with stand-ins for modules that the package needs only for training."""
    replaced: list[str] = []
    for name in ("torchvision.models.utils", "cox", "cox.store", "pandas"):
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = MagicMock(__spec__=ModuleSpec(name, None))
            replaced.append(name)
    try:
        return importlib.import_module("robustness.attacker")
    finally:
        for name in replaced:
            del sys.modules[name]


@contextmanager
def _cuda_calls_ignored_without_gpu(device: torch.device) -> Generator[None]:
    """Make ``.cuda()`` do nothing on other devices: the package calls it unconditionally."""
    tensor_cuda, module_cuda = torch.Tensor.cuda, torch.nn.Module.cuda
    if device.type != "cuda":
        torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *_, **__: self  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        torch.Tensor.cuda, torch.nn.Module.cuda = tensor_cuda, module_cuda  # type: ignore[method-assign]


class _ContiguousGradient(torch.nn.Module):
    """A model whose gradient has the memory layout that torchattacks needs."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model
        self.eval()  # the package restores a model's mode

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.model(_with_contiguous_gradient(x)))


def _with_contiguous_gradient(x: Tensor) -> Tensor:
    """The same pictures, with a contiguous gradient; that of a convolution on a CPU may be channels-last."""
    if x.requires_grad:
        x.register_hook(torch.Tensor.contiguous)
    return x


class _DataStatistics:
    """The two attributes of a data set that the attacker reads."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        self.mean, self.std = torch.tensor(mean), torch.tensor(std)


class _Normalise(torch.nn.Module):
    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.mean, self.std = mean, std

    def forward(self, x: Tensor) -> Tensor:
        return (_with_contiguous_gradient(x) - self.mean) / self.std


LOOPS: dict[str, Loop] = {
    BASELINE: baseline,
    OURS: ours,
    UNCOMPILED: uncompiled,
    PLAIN: plain_loop,
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
    """The loops that support a task."""
    return {name: loop for name, loop in LOOPS.items() if task == CROSS_ENTROPY or name not in FIXED_LOSS}


def missing(name: str) -> str | None:
    """Why a loop's package cannot be imported, or None."""
    try:
        NEEDED.get(name, lambda: None)()
    except ImportError as error:
        return str(error)
    return None


def failing(name: str, workload: Workload) -> str | None:
    """Why another package's loop fails on a workload, or None."""
    if name not in NEEDED:
        return None
    try:
        LOOPS[name](workload)
    except Exception as error:  # third-party code on an arbitrary network
        return f"{type(error).__name__}: {error}"
    return None
