"""Runs a classifier's network by the fastest way that gives the same answers."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeAlias

import torch
from torch import Tensor, nn

from robust_widgets.models.prepared import choice
from robust_widgets.models.prepared.graphs import Function, Graphs, record
from robust_widgets.models.prepared.passes import Passes, TorchPasses, answer

OWN, TORCH, TORCH_LAST, ONNX = "network", "prepared", "prepared, channels last", "onnxruntime"
WAYS = {
    OWN: "the network as it is",
    TORCH: "prepared, in torch",
    TORCH_LAST: "prepared, in torch, channels last",
    ONNX: "prepared, in ONNX Runtime",
}
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
        way: how the network is run whatever the number of pictures, one of `WAYS`; None to choose.
        chosen: how it is run for `choice.ONE` picture and for `choice.MANY`, as far as either was asked for.
        times: for the same, milliseconds of a picture's way forth and back by each way that was measured.
    """

    def __init__(self, always: bool = False) -> None:
        self.way: str | None = None
        self.chosen: dict[str, str] = {}
        self.times: dict[str, dict[str, float]] = {}
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
            way = self.way or self._choose(model, kind, function, choice.batch_of(len(x)))
            passes = None if way == OWN else self._ready(way, kind, function, x)
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

    def _choose(self, model: Model, kind: str, function: Function, batch: str) -> str:
        if batch not in self.chosen:
            switch = os.environ.get(SWITCH, "")
            if switch == "0":
                self.chosen[batch] = OWN
            elif self._always or switch == "1":
                self.chosen[batch] = TORCH if _onnx_passes() is None else ONNX
            else:
                self.chosen[batch] = self._fastest(model, kind, function, batch)
        return self.chosen[batch]

    def _fastest(self, model: Model, kind: str, function: Function, batch: str) -> str:
        times = choice.kept_times(model.fingerprint, batch)
        if times is None:
            times = self._measured(model, kind, function, batch)
            choice.keep_times(model.fingerprint, batch, times)
        self.times[batch] = times
        return choice.fastest(times, OWN)

    def _measured(self, model: Model, kind: str, function: Function, batch: str) -> dict[str, float]:
        side = model.input_size
        picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
        ways: dict[str, Function] = {OWN: function}
        found = _prepared((TORCH, TORCH_LAST, ONNX) if _onnx_passes() else (TORCH, TORCH_LAST), function, picture)
        for name, passes in found.items():
            ways[name] = partial(answer, passes)
        once = choice.measure({OWN: _forth_and_back(function, picture)}, rounds=1)[OWN]
        count = choice.pictures_to_measure(batch, once, len(ways))
        pictures = picture.repeat(count, 1, 1, 1)
        taken = choice.measure({name: _forth_and_back(way, pictures) for name, way in ways.items()})
        times = {name: milliseconds / count for name, milliseconds in taken.items()}
        best = choice.fastest(times, OWN)
        if best in found:
            self._passes[best, kind, (side, side)] = found[best]
        return times

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
        pictures = torch.cat([example, 1 - example.flip(3)])  # they were recorded with another number of them
        expected = _answers_and_slope(function, pictures)
        for way in ways:
            make = _onnx_passes() if way == ONNX else None
            passes = make(graphs, example) if make else TorchPasses(graphs, channels_last=way == TORCH_LAST)
            if _agree(expected, _answers_and_slope(partial(answer, passes), pictures)):
                made[way] = passes
    return made


def _answers_and_slope(function: Function, pictures: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        x = pictures.clone().requires_grad_()
        answers = function(x)
        return answers.detach(), torch.autograd.grad(answers.sum(), x)[0]


def _agree(expected: tuple[Tensor, Tensor], found: tuple[Tensor, Tensor]) -> bool:
    """Whether pictures get the same answers, and the same gradients, by either way."""
    (answers, slope), (other_answers, other_slope) = expected, found
    near = (other_answers - answers).abs().max() <= TOLERANCE * answers.abs().max()
    return bool(near and (other_slope - slope).norm() <= SLOPE_TOLERANCE * slope.norm())


def _onnx_passes() -> Callable[[Graphs, Tensor], Passes] | None:
    """ONNX Runtime's, where it is installed."""
    try:
        from robust_widgets.models.prepared.sessions import OnnxPasses
    except ImportError:
        return None
    return OnnxPasses


def _forth_and_back(function: Function, pictures: Tensor) -> Callable[[], object]:
    return partial(_answers_and_slope, function, pictures)
