"""Turn an external checkpoint, a network's name or a network into a classifier."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any, TypeAlias, cast

import torch
from torch import nn

from robust_widgets.errors import (
    ParameterError,
    UnknownNameError,
    WeightsError,
    first_line,
    quoted,
    short_repr,
    shortened,
    unknown_name,
    whole_number,
)
from robust_widgets.models.card import ModelCard
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.loading.class_names import Classes, class_names, class_sets, names_in_order
from robust_widgets.models.loading.infer_architecture import build_torchvision, candidates, is_used
from robust_widgets.models.loading.penultimate import ExternalNetwork
from robust_widgets.models.loading.prefixes import part_of
from robust_widgets.models.loading.safe_load import read_checkpoint
from robust_widgets.models.loading.state_dicts import Colour, Weights, weights_in

TORCHVISION, TIMM = LIBRARIES = ("torchvision:", "timm:")
MIN_SIZE, MAX_SIZE = 8, 2048
Channels: TypeAlias = float | Sequence[float]


@dataclass(frozen=True)
class LoadOptions:
    """What the caller of `load_model` says about a model; None for what it doesn't say."""

    architecture: str | None = None
    classes: Classes | None = None
    mean: Channels | None = None
    std: Channels | None = None
    input_size: int | None = None
    name: str | None = None

    def is_empty(self) -> bool:
        return all(value is None for value in vars(self).values())

    def over(self, defaults: LoadOptions) -> LoadOptions:
        """These options, completed by defaults."""
        return replace(defaults, **{name: value for name, value in vars(self).items() if value is not None})

    def as_arguments(self, card: ModelCard) -> dict[str, Any]:
        """The options as arguments of `load_model`: plain Python values whose ``repr`` is code.

        Args:
            card: of the model that was loaded with these options.
        """
        values = {
            "architecture": self.architecture,
            "classes": self.classes
            if isinstance(self.classes, str) and self.classes in class_sets()
            else list(card.classes),
            "mean": card.mean,
            "std": card.std,
            "input_size": card.input_size,
            "name": self.name,
        }
        return {name: value for name, value in values.items() if getattr(self, name) is not None}


def load_file(path: Path, options: LoadOptions) -> RobustClassifier:
    """A classifier from an external checkpoint, on the CPU.

    Raises:
        WeightsError: the file cannot be read, belongs to no known network, or an option is missing.
        UnknownNameError: no such architecture or set of classes.
        ParameterError: an impossible mean, standard deviation or size.
    """
    weights = weights_in(path, read_checkpoint(path))
    state = part_of(path, weights.state, options.architecture)
    state = {name: value for name, value in state.items() if is_used(name)}
    network, size, architecture = _network_for(path, state, options.architecture)
    _load(path, lambda: network, state, architecture)
    return _classifier(network, options, _Defaults(path.stem, architecture, weights, size), path)


@torch.no_grad()  # a copy of a TorchScript network would remember that it is one
def load_network(network: nn.Module, options: LoadOptions) -> RobustClassifier:
    """A classifier from a copy of a network, on the CPU; the original isn't changed.

    Raises:
        WeightsError, UnknownNameError, ParameterError: as `load_file`; or the network cannot be copied.
    """
    kind = type(network).__name__
    try:
        copied = copy.deepcopy(network)
    except Exception as error:
        raise WeightsError(
            f"The network {kind} cannot be copied ({first_line(error)}); build a new one and load its state dict."
        ) from None
    check_finite(kind, copied)
    settings = cast("dict[str, Any] | None", getattr(network, "pretrained_cfg", None)) or {}
    options = options.over(_options_from(settings))
    return _classifier(copied.float().cpu(), options, _Defaults(kind, kind, Weights({})))


def load_named(name: str, options: LoadOptions) -> RobustClassifier:
    """A pretrained network of torchvision or timm, ``"torchvision:resnet18"`` or ``"timm:resnet18"``, on the CPU.

    Raises:
        UnknownNameError: the library has no such network.
        WeightsError: the library is not installed, or its weights cannot be downloaded or read.
    """
    if name.startswith(TORCHVISION):
        network, settings = _pretrained_torchvision(name)
    else:
        network = _build_timm(name, pretrained=True)
        settings = cast("dict[str, Any]", getattr(network, "pretrained_cfg", {}))
    options = options.over(_options_from(settings))
    return _classifier(network.float(), options, _Defaults(name, name, Weights({})))


def check_finite(kind: str, network: nn.Module) -> None:
    """Check a network's weights.

    Raises:
        WeightsError: one has values that are not finite.
    """
    for name, value in network.state_dict().items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise WeightsError(f"The weight {name!r} of {kind} has values that are not finite; train it again.")


@dataclass(frozen=True)
class _Defaults:
    """What is known about a network without options; ``size`` is the picture size its architecture is made for."""

    name: str
    architecture: str
    weights: Weights
    size: int | None = None


