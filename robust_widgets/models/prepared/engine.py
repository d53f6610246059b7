"""Runs a classifier's network by the fastest way that gives the same answers."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor, nn

from robust_widgets.models.prepared import choice
from robust_widgets.models.prepared.graphs import Function, Graphs, record
from robust_widgets.models.prepared.passes import Passes, TorchPasses, answer

OWN, TORCH, ONNX = "network", "prepared", "onnxruntime"
WAYS = {OWN: "the network as it is", TORCH: "prepared, in torch", ONNX: "prepared, in ONNX Runtime"}
SWITCH = "ROBUST_WIDGETS_FAST"  # 0 or 1 in the environment: never, or always and without measuring
TOLERANCE = 1e-4  # of the largest answer; what differs by more is not used
SLOPE_TOLERANCE = 0.05  # of its length: a rectifier at its kink may open or close by rounding
MOST_KEPT = 8  # sizes of pictures whose passes are kept

_Key: TypeAlias = tuple[str, str, tuple[int, ...]]


class Model(Protocol):
    """What an engine asks of the model whose network it runs."""

    network: nn.Module

    @property
    def fingerprint(self) -> str: ...
    @property
    def input_size(self) -> int: ...


class Engine:
    """The prepared forms of one model's network, by the size of the pictures.

    It answers for float32 pictures on the CPU and a frozen network in evaluation mode, and says None to anything else.

    Args:
        always: do not measure; take ONNX Runtime or, where that is not installed, torch.

    Attributes:
        way: how the network is run, one of `WAYS`; None until the first picture.
        times: milliseconds of one picture's way forth and back, each way that was measured.
    """

    def __init__(self, always: bool = False) -> None:
        self.way: str | None = None
        self.times: dict[str, float] = {}
        self._always = always
        self._lock = threading.Lock()
        self._passes: OrderedDict[_Key, Passes | None] = OrderedDict()
        self._network: nn.Module | None = None
        self._weights: list[Tensor] = []
        self._changes = -1

    def __reduce__(self) -> tuple[type[Engine], tuple[bool]]:
        """Copies begin anew: a session of ONNX Runtime cannot be copied."""
        return Engine, (self._always,)

    def answer(self, model: Model, kind: str, function: Function, x: Tensor) -> Tensor | None:
        """A function's answers to pictures, or None where it should be asked itself.

        Args:
            model: whose network the function runs.
            kind: names the function.
            function: pictures (n, 3, h, w) in [0, 1] to answers (n, m).
            x: the pictures.
        """
        with self._lock, torch.inference_mode(False):
            if not self._takes(model.network, x):
                return None
            self.way = self.way or self._choose(model, kind, function)
            passes = None if self.way == OWN else self._ready(self.way, kind, function, x)
        return None if passes is None else answer(passes, x)

    def _takes(self, network: nn.Module, x: Tensor) -> bool:
        if x.dtype != torch.float32 or x.device.type != "cpu" or x.dim() != 4 or len(x) == 0 or network.training:
            return False
        if torch._C._functorch.is_functorch_wrapped_tensor(x) or torch.compiler.is_compiling():  # pyright: ignore
            return False
        return not any(weight.requires_grad for weight in self._watched(network))

    def _watched(self, network: nn.Module) -> list[Tensor]:
        """The network's weights; where they were changed since the last time, what was prepared is forgotten."""
        if self._network is not network:
            self._network, self._weights = network, [*network.parameters(), *network.buffers()]
            self._passes.clear()
        changes = sum(weight._version for weight in self._weights)  # pyright: ignore[reportPrivateUsage]
        if changes != self._changes:
            self._passes.clear()
            self._changes = changes
        return self._weights

    def _choose(self, model: Model, kind: str, function: Function) -> str:
        switch = os.environ.get(SWITCH, "")
        if switch == "0":
            return OWN
        if self._always or switch == "1":
            return TORCH if _onnx_passes() is None else ONNX
        self.times = choice.kept_times(model.fingerprint) or {}
        if not self.times:
            self.times = self._measured(model, kind, function)
            choice.keep_times(model.fingerprint, self.times)
        return choice.fastest(self.times, OWN)

    def _measured(self, model: Model, kind: str, function: Function) -> dict[str, float]:
        side = model.input_size
        picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
        ways: dict[str, Function] = {OWN: function}
        found = _prepared((TORCH, ONNX) if _onnx_passes() else (TORCH,), function, picture)
        for name, passes in found.items():
            self._passes[name, kind, tuple(picture.shape[2:])] = passes
            ways[name] = partial(answer, passes)
        return choice.measure({name: _forth_and_back(way, picture) for name, way in ways.items()})

    def _ready(self, way: str, kind: str, function: Function, x: Tensor) -> Passes | None:
        key = (way, kind, tuple(x.shape[2:]))
        if key not in self._passes:
            self._passes[key] = _prepared((way,), function, x.detach()[:1].clone()).get(way)
            while len(self._passes) > MOST_KEPT:
                self._passes.popitem(last=False)
        self._passes.move_to_end(key)
        return self._passes[key]


def _prepared(ways: Sequence[str], function: Function, example: Tensor) -> dict[str, Passes]:
    """A function's passes for pictures of the example's size, each way that they can be had and answer the same."""
    made: dict[str, Passes] = {}
    with suppress(Exception):  # networks of others raise what they like; nothing is lost but speed
        graphs = record(function, example)
        for way in ways:
            make = _onnx_passes() if way == ONNX else None
            passes = make(graphs, example) if make else TorchPasses(graphs)
            if _agree(function, passes, torch.cat([example, 1 - example.flip(3)])):
                made[way] = passes
    return made


def _agree(function: Function, passes: Passes, pictures: Tensor) -> bool:
    """Whether two pictures get the same answers by either way; they were recorded with another number of them."""
    with torch.enable_grad():
        x = pictures.requires_grad_()
        expected = function(x)
        (slope,) = torch.autograd.grad(expected.sum(), x)
        found = answer(passes, x)
        (found_slope,) = torch.autograd.grad(found.sum(), x)
    near = (found - expected).abs().max() <= TOLERANCE * expected.abs().max()
    return bool(near and (found_slope - slope).norm() <= SLOPE_TOLERANCE * slope.norm())


def _onnx_passes() -> Callable[[Graphs, Tensor], Passes] | None:
    """ONNX Runtime's, where it is installed."""
    try:
        from robust_widgets.models.prepared.sessions import OnnxPasses
    except ImportError:
        return None
    return OnnxPasses


def _forth_and_back(function: Function, picture: Tensor) -> Callable[[], object]:
    def run() -> Any:
        with torch.enable_grad():
            x = picture.clone().requires_grad_()
            return torch.autograd.grad(function(x).sum(), x)

    return run
