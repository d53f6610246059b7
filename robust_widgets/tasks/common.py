"""What every task needs before it can build its problem."""

from __future__ import annotations

import torch

from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.registry import DEFAULT, choose_device, load_model


def resolve_model(model: RobustClassifier | str | None, device: str | torch.device | None) -> RobustClassifier:
    """The model to run, on the device asked for.

    A model that was handed in stays where it is unless a device is named; then a copy is moved, never the caller's.
    """
    if not isinstance(model, RobustClassifier):
        return load_model(model or DEFAULT, device=device)
    if device is None:
        return model
    chosen, here = choose_device(device), model.device
    if (chosen.type, chosen.index or 0) == (here.type, here.index or 0):
        return model
    return model.copy_to(chosen)
