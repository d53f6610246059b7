"""Runs a classifier's network with the fastest backend that gives the same results."""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from operator import attrgetter
from typing import Protocol, TypeAlias

import torch
from torch import Tensor, nn

from robust_widgets._machine import CpuContention, trim_heap
from robust_widgets.compiler import autotune
from robust_widgets.compiler.backends import bfloat16, onednn
from robust_widgets.compiler.compiled_module import CompiledModule, run
from robust_widgets.compiler.decompositions import ACTIVATIONS
from robust_widgets.compiler.tracing import Function, trace_joint
from robust_widgets.pictures.tensors import plain_torch

SWITCH = "ROBUST_WIDGETS_FAST"  # environment variable: 0 is eager, 1 is the preferred backend without measuring
NEAR = 1.35  # factor of the fastest backend's time; a whole step in one graph gains more than that
MAX_MODULES = 8  # compiled modules kept per model


@dataclass(frozen=True)
class Backend:
    """What can run a network.

    Attributes:
        title: its name for people.
        is_available: whether it runs on this machine.
        compile: compiles a function of pictures, given one example (1, 3, h, w) and whether it is for one picture at
            a time. Raises UnsupportedOpError, or whatever the function raises.
        specialised: compiled modules differ for one picture at a time.
        lower_precision: for the steps of runs only; outputs without a gradient are decisions, made in float32.
        tolerances: of the outputs, relative to the largest; and of the gradient, relative to its norm: rounding may
            flip a ReLU at its kink.
    """

    title: str
    is_available: Callable[[], bool]
    compile: Callable[[Function, Tensor, bool], CompiledModule]
    specialised: bool = False
    lower_precision: bool = False
    tolerances: tuple[float, float] = (1e-4, 0.05)


def _compile_onednn(function: Function, example: Tensor, single: bool, *, lower: bool = False) -> CompiledModule:
    graphs = trace_joint(function, example)
    if lower:
        bfloat16.to_bfloat16(graphs)
    return onednn.compile_joint(graphs, single)


def _compile_onnxruntime(function: Function, example: Tensor, single: bool) -> CompiledModule:
    from robust_widgets.compiler.backends.onnxruntime import OrtModule

    return OrtModule(trace_joint(function, example, ACTIVATIONS), torch.get_num_threads())


EAGER, ONEDNN, ONNXRUNTIME, BFLOAT16 = "eager", "onednn", "onnxruntime", "bfloat16"
BACKENDS: Mapping[str, Backend] = {  # the preferred one first
    ONNXRUNTIME: Backend("ONNX Runtime", lambda: find_spec("onnxruntime") is not None, _compile_onnxruntime),
    ONEDNN: Backend("oneDNN", onednn.is_available, _compile_onednn, specialised=True),
    BFLOAT16: Backend(
        "oneDNN in bfloat16", bfloat16.is_available, partial(_compile_onednn, lower=True), True, True, (0.03, 0.4)
    ),
}
TITLES = {EAGER: "uncompiled", **{name: backend.title for name, backend in BACKENDS.items()}}

_Key: TypeAlias = tuple[str, str, tuple[int, int], bool]  # backend, kind of function, size, for one picture at a time
_version, _is_trainable = attrgetter("_version"), attrgetter("requires_grad")


_PROCESS = os.getpid()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


def is_usable() -> bool:
    """Whether compiled networks can run in this process.

    Not in one forked from one that had torch: threads of torch and of ONNX Runtime don't survive that, and what waits
    for them waits for ever.
    """
    return os.getpid() == _PROCESS


class Model(Protocol):
    """The model whose network an engine runs."""

    network: nn.Module

    @property
    def fingerprint(self) -> str: ...
    @property
    def input_size(self) -> int: ...
    @property
    def precision(self) -> str | None: ...


