"""Load models by name, by file, or from a network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath

import torch
from torch import nn

from robust_widgets._bundled import DEFAULT, is_bundled, model_names, weights_path
from robust_widgets.errors import DeviceError, ParameterError, UnknownNameError, WeightsError, short_repr, unknown_name
from robust_widgets.models.card import is_model_file
from robust_widgets.models.classifier import PRECISIONS, RobustClassifier
from robust_widgets.models.loading.class_names import Classes
from robust_widgets.models.loading.load import LIBRARIES, LoadOptions, load_file, load_named, load_network
from robust_widgets.models.model_file import load_model_file
from robust_widgets.models.zoo.entries import load_published, published_models
from robust_widgets.pictures.files import as_path, is_file, is_folder
from robust_widgets.pictures.tensors import plain_torch
from robust_widgets.runs.record import LoadSpec

VARIABLE = "OMP_NUM_THREADS"  # if set, it takes precedence


@cache
def limit_threads() -> None:
    """Give torch no more threads in this process than it may use CPUs; once, so a number that is set later stays."""
    if VARIABLE not in os.environ and (count := usable_cpus()) < torch.get_num_threads():
        torch.set_num_threads(count)


def usable_cpus(root: Path = Path("/")) -> int:
    """The number of CPUs this process may use: its affinity, or the limit of its control groups, rounded down.

    Args:
        root: the folder of ``proc`` and ``sys``, for tests.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([count, *(int(limit) for limit in _limits(root))]))