def _network_for(path: Path, state: dict[str, torch.Tensor], architecture: str | None) -> tuple[nn.Module, int, str]:
    """A network for these weights, the size of its pictures in pixels, and its architecture's name."""
    if architecture is not None and architecture.startswith(LIBRARIES):
        classes = _class_count(state)
        if architecture.startswith(TORCHVISION):
            return _build_torchvision(architecture, classes), 224, architecture
        return _build_timm(architecture, pretrained=False, classes=classes), 224, architecture
    matches = candidates(state)
    if not matches:
        raise WeightsError(
            f"The {len(state)} tensors in {str(path)!r} belong to no known network; give architecture="
            "'torchvision:NAME' or 'timm:NAME', or build the network yourself, load the file into it, and give that."
        )
    names = quoted(candidate.name for candidate in matches)
    if architecture is not None:
        matches = [candidate for candidate in matches if candidate.name == architecture]
    if not matches:
        raise UnknownNameError(
            f"The weights in {str(path)!r} do not fit the architecture {architecture!r}; they fit {names}."
        )
    if len(matches) > 1:
        raise WeightsError(f"The weights in {str(path)!r} fit several networks; give architecture= as {names}.")
    match = matches[0]
    with torch.device("meta"):  # without memory, because the names in the file decide the size of the network
        _load(path, match.build, state, match.name, assign=True)
    return match.build(), 32 if match.small else 224, match.name


def _load(
    path: Path,
    build: Callable[[], nn.Module],
    state: dict[str, torch.Tensor],
    architecture: str,
    *,
    assign: bool = False,
) -> None:
    """Load weights into a network; what stands beside its own layers, such as the weights of a loss, is left out.

    Raises:
        WeightsError: they do not fit, or the network cannot be built.
    """
    try:
        network = build()
        layers = {name.partition(".")[0] for name in network.state_dict()}
        own = {name: value for name, value in state.items() if name.partition(".")[0] in layers}
        network.load_state_dict(own, assign=assign)
    except Exception as error:  # sizes from a damaged file make torch raise almost anything
        last_line = shortened((str(error).strip() or type(error).__name__).splitlines()[-1].strip().rstrip("."))
        raise WeightsError(
            f"The weights in {str(path)!r} do not fit the architecture {architecture!r} ({last_line})."
        ) from None


def _class_count(state: dict[str, torch.Tensor]) -> int | None:
    rows = [len(value) for name, value in state.items() if value.dim() == 2 and name.endswith("weight")]
    return rows[-1] if rows else None


