"""The baseline of a step: one forward and backward pass to the pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.solvers.graphs.cpu_graph import CpuGraph
from robust_widgets.solvers.graphs.dispatch import backend_for


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