class Engine:
    """Compiles one model's network, for each size of pictures and each backend that is used.

    It runs float32 pictures on the CPU through a frozen network in evaluation mode, and leaves all else to the network.

    Args:
        always: do not measure; use the first available one of `BACKENDS`.

    Attributes:
        selected: the backend for each of `autotune.BATCH_SIZES` used so far.
        times: milliseconds of a batch's forward and backward pass by backend, for each of them that was measured.
    """

    def __init__(self, always: bool = False) -> None:
        self.selected: dict[int, str] = {}
        self.times: dict[int, dict[str, float]] = {}
        self._always = always
        self._lock = threading.Lock()
        self._modules: OrderedDict[_Key, CompiledModule | None] = OrderedDict()
        self._network: nn.Module | None = None
        self._weights: list[Tensor] = []
        self._weights_version = -1

    def __reduce__(self) -> tuple[type[Engine], tuple[bool]]:
        """Copies compile again: ONNX Runtime's sessions cannot be copied."""
        return Engine, (self._always,)

    def run(self, model: Model, kind: str, function: Function, x: Tensor) -> Tensor | None:
        """A function's outputs for pictures, or None if the caller should run it.

        Args:
            model: whose network the function runs.
            kind: names the function.
            function: pictures (n, 3, h, w) in [0, 1] to outputs (n, m).
            x: the pictures.
        """
        if not is_usable():
            return None
        with self._lock, plain_torch():
            if not self._supports(model.network, x):
                return None
            batch = autotune.batch_size_for(len(x))
            if batch not in self.selected:
                self.selected[batch] = self._select(model, kind, function, batch)
            backend = self.selected[batch]
            may_lower = model.precision in (None, BFLOAT16) and x.requires_grad and torch.is_grad_enabled()
            if _is_lower(backend) and not may_lower:
                full = {name: time for name, time in self.times.get(batch, {}).items() if not _is_lower(name)}
                backend = autotune.fastest(full, EAGER) if full else ONEDNN
            module = None if backend == EAGER else self._module(_key(backend, kind, x), function, x)
        return None if module is None else run(module, x)

    def favours_onnxruntime(self, model: Model, x: Tensor) -> bool:
        """Whether ONNX Runtime was selected for this number of pictures, or is nearly as fast as what was."""
        with self._lock:
            if not self._supports(model.network, x):
                return False
        batch = autotune.batch_size_for(len(x))
        times = self.times.get(batch)
        if times is None:
            return self.selected.get(batch) == ONNXRUNTIME
        return times.get(ONNXRUNTIME, math.inf) <= NEAR * min(times.values())

    def _supports(self, network: nn.Module, x: Tensor) -> bool:
        if x.dtype != torch.float32 or x.device.type != "cpu" or x.dim() != 4 or len(x) == 0 or network.training:
            return False
        if torch._C._functorch.is_functorch_wrapped_tensor(x) or torch.compiler.is_compiling():  # pyright: ignore
            return False
        return not any(map(_is_trainable, self._current_weights(network)))

    def _current_weights(self, network: nn.Module) -> list[Tensor]:
        """The network's weights; if they have changed, the compiled modules are dropped."""
        if self._network is not network:
            self._network, self._weights = network, [*network.parameters(), *network.buffers()]
            self._modules.clear()
        weights_version = sum(map(_version, self._weights))
        if weights_version != self._weights_version:
            self._modules.clear()
            self._weights_version = weights_version
        return self._weights

    def _select(self, model: Model, kind: str, function: Function, batch: int) -> str:
        switch = os.environ.get(SWITCH, "")
        available = _available()
        if switch == "0":
            return EAGER
        if self._always or switch == "1":
            return available[0] if available else EAGER
        names = (EAGER, *available)
        times = autotune.read_times(model.fingerprint, model.input_size, batch, names)
        if times is None or EAGER not in times or not set(times) <= set(names):
            contention = CpuContention()
            times = self._measure(model.input_size, kind, function, batch)
            if not contention.detected:  # else they hold for this process only
                autotune.write_times(model.fingerprint, model.input_size, batch, names, times)
        self.times[batch] = times
        return autotune.fastest(times, EAGER)

    def _measure(self, size: int, kind: str, function: Function, batch: int) -> dict[str, float]:
        generator = torch.Generator().manual_seed(0)
        pictures = torch.rand(batch, 3, size, size, generator=generator, dtype=torch.float32)
        calls: dict[str, Function] = {EAGER: function}
        compiled: dict[str, CompiledModule] = {}
        for name in _available():
            key = _key(name, kind, pictures)
            module = self._modules[key] if key in self._modules else _compile(key, function, pictures[:1].clone())
            if module is not None:
                compiled[name], calls[name] = module, partial(run, module)
        times = autotune.measure({name: _forward_backward(call, pictures) for name, call in calls.items()})
        selected = autotune.fastest(times, EAGER)
        if selected in compiled:  # the others are freed: those of a ResNet-50 take 200 MB each
            self._keep(_key(selected, kind, pictures), compiled[selected])
        return times

    def _module(self, key: _Key, function: Function, x: Tensor) -> CompiledModule | None:
        if key not in self._modules:
            self._keep(key, _compile(key, function, x.detach()[:1].clone()))
        self._modules.move_to_end(key)
        return self._modules[key]

    def _keep(self, key: _Key, module: CompiledModule | None) -> None:
        self._modules[key] = module
        while len(self._modules) > MAX_MODULES:
            self._modules.popitem(last=False)


def _available() -> list[str]:
    return [name for name, backend in BACKENDS.items() if backend.is_available()]


def _is_lower(backend: str) -> bool:
    return backend != EAGER and BACKENDS[backend].lower_precision


def _key(backend: str, kind: str, x: Tensor) -> _Key:
    return backend, kind, (x.shape[2], x.shape[3]), BACKENDS[backend].specialised and len(x) == 1


def _compile(key: _Key, function: Function, example: Tensor) -> CompiledModule | None:
    """A compiled module, or None if that fails or its results differ."""
    backend, *_, single = key
    try:
        module = BACKENDS[backend].compile(function, example, single)
        pictures = torch.cat([example, 1 - example.flip(3)])
        return module if _agree(function, module, pictures, single, BACKENDS[backend].tolerances) else None
    except Exception:  # a network may raise anything; only speed is lost
        return None
    finally:
        trim_heap()


def _agree(
    function: Function, module: CompiledModule, pictures: Tensor, single: bool, tolerances: tuple[float, float]
) -> bool:
    """Whether both give the same outputs and gradients for two pictures, which is not the number that was traced."""
    with torch.enable_grad():
        x = pictures.requires_grad_()
        expected = function(x)
        (expected_gradient,) = torch.autograd.grad(expected.sum(), x)
        outputs = torch.cat([run(module, part) for part in x.split(1 if single else len(x))])
        (gradient,) = torch.autograd.grad(outputs.sum(), x)
    close = (outputs - expected).abs().max() <= tolerances[0] * expected.abs().max()
    return bool(close and (gradient - expected_gradient).norm() <= tolerances[1] * expected_gradient.norm())


def _forward_backward(function: Function, pictures: Tensor) -> Callable[[], Sequence[Tensor]]:
    def call() -> Sequence[Tensor]:
        with torch.enable_grad():
            x = pictures.clone().requires_grad_()
            return torch.autograd.grad(function(x).sum(), x)

    return call
