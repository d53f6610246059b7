"""Runs a classifier's network by the fastest way that gives the same answers."""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from operator import attrgetter
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor, nn

from robust_widgets.compiler import autotune as choice
from robust_widgets.compiler.autotune import Crowd
from robust_widgets.compiler.backends import onednn
from robust_widgets.compiler.compiled_module import CompiledModule, TorchModule, answer, trim_heap
from robust_widgets.compiler.rewrites import partitions
from robust_widgets.compiler.rewrites.activations import with_whole_activations
from robust_widgets.compiler.tracing.joint_graph import Function, JointGraph, record

OWN, TORCH, ONEDNN = "network", "prepared", "onednn"
ONNX, ONNX_ONE = "onnxruntime", "onnxruntime, 1 thread"
WAYS = {
    OWN: "the network as it is",
    TORCH: "prepared, in torch",
    ONEDNN: "prepared, in oneDNN",
    ONNX: "prepared, in ONNX Runtime",
    ONNX_ONE: "the same on one thread",
}
SWITCH = "ROBUST_WIDGETS_FAST"  # 0 or 1 in the environment: never, or always and without measuring
TOLERANCE = 1e-4  # of the largest answer; what differs by more is not used
SLOPE_TOLERANCE = 0.05  # of its length: a rectifier at its kink may open or close by rounding
NEARLY = 1.35  # times the fastest way's time; in one graph with all of a step, ONNX Runtime gains more than that
MOST_KEPT = 8  # sizes of pictures whose passes are kept

_version, _learns = attrgetter("_version"), attrgetter("requires_grad")

_Key: TypeAlias = tuple[str, str, tuple[int, int], bool]


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
        always: do not measure; take ONNX Runtime or, for many pictures and where that is not installed, torch.

    Attributes:
        ways: how the network is run, one of `WAYS` for each of `choice.SIZES` that was asked for.
        times: milliseconds of a batch's way forth and back by each way that was measured, for each of these sizes.
        fixed: a way for batches of any size, in place of a choice; None to choose.
    """

    def __init__(self, always: bool = False) -> None:
        self.ways: dict[int, str] = {}
        self.times: dict[int, dict[str, float]] = {}
        self.fixed: str | None = None
        self._always = always
        self._lock = threading.Lock()
        self._passes: OrderedDict[_Key, CompiledModule | None] = OrderedDict()
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
            size = choice.size_of(len(x))
            if self.fixed is None and size not in self.ways:
                self.ways[size] = self._choose(model, kind, function, size)
            way = self.fixed or self.ways[size]
            passes = None if way == OWN else self._ready(_key(way, kind, x.shape), function, x)
        return None if passes is None else answer(passes, x)

    def by_onnx(self, model: Model, x: Tensor) -> bool:
        """Whether ONNX Runtime runs the network with so many pictures, as far as has been chosen, or nearly as fast."""
        with self._lock:
            if not self._takes(model.network, x):
                return False
        size = choice.size_of(len(x))
        if self.fixed is not None or size not in self.times:
            return (self.fixed or self.ways.get(size)) in (ONNX, ONNX_ONE)
        times = self.times[size]
        return min(times.get(way, math.inf) for way in (ONNX, ONNX_ONE)) <= NEARLY * min(times.values())

    def _takes(self, network: nn.Module, x: Tensor) -> bool:
        if x.dtype != torch.float32 or x.device.type != "cpu" or x.dim() != 4 or len(x) == 0 or network.training:
            return False
        if torch._C._functorch.is_functorch_wrapped_tensor(x) or torch.compiler.is_compiling():  # pyright: ignore
            return False
        return not any(map(_learns, self._watched(network)))

    def _watched(self, network: nn.Module) -> list[Tensor]:
        """The network's weights; where they were changed since the last time, what was prepared is forgotten."""
        if self._network is not network:
            self._network, self._weights = network, [*network.parameters(), *network.buffers()]
            self._passes.clear()
        changes = sum(map(_version, self._weights))
        if changes != self._changes:
            self._passes.clear()
            self._changes = changes
        return self._weights

    def _choose(self, model: Model, kind: str, function: Function, size: int) -> str:
        switch = os.environ.get(SWITCH, "")
        if switch == "0":
            return OWN
        if self._always or switch == "1":
            return TORCH if _onnx_passes() is None or size == choice.SIZES[-1] else ONNX
        about = (model.fingerprint, model.input_size, size)
        times = choice.kept_times(*about, WAYS)
        if times is None or not set(times) >= {OWN} or not set(times) <= set(WAYS):
            crowd = Crowd()
            times = self._measured(model.input_size, kind, function, size)
            if not crowd.found:  # else they hold for this process alone
                choice.keep_times(*about, times, WAYS)
        self.times[size] = times
        return choice.fastest(times, OWN)

    def _measured(self, side: int, kind: str, function: Function, size: int) -> dict[str, float]:
        pictures = torch.rand(size, 3, side, side, generator=torch.Generator().manual_seed(0))
        ways: dict[str, Function] = {OWN: function}
        keys = [_key(name, kind, pictures.shape) for name in _candidates(size)]
        found = _prepared([key for key in keys if key not in self._passes], function, pictures[:1].clone())
        passes = {key[0]: self._passes.get(key) or found.get(key) for key in keys}
        ways |= {name: partial(answer, one) for name, one in passes.items() if one is not None}
        times = choice.measure({name: _forth_and_back(way, pictures) for name, way in ways.items()})
        fastest = _key(choice.fastest(times, OWN), kind, pictures.shape)
        if fastest in found:  # the others go: with a ResNet-50 each takes 200 MB
            self._keep(fastest, found[fastest])
        return times

    def _ready(self, key: _Key, function: Function, x: Tensor) -> CompiledModule | None:
        if key not in self._passes:
            self._keep(key, _prepared((key,), function, x.detach()[:1].clone()).get(key))
        self._passes.move_to_end(key)
        return self._passes[key]

    def _keep(self, key: _Key, passes: CompiledModule | None) -> None:
        self._passes[key] = passes
        while len(self._passes) > MOST_KEPT:
            self._passes.popitem(last=False)


