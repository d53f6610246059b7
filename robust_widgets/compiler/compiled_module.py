"""A prepared network as one differentiable function, whatever carries it out."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from robust_widgets.compiler.tracing.joint_graph import JointGraph, call


class CompiledModule(Protocol):
    """The way from pictures (n, 3, h, w) to answers (n, m), and the way back."""

    def forward(self, x: Tensor) -> tuple[Tensor, object]:
        """The answers, and what the way back needs."""
        ...

    def backward(self, kept: object, gradient: Tensor) -> Tensor:
        """The gradient in the pictures, (n, 3, h, w), of something whose gradient in the answers is given."""
        ...


class TorchModule:
    """The two graphs, carried out by torch."""

    def __init__(self, graphs: JointGraph) -> None:
        # The joint graph is let go, with weights that were laid out anew since.
        self._forward, self._backward = graphs.forward, graphs.backward
        for graph in (self._forward, self._backward):
            graph.recompile()
            for name, constant in list(graph.named_buffers(recurse=False)):  # 0.7 us sooner found, each time
                delattr(graph, name)
                object.__setattr__(graph, name, constant)

    def forward(self, x: Tensor) -> tuple[Tensor, object]:
        answers, *kept = call(self._forward, x)
        return answers, kept

    def backward(self, kept: object, gradient: Tensor) -> Tensor:
        return call(self._backward, *cast("list[Tensor]", kept), gradient)[0]


def answer(passes: CompiledModule, x: Tensor) -> Tensor:
    """The answers to pictures; differentiable once in the pictures."""
    return cast(Tensor, _Passing.apply(x, passes))


class _Passing(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, passes: CompiledModule) -> Tensor:
        answers, ctx.kept = passes.forward(x.detach())
        ctx.passes = passes
        return answers

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return cast(CompiledModule, ctx.passes).backward(ctx.kept, gradients[0]), None


def trim_heap() -> None:
    """Hand what was freed back to the system; after three recordings glibc held on to 200 MB between others."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another library of C
            ctypes.CDLL(None).malloc_trim(0)
