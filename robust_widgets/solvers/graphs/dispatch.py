"""Which models' steps are recorded, and by which backend."""

from __future__ import annotations

import os

import torch
from torch import Tensor

from robust_widgets.compiler.autotune import batch_size_for
from robust_widgets.compiler.engine import SWITCH
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.solvers.graphs.backend import GraphBackend
from robust_widgets.solvers.graphs.cpu_graph import CpuGraph
from robust_widgets.solvers.graphs.cuda_graph import CudaGraph

MAX_PICTURES = 8  # on a CPU: in larger batches, the time between the convolutions hardly counts


def records(model: RobustClassifier) -> bool:
    """Whether a model's steps are recorded for one picture of its own size."""
    return backend_for(model, torch.zeros(1, 3, model.input_size, model.input_size, device=model.device)) is not None


def backend_for(model: RobustClassifier, x: Tensor) -> type[GraphBackend] | None:
    """The backend for a model's steps from pictures ``x``; None where steps are not recorded.

    On a CPU, steps are recorded if ONNX Runtime was the fastest backend for the network.
    """
    if model.engine is None or os.environ.get(SWITCH) == "0":
        return None
    if x.device.type != "cpu":
        return CudaGraph if x.device.type == "cuda" else None
    if len(x) > MAX_PICTURES:
        return None
    if batch_size_for(len(x)) not in model.engine.selected:
        model.warm_up(batch_size_for(len(x)))
    return CpuGraph if model.engine.favours_onnxruntime(model, x) else None
