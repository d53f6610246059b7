"""A compiled network as one differentiable function, whatever runs it."""

from __future__ import annotations

from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from robust_widgets.compiler.tracing import JointGraph


class CompiledModule(Protocol):
    """The forward and backward pass of a network with frozen weights."""

    def forward(self, x: Tensor) -> tuple[Tensor, object]:
        """The outputs (n, m) for pictures (n, 3, h, w), and what `backward` needs."""
        ...

    def backward(self, saved: object, gradient: Tensor) -> Tensor:
        """The gradient of the pictures, (n, 3, h, w), from that of the outputs."""
        ...


class TorchModule:
    """Runs both graphs in torch."""

    def __init__(self, graphs: JointGraph) -> None:
        self._forward: Any = graphs.forward
        self._backward: Any = graphs.backward
        for graph in (graphs.forward, graphs.backward):
            graph.recompile()
            for name, value in list(graph.named_buffers(recurse=False)):  # plain attributes are found 0.7 us sooner
                delattr(graph, name)
                object.__setattr__(graph, name, value)

    def forward(self, x: Tensor) -> tuple[Tensor, object]:
        outputs, *saved = self._forward(x)
        return outputs, saved

    def backward(self, saved: object, gradient: Tensor) -> Tensor:
        return self._backward(*cast("list[Tensor]", saved), gradient)[0]


def run(module: CompiledModule, x: Tensor) -> Tensor:
    """A compiled network's outputs, differentiable once with respect to the pictures."""
    return cast(Tensor, _Run.apply(x, module))


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, module: CompiledModule) -> Tensor:
        outputs, ctx.saved = module.forward(x.detach())
        ctx.module = module
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return cast(CompiledModule, ctx.module).backward(ctx.saved, gradients[0]), None