def _key(way: str, kind: str, shape: Sequence[int]) -> _Key:
    """What passes are kept by; oneDNN's differ for one picture at a time."""
    return way, kind, (shape[2], shape[3]), way == ONEDNN and shape[0] == 1


def _candidates(size: int) -> tuple[str, ...]:
    """What is measured beside the network as it is; one thread can be enough for one picture alone."""
    ways = (TORCH, ONEDNN) if onednn.available() else (TORCH,)
    if _onnx_passes() is None:
        return ways
    return (*ways, ONNX, ONNX_ONE) if size == 1 and torch.get_num_threads() > 1 else (*ways, ONNX)


def _prepared(keys: Sequence[_Key], function: Function, example: Tensor) -> dict[_Key, CompiledModule]:
    """A function's passes for pictures of the example's size, each way that they can be had and answer the same."""
    made: dict[_Key, CompiledModule] = {}
    with suppress(Exception):  # networks of others raise what they like; nothing is lost but speed
        graphs = record(function, example)
        for key in keys:
            with suppress(Exception):
                passes = _made(key, graphs, example)
                if _agree(function, passes, torch.cat([example, 1 - example.flip(3)]), key[-1]):
                    made[key] = passes
        del graphs
    trim_heap()
    return made


def _made(key: _Key, graphs: JointGraph, example: Tensor) -> CompiledModule:
    way, *_, one_picture = key
    if way in (ONNX, ONNX_ONE) and (make := _onnx_passes()):
        return make(graphs, example, 1 if way == ONNX_ONE else torch.get_num_threads())
    if way == ONEDNN and one_picture and partitions.available():
        with suppress(Exception):  # else its convolutions are carried out one by one
            whole = with_whole_activations(graphs)
            onednn.rewrite(whole, one_picture, in_runs=True)
            return TorchModule(partitions.compile_runs(whole, example))
    whole = with_whole_activations(graphs)
    if way == ONEDNN:
        onednn.rewrite(whole, one_picture)
    return TorchModule(whole)


def _agree(function: Function, passes: CompiledModule, pictures: Tensor, one_picture: bool) -> bool:
    """Whether two pictures get the same answers by either way; they were recorded with another number of them."""
    with torch.enable_grad():
        x = pictures.requires_grad_()
        expected = function(x)
        (slope,) = torch.autograd.grad(expected.sum(), x)
        found = torch.cat([answer(passes, some) for some in x.split(1 if one_picture else len(x))])
        (found_slope,) = torch.autograd.grad(found.sum(), x)
    near = (found - expected).abs().max() <= TOLERANCE * expected.abs().max()
    return bool(near and (found_slope - slope).norm() <= SLOPE_TOLERANCE * slope.norm())


def _onnx_passes() -> Callable[[JointGraph, Tensor, int], CompiledModule] | None:
    """ONNX Runtime's, where it is installed."""
    try:
        from robust_widgets.compiler.backends.onnxruntime import OrtModule
    except ImportError:
        return None
    return OrtModule


def _forth_and_back(function: Function, picture: Tensor) -> Callable[[], object]:
    def run() -> Any:
        with torch.enable_grad():
            x = picture.clone().requires_grad_()
            return torch.autograd.grad(function(x).sum(), x)

    return run