def _classifier(
    network: nn.Module, options: LoadOptions, defaults: _Defaults, source: Path | None = None
) -> RobustClassifier:
    subject = repr(str(source)) if source is not None else repr(defaults.architecture)
    if options.name is not None and not isinstance(options.name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ParameterError(f"name is {short_repr(options.name)}; give the model's name as text.")
    mean, std = _normalisation(subject, options, defaults.weights)
    classes = None if options.classes is None else names_in_order(options.classes)
    set_size = _size_of_set(options.classes) if isinstance(options.classes, str) else None
    sizes = (options.input_size, set_size, defaults.size)
    size = _input_size(subject, next((size for size in sizes if size is not None), None))
    external = ExternalNetwork(network.float(), size)
    if external.outputs < 2:
        raise WeightsError(
            f"{subject} has {external.outputs} class, and painting needs two classes at least: with one there is "
            "nothing to tell apart; give a network with a logit for each class."
        )
    classes = classes or _infer_class_names(subject, external.outputs, mean, defaults.size == 32)
    if len(classes) != external.outputs:
        raise WeightsError(f"{subject} has {external.outputs} classes; give one name for each, not {len(classes)}.")
    card = ModelCard(
        name=options.name or defaults.name,
        architecture=defaults.architecture,
        classes=classes,
        input_size=size,
        mean=mean,
        std=std,
    )
    external.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return RobustClassifier(external, card, None, source)


def _normalisation(subject: str, options: LoadOptions, weights: Weights) -> tuple[Colour, Colour]:
    mean = weights.mean if options.mean is None else _channels("mean", options.mean)
    std = weights.std if options.std is None else _channels("std", options.std)
    if mean is None or std is None:
        raise WeightsError(
            f"{subject} does not say how pictures are normalised; give mean= and std=, three numbers each for pictures "
            "from 0 to 1, or mean=0, std=1 for no normalisation."
        )
    if min(std) <= 0:
        raise ParameterError(f"std is {options.std!r}; give one number above 0, or three.")
    if options.mean is not None or options.std is not None:
        _check_range(mean, std)
    return mean, std


def _check_range(mean: Colour, std: Colour) -> None:
    """Refuse a normalisation for pictures from 0 to 255: no mean of pictures from 0 to 1 is above 1."""
    if max(mean) <= 1 and max(std) <= 1:
        return
    levels = 255
    units = [float(f"{value / levels:.4g}") for value in mean] if max(mean) > 1 else list(mean)
    # A mean in levels with a deviation of 1 only centres the levels.
    is_in_levels = max(std) > 1 or min(std) == 1
    deviations = [float(f"{value / levels:.4g}") for value in std] if is_in_levels else list(std)
    raise ParameterError(
        f"mean is {list(mean)} and std is {list(std)}, for levels of 255, but pictures are from 0 to 1 here; give "
        f"mean={units}, std={deviations}."
    )


def _channels(name: str, value: Channels) -> Colour:
    try:
        numbers = [float(value)] * 3 if isinstance(value, (int, float, Real)) else [float(number) for number in value]
    except (TypeError, ValueError, RuntimeError, OverflowError):
        numbers = []
    if len(numbers) != 3 or not all(abs(number) < 1e6 for number in numbers):
        raise ParameterError(f"{name} is {short_repr(value)}; give one number, or three for red, green and blue.")
    return cast(Colour, tuple(numbers))


def _input_size(subject: str, value: object) -> int:
    if value is None:
        raise WeightsError(
            f"{subject} does not say how large its pictures are; give input_size=, their width in pixels."
        )
    size = whole_number(value)
    if size is None or not MIN_SIZE <= size <= MAX_SIZE:
        raise ParameterError(
            f"input_size is {short_repr(value)}; give the width of the pictures in pixels, a whole number from "
            f"{MIN_SIZE} to {MAX_SIZE}."
        )
    return size


def _size_of_set(classes: str) -> int | None:
    return None if classes not in class_sets() else 32 if classes.startswith("cifar") else 224


def _infer_class_names(subject: str, outputs: int, mean: Colour, small: bool) -> tuple[str, ...]:
    """The class names, where the number of classes and the normalisation leave no doubt."""
    if outputs == 1000 and not small:
        return class_names("imagenet")
    if outputs == 9 and not small and _is_close(mean, (0.4717, 0.4499, 0.3837)):
        return class_names("restricted-imagenet")
    if outputs == 10 and small and _is_close(mean, (0.4914, 0.4822, 0.4465)):
        return class_names("cifar10")
    if outputs == 100 and small and _is_close(mean, (0.5071, 0.4865, 0.4409)):
        return class_names("cifar100")
    raise WeightsError(
        f"{subject} has {outputs} classes and does not name them; give classes=, their names in order, or "
        f"{quoted(class_sets())}."
    )


def _is_close(mean: Colour, other: Colour) -> bool:
    return all(abs(value - expected) < 1e-3 for value, expected in zip(mean, other, strict=True))


def _options_from(settings: dict[str, Any]) -> LoadOptions:
    """The settings of a library's pretrained network, by timm's names, as options."""
    size = settings.get("input_size")
    return LoadOptions(
        classes=settings.get("label_names"),
        mean=settings.get("mean"),
        std=settings.get("std"),
        input_size=size[-1] if size else None,
    )


def _build_torchvision(name: str, classes: int | None = None) -> nn.Module:
    import torchvision

    names = torchvision.models.list_models(module=torchvision.models)
    bare_name = name.removeprefix(TORCHVISION)
    if bare_name not in names:
        raise UnknownNameError(unknown_name("network of torchvision", bare_name, names))
    return build_torchvision(bare_name, classes)


def _pretrained_torchvision(name: str) -> tuple[nn.Module, dict[str, Any]]:
    """A pretrained network, and torchvision's settings for its pictures by timm's names."""
    network = _build_torchvision(name)
    from torchvision.models import get_model_weights

    pretrained = cast(Any, get_model_weights(name.removeprefix(TORCHVISION))).DEFAULT
    url, preprocessing = str(pretrained.url), pretrained.transforms()
    file = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    from robust_widgets.models.zoo.download import fetch

    fetch(url, file, digest=file.stem.rpartition("-")[2], variable="TORCH_HOME")
    state = weights_in(file, read_checkpoint(file)).state
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(
            f"The weights in {str(file)!r} do not fit {name!r}; delete the file and load the model again."
        ) from error
    size = (3, preprocessing.crop_size[0])
    return network, {"mean": preprocessing.mean, "std": preprocessing.std, "input_size": size}


def _build_timm(name: str, *, pretrained: bool, classes: int | None = None) -> nn.Module:
    if importlib.util.find_spec("timm") is None:
        raise WeightsError(
            f"{name!r} needs the package timm, which is not installed; install it with: "
            "pip install 'robust-widgets[timm]'."
        )
    timm: Any = importlib.import_module("timm")
    bare_name = name.removeprefix(TIMM)
    if not timm.is_model(bare_name.partition(".")[0]):
        raise UnknownNameError(unknown_name("network of timm", bare_name, timm.list_models()))
    try:
        settings = {} if classes is None else {"num_classes": classes}
        return cast(nn.Module, timm.create_model(bare_name, pretrained=pretrained, **settings))
    except Exception as error:  # an unreachable hub raises almost anything
        raise WeightsError(
            f"timm could not make {bare_name!r} ({first_line(error)}); without a network connection, give the weights "
            f"as a file with architecture={name!r}."
        ) from None
