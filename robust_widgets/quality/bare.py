"""The least that a step could take: one pass through the network, forth and back to the pictures."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from robust_widgets.captured.captures import recorder
from robust_widgets.captured.cpu_graph import CpuGraph
from robust_widgets.models.classifier import RobustClassifier


def bare_pass(
    model: RobustClassifier, x: Tensor, loss: Callable[[RobustClassifier, Tensor], Tensor]
) -> Callable[[], object]:
    """A pass by the fastest way there is, to be called; the pictures stay what they are.

    Where steps are recorded on a CPU, that is a recording of the pass alone.

    Args:
        model: as it is run by default.
        x: pictures (n, 3, h, w).
        loss: of a model and pictures, (n,).
    """
    x = x.detach().clone()

    def slope(of: RobustClassifier = model) -> list[Tensor]:
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            return list(torch.autograd.grad(loss(of, leaf).sum(), leaf))

    if recorder(model, x) is not CpuGraph:
        return slope
    bare, graph = model.as_it_is(), CpuGraph(x.device)
    graph.record(lambda: slope(bare), [x])
    return graph.replay
