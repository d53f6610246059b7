"""Models by name, and the one function that loads them."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import torch

from robust_widgets.errors import DeviceError, UnknownNameError, unknown_name
from robust_widgets.models.checkpoints import load_model_file, read_card
from robust_widgets.models.classifier import ModelCard, RobustClassifier

BUNDLED = Path(__file__).parent / "weights"
DEFAULT = "default"


def model_names() -> tuple[str, ...]:
    """The models that ship inside the package."""
    return tuple(sorted(file.stem for file in BUNDLED.glob("*.safetensors")))


def model_cards() -> list[ModelCard]:
    """What is known of each shipped model."""
    return [read_card(BUNDLED / f"{name}.safetensors") for name in model_names()]


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """The device to run on: the one asked for, else CUDA, else MPS, else the CPU.

    Raises:
        DeviceError: torch does not offer that device here.
    """
    offered = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device is None:
        return torch.device(next(name for name, there in offered.items() if there))
    here = ", ".join(repr(name) for name, there in offered.items() if there)
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError):
        raise DeviceError(f"There is no device {str(device)!r}; this machine has {here}.") from None
    if not offered.get(chosen.type, False) or (
        chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count()
    ):
        raise DeviceError(f"The device {str(device)!r} is not on this machine; it has {here}.")
    return chosen


def load_model(
    source: str | os.PathLike[str] = DEFAULT, *, device: str | torch.device | None = None
) -> RobustClassifier:
    """Load a classifier, frozen and in evaluation mode.

    Args:
        source: the name of a shipped model (:func:`model_names`), or a ``.safetensors`` file made by
            ``robust-widgets train``.
        device: ``"cpu"``, ``"cuda"``, ``"mps"``; by default the fastest this machine has.

    Raises:
        UnknownNameError: neither a file nor a known name.
        WeightsError: the file is damaged or not a model of this package.
        DeviceError: the device is not on this machine.
    """
    chosen = choose_device(device)
    name = os.fspath(source)
    if name in model_names():
        return _shipped(name, chosen)
    path = Path(name)
    if path.suffix or path.exists() or os.sep in name:
        return load_model_file(path, chosen)
    raise UnknownNameError(unknown_name("model", name, model_names()))


def source_of(model: RobustClassifier) -> str:
    """What `load_model` loads this model by: a shipped one's name, else its file; ``""`` if it was made in Python."""
    if model.source is None:
        return ""
    return model.source.stem if model.source.parent == BUNDLED else str(model.source)


@lru_cache(maxsize=4)
def _shipped(name: str, device: torch.device) -> RobustClassifier:
    return load_model_file(BUNDLED / f"{name}.safetensors", device)