def _limits(root: Path) -> Iterator[float]:
    """The limits of CPU time of this process's control groups and their parents, in CPUs."""
    groups = root / "sys/fs/cgroup"
    for path in _control_groups(root):
        for group in (path, *path.parents):
            with suppress(OSError, ValueError):  # no such group, or "max"
                quota, period = (groups / group / "cpu.max").read_text().split()
                yield int(quota) / int(period)
            with suppress(OSError, ValueError):
                version_1 = groups / "cpu" / group
                quota, period = ((version_1 / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
                if int(quota) > 0:
                    yield int(quota) / int(period)


def _control_groups(root: Path) -> set[PurePosixPath]:
    with suppress(OSError):
        lines = (root / "proc/self/cgroup").read_text().splitlines()
        return {PurePosixPath(line.split(":", 2)[-1].lstrip("/")) for line in lines}
    return set()


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """The device to run on: the given one, else CUDA, else MPS, else the CPU.

    Raises:
        DeviceError: torch has no such device on this machine.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device is None:
        return torch.device(next(name for name, is_available in available.items() if is_available))
    names = ", ".join(repr(name) for name, is_available in available.items() if is_available)
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError, ValueError, OverflowError):
        raise DeviceError(f"There is no device {short_repr(device)}; this machine has {names}.") from None
    if not available.get(chosen.type, False) or (
        chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count()
    ):
        raise DeviceError(f"The device {str(device)!r} is not on this machine; it has {names}.")
    return chosen


@plain_torch()
@torch.random.fork_rng(devices=[])  # a network may draw its first weights
def load_model(
    source: str | os.PathLike[str] | nn.Module = DEFAULT,
    *,
    device: str | torch.device | None = None,
    fast: bool | None = None,
    precision: str | None = None,
    architecture: str | None = None,
    classes: Classes | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    input_size: int | None = None,
    name: str | None = None,
) -> RobustClassifier:
    """Load a classifier, frozen and in evaluation mode.

    If this process may use fewer CPUs than torch has threads, as in a container with a share of a large machine, torch
    gets fewer threads when the first model is loaded; set ``OMP_NUM_THREADS``, or call ``torch.set_num_threads`` after
    that, to choose their number yourself.

    What a file's shapes and buffers tell needn't be given; an error asks for the rest by name.

    Args:
        source: the name of a bundled model (:func:`model_names`); the name of a published one, such as
            ``"resnet18-l2-eps3"``, which is downloaded once (``robust-widgets models`` lists them); a
            ``.safetensors`` file made by ``robust-widgets train``; a checkpoint of the robustness library, of
            robust-imagenet-models or of RobustBench; ``"torchvision:NAME"`` or ``"timm:NAME"``; or a network, which is
            copied and not changed.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``; by default the fastest one on this machine.
        fast: compile the network, see :meth:`RobustClassifier.compile`: True always, False never; by default if that
            is measured to be faster on this machine.
        precision: of the network in the steps of a run on a CUDA device: ``"bfloat16"`` or ``"float16"``, used only if
            the run's first steps give the same classes, and probabilities within 0.02; or ``"float32"``. By default
            the first of these that passes. Everything else, and everything on a CPU, is computed in float32.
        architecture: the network that a file's weights belong to.
        classes: the class names in the order of the logits; a file with one name a line; the name of each index, or
            the index of each name; or the name of a set: ``"imagenet"``, ``"cifar10"``, ``"cifar100"``,
            ``"restricted-imagenet"``, ``"horse-zebra"``, ``"apple-orange"``, ``"summer-winter"``.
        mean: mean of the normalisation, for pictures in [0, 1]: one number, or three for red, green and blue.
        std: standard deviation, likewise.
        input_size: width of the pictures in pixels, 8 to 2048.
        name: the model's name; by default the file's.

    Raises:
        UnknownNameError: the source is neither a file nor a known name; or an unknown architecture, set of classes or
            precision.
        WeightsError: the file is damaged, holds more than weights, or cannot be downloaded; or an argument is missing.
        ParameterError: an impossible mean, standard deviation or size.
        DeviceError: the device is not on this machine.
    """
    if precision is not None and (not isinstance(precision, str) or precision not in PRECISIONS):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UnknownNameError(unknown_name("precision", precision, tuple(PRECISIONS)))
    limit_threads()
    options = LoadOptions(architecture, classes, mean, std, input_size, name)
    model = _load(source, choose_device(device), options, (fast, precision))
    model.precision = precision
    if fast is not False and model.engine is None:
        model.compile(always=fast is True)
    return model


def _load(
    source: str | os.PathLike[str] | nn.Module, device: torch.device, options: LoadOptions, variant: tuple[object, ...]
) -> RobustClassifier:
    if isinstance(source, RobustClassifier):
        raise WeightsError(f"{source.card.name!r} is already a loaded model; use it directly.")
    if isinstance(source, nn.Module):
        return _external(load_network(source, options), device, options, kind=type(source).__name__)
    name = source if isinstance(source, str) and not source.startswith("~") else str(as_path(source))
    if name.startswith(LIBRARIES):
        return _external(load_named(name, options), device, options, name)
    path, published = Path(name), published_models()
    if name in model_names() or is_model_file(path):
        if not options.is_empty():
            raise ParameterError(
                f"{name!r} already has its network, classes and normalisation; remove these arguments."
            )
        return _load_bundled(name, device, variant) if name in model_names() else load_model_file(path, device)
    if is_file(path):
        return _external(load_file(path, options), device, options, name)
    if name in published:
        return _external(load_published(published[name], options), device, options, name)
    if name and (path.suffix[1:].isalpha() or is_folder(path) or os.sep in name):
        return load_model_file(path, device)
    raise UnknownNameError(unknown_name("model", name, (*model_names(), *published)))


def _external(
    model: RobustClassifier, device: torch.device, options: LoadOptions, source: str = "", kind: str = ""
) -> RobustClassifier:
    model.loading = LoadSpec(source, options.as_arguments(model.card), kind)
    return model.to(device)


def source_of(model: RobustClassifier) -> str:
    """The name or file that `load_model` loads this model by; ``""`` if it was made in Python."""
    if model.loading is not None:
        return model.loading.source
    if model.source is None:
        return ""
    return model.source.stem if is_bundled(model.source) else str(model.source)


@lru_cache(maxsize=8)
def _load_bundled(name: str, device: torch.device, variant: tuple[object, ...]) -> RobustClassifier:
    """The same object for the same arguments; models of different speed or precision are different objects."""
    del variant
    return load_model_file(weights_path(name), device)
