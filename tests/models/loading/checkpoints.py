"""A small checkpoint, and reading it."""

from __future__ import annotations

import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch

from robust_widgets.models.loading.safe_load import read_checkpoint
from robust_widgets.models.loading.state_dicts import Weights, weights_in

STATE = OrderedDict([("conv.weight", torch.arange(12.0).view(4, 3, 1, 1)), ("bn.num_batches_tracked", torch.tensor(7))])


def weights_of(path: Path) -> Weights:
    """The weights in a file. Whatever the file claims, reading it must not take long."""
    start = time.process_time()
    try:
        return weights_in(path, read_checkpoint(path))
    finally:
        assert time.process_time() - start < 2


def save_checkpoint(folder: Path, content: object, name: str = "model.pt", **options: Any) -> Path:
    torch.save(content, folder / name, **options)
    return folder / name
