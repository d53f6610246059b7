"""The least that a step could take: one pass through the network, forth and back to the pictures."""

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
    asked: Sequence[Tensor] = (),
) -> Callable[[], object]:
    """A pass by the fastest way there is, to be called; the pictures stay what they are.

    Where steps are recorded on a CPU, that is a recording of the pass alone.

    Args:
        model: as it is run by default.
        x: pictures (n, 3, h, w).
        loss: of a model and pictures, (n,).
        asked: tensors that the loss reads and that another step may have other values of. What follows from the others
            is worked out beforehand.
    """
    x = x.detach().clone()

    def once(of: RobustClassifier = model) -> list[Tensor]:
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            found = loss(of, leaf)
            return [found.detach(), *torch.autograd.grad(found.sum(), leaf)]

    if backend_for(model, x) is not CpuGraph:
        return once
    bare, graph = model.uncompiled(), CpuGraph(x.device)
    graph.record(lambda: once(bare), [x, *asked])
    return graph.replay
