"""Models by name, and the one function that loads them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from robust_widgets._bundled import BUNDLED, DEFAULT, model_names
from robust_widgets.errors import DeviceError, ParameterError, UnknownNameError, WeightsError, unknown_name
from robust_widgets.models.card import ModelCard, is_model_file, read_card
from robust_widgets.models.classifier import PRECISIONS, RobustClassifier
from robust_widgets.models.cpu_threads import limit_threads
from robust_widgets.models.model_file import load_model_file
from robust_widgets.models.zoo.entries import published_models
from robust_widgets.runs.record import LoadSpec

if TYPE_CHECKING:
    from robust_widgets.models.loading.load import Given


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
    source: str | os.PathLike[str] | nn.Module = DEFAULT,
    *,
    device: str | torch.device | None = None,
    fast: bool | None = None,
    precision: str | None = None,
    architecture: str | None = None,
    classes: str | Sequence[str] | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    input_size: int | None = None,
    name: str | None = None,
) -> RobustClassifier:
    """Load a classifier, frozen and in evaluation mode.

    Where this process may use fewer processors than torch has threads, as in a container with a share of a large
    machine, torch gets fewer; set ``OMP_NUM_THREADS`` to choose yourself.

    What a file of others tells by its shapes and buffers need not be given; what it does not is asked for by name.

    Args:
        source: the name of a shipped model (:func:`model_names`); the name of a published one, such as
            ``"resnet18-l2-eps3"``, which is downloaded once (``robust-widgets models`` lists them); a
            ``.safetensors`` file made by ``robust-widgets train``; a checkpoint of the robustness library, of
            robust-imagenet-models or of RobustBench; ``"torchvision:NAME"`` or ``"timm:NAME"``; or a network, which is
            copied and stays as it is.
        device: ``"cpu"``, ``"cuda"``, ``"mps"``; by default the fastest this machine has.
        fast: prepare the network for many steps, see :meth:`RobustClassifier.compile`: True always, False never; by
            default where that is measured to be faster on this machine.
        precision: of the network in the steps of a run. On a CUDA device ``"bfloat16"`` or ``"float16"``, each used
            only if a run's first steps have the same classes and probabilities within 0.02, or ``"float32"``; by
            default the first that does. Everything else, and everything on a CPU, is computed in float32.
        architecture: the network that a file's weights are of.
        classes: the class names in the order of the logits, or a set of them: ``"imagenet"``, ``"cifar10"``,
            ``"cifar100"``, ``"restricted-imagenet"``, ``"horse-zebra"``, ``"apple-orange"``, ``"summer-winter"``.
        mean, std: the normalisation of pictures in [0, 1], one number or three for red, green and blue.
        input_size: the side of the pictures in pixels, 8 to 2048.
        name: what to call the model; by default after its file.

    Raises:
        UnknownNameError: neither a file nor a known name; or no such architecture, set of classes or precision.
        WeightsError: the file is damaged, holds more than weights or cannot be had, or something has to be given.
        ParameterError: a mean, a deviation or a size that cannot be.
        DeviceError: the device is not on this machine.
    """
    from robust_widgets.models.loading.load import Given

    if precision is not None and precision not in PRECISIONS:
        raise UnknownNameError(unknown_name("precision", precision, tuple(PRECISIONS)))
    limit_threads()
    given = Given(architecture, classes, mean, std, input_size, name)
    model = _loaded(source, choose_device(device), given, (fast, precision))
    model.precision = precision
    if fast is not False and model.engine is None:
        model.compile(always=fast is True)
    return model


def _loaded(
    source: str | os.PathLike[str] | nn.Module, chosen: torch.device, given: Given, how: tuple[object, ...]
) -> RobustClassifier:
    from robust_widgets.models.loading.load import LIBRARIES, load_file, load_named, load_network

    if isinstance(source, RobustClassifier):
        raise WeightsError(f"{source.card.name!r} is a loaded model already; use it as it is.")
    if isinstance(source, nn.Module):
        return _brought(load_network(source, given), chosen, given, kind=type(source).__name__)
    wanted = os.fspath(source)
    if wanted.startswith(LIBRARIES):
        return _brought(load_named(wanted, given), chosen, given, wanted)
    path, known = Path(wanted), published_models()
    if wanted in model_names() or is_model_file(path):
        if given.says_anything():
            raise ParameterError(
                f"{wanted!r} knows its own network, classes and normalisation; give nothing but a device."
            )
        return _shipped(wanted, chosen, how) if wanted in model_names() else load_model_file(path, chosen)
    if path.is_file():
        return _brought(load_file(path, given), chosen, given, wanted)
    if wanted in known:
        from robust_widgets.models.zoo.entries import load_published

        return _brought(load_published(known[wanted], given), chosen, given, wanted)
    if path.suffix[1:].isalpha() or path.exists() or os.sep in wanted:
        return load_model_file(path, chosen)
    raise UnknownNameError(unknown_name("model", wanted, (*model_names(), *known)))


def _brought(
    model: RobustClassifier, device: torch.device, given: Given, source: str = "", kind: str = ""
) -> RobustClassifier:
    model.loading = LoadSpec(source, given.arguments(model.card), kind)
    return model.to(device)


def source_of(model: RobustClassifier) -> str:
    """What `load_model` loads this model by: its name, else its file; ``""`` if it was made in Python."""
    if model.loading is not None:
        return model.loading.source
    if model.source is None:
        return ""
    return model.source.stem if model.source.parent == BUNDLED else str(model.source)


@lru_cache(maxsize=8)
def _shipped(name: str, device: torch.device, how: tuple[object, ...]) -> RobustClassifier:
    return load_model_file(BUNDLED / f"{name}.safetensors", device)
