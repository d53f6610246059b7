"""From what a person has, a file, a name or a network, to a classifier to paint with."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, TypeAlias, cast

import torch
from torch import nn

from robust_widgets.errors import ParameterError, UnknownNameError, WeightsError, quoted, unknown_name
from robust_widgets.models.classifier import ModelCard, RobustClassifier
from robust_widgets.models.loading.class_names import class_names, class_sets
from robust_widgets.models.loading.infer_architecture import (
    Candidate,
    Colour,
    Weights,
    candidates,
    make_torchvision,
    read_by_network,
    weights_in,
)
from robust_widgets.models.loading.penultimate import PublishedNetwork
from robust_widgets.models.loading.safe_load import read_checkpoint

LIBRARIES = ("torchvision:", "timm:")
Channels: TypeAlias = float | Sequence[float]


@dataclass(frozen=True)
class Given:
    """What a person says of a model, where they say it; the arguments of `load_model`."""

    architecture: str | None = None
    classes: str | Sequence[str] | None = None
    mean: Channels | None = None
    std: Channels | None = None
    input_size: int | None = None
    name: str | None = None

    def says_anything(self) -> bool:
        return any(value is not None for value in vars(self).values())

    def arguments(self, card: ModelCard) -> dict[str, Any]:
        """What was said of the model of this card, in plain Python values whose ``repr`` is code."""
        classes = self.classes if isinstance(self.classes, str) else list(card.classes)
        said = {
            "architecture": self.architecture,
            "classes": classes,
            "mean": card.mean,
            "std": card.std,
            "input_size": card.input_size,
            "name": self.name,
        }
        return {name: value for name, value in said.items() if getattr(self, name) is not None}


def load_file(path: Path, given: Given) -> RobustClassifier:
    """A classifier from a weights file of others, on the CPU.

    Raises:
        WeightsError: the file cannot be read, is of no network that is known, or something has to be given.
        UnknownNameError: there is no such architecture or set of classes.
        ParameterError: a mean, a deviation or a size that cannot be.
    """
    weights = weights_in(path, read_checkpoint(path))
    state = {name: value for name, value in weights.state.items() if read_by_network(name)}
    network, small, name = _network_of(path, state, given.architecture)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip().rstrip(".")[:200]
        raise WeightsError(f"The weights in {str(path)!r} do not fit the architecture {name!r} ({reason}).") from None
    return _classifier(network, given, _Known(path.stem, name, weights, 32 if small else 224), path)


def load_network(network: nn.Module, given: Given) -> RobustClassifier:
    """A classifier from a copy of a network, on the CPU; the network itself stays as it is.

    Raises:
        WeightsError, UnknownNameError, ParameterError: as `load_file`; or the network cannot be copied.
    """
    kind = type(network).__name__
    try:
        copied = copy.deepcopy(network)
    except Exception as error:
        raise WeightsError(
            f"The network {kind} cannot be copied ({error}); give one fresh from its constructor and load_state_dict."
        ) from None
    checked_values(kind, copied)
    settings = cast("dict[str, Any] | None", getattr(network, "pretrained_cfg", None)) or {}
    return _classifier(copied.float().cpu(), _filled(given, settings), _Known(kind, kind, Weights({})))


def load_named(name: str, given: Given) -> RobustClassifier:
    """A pretrained network of torchvision or timm, ``"torchvision:resnet18"`` or ``"timm:resnet18"``, on the CPU.

    Raises:
        UnknownNameError: the library has no such network.
        WeightsError: the library is not installed, or its weights cannot be fetched or read.
    """
    if name.startswith(LIBRARIES[0]):
        network, settings = _from_torchvision(name)
    else:
        network = _from_timm(name, pretrained=True)
        settings = cast("dict[str, Any]", getattr(network, "pretrained_cfg", {}))
    given = _filled(given, settings)
    return _classifier(network.float(), given, _Known(name, name, Weights({})))


def checked_values(kind: str, network: nn.Module) -> None:
    """Refuse a network with weights that are not finite."""
    for name, value in network.state_dict().items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise WeightsError(f"The weight {name!r} of {kind} holds values that are not finite; train it again.")


@dataclass(frozen=True)
class _Known:
    """What is known of a model without asking; ``size`` is the side its kind of network is made for."""

    name: str
    architecture: str
    weights: Weights
    size: int | None = None


def _network_of(path: Path, state: dict[str, torch.Tensor], architecture: str | None) -> tuple[nn.Module, bool, str]:
    """A network for these weights, whether it is one for small pictures, and its name."""
    if architecture is not None and architecture.startswith(LIBRARIES):
        classes = _classes_of_last(state)
        if architecture.startswith(LIBRARIES[0]):
            return _made_by_torchvision(architecture, classes), False, architecture
        return _from_timm(architecture, pretrained=False, classes=classes), False, architecture
    found = candidates(state)
    if architecture is not None:
        found = [one for one in found if one.name == architecture] or _none_of_this_name(path, architecture, found)
    if not found:
        raise WeightsError(
            f"The network of the {len(state)} tensors in {str(path)!r} is not recognised; give architecture="
            "'torchvision:NAME' or 'timm:NAME', or build the network yourself, load the file into it and give that."
        )
    if len(found) > 1:
        names = quoted(one.name for one in found)
        raise WeightsError(
            f"The weights in {str(path)!r} do not tell which network they are of; give architecture= as {names}."
        )
    return found[0].make(), found[0].small, found[0].name


def _none_of_this_name(path: Path, architecture: str, found: Sequence[Candidate]) -> list[Candidate]:
    if not found:
        return []
    raise UnknownNameError(
        f"The weights in {str(path)!r} are not of the architecture {architecture!r}; what fits them is "
        f"{quoted(one.name for one in found)}."
    )


def _classes_of_last(state: dict[str, torch.Tensor]) -> int | None:
    rows = [len(value) for name, value in state.items() if value.dim() == 2 and name.endswith("weight")]
    return rows[-1] if rows else None


def _classifier(network: nn.Module, given: Given, known: _Known, source: Path | None = None) -> RobustClassifier:
    subject = repr(str(source)) if source is not None else repr(known.architecture)
    mean, std = _normalisation(subject, given, known.weights)
    classes = None if given.classes is None else _names(given.classes)
    set_size = _size_of_set(given.classes) if isinstance(given.classes, str) else None
    size = _size(subject, next((one for one in (given.input_size, set_size, known.size) if one is not None), None))
    published = PublishedNetwork(network, size)
    classes = classes or _names_of_outputs(subject, published.outputs, mean, known.size == 32)
    if len(classes) != published.outputs:
        raise WeightsError(f"{subject} tells {published.outputs} classes apart, and {len(classes)} names are given.")
    card = ModelCard(
        name=given.name or known.name,
        architecture=known.architecture,
        classes=classes,
        input_size=size,
        mean=mean,
        std=std,
    )
    published.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return RobustClassifier(published, card, None, source)


def _normalisation(subject: str, given: Given, weights: Weights) -> tuple[Colour, Colour]:
    mean = weights.mean if given.mean is None else _channels("mean", given.mean)
    std = weights.std if given.std is None else _channels("std", given.std)
    if mean is None or std is None:
        raise WeightsError(
            f"{subject} does not say how pictures are normalised; give mean= and std=, three numbers each for pictures "
            "from 0 to 1, or mean=0, std=1 if they go in as they are."
        )
    if min(std) <= 0:
        raise ParameterError(f"std is {given.std!r}; give numbers above 0, one or three.")
    return mean, std


def _channels(name: str, value: Channels) -> Colour:
    try:
        numbers = [float(value)] * 3 if isinstance(value, (int, float, Real)) else [float(one) for one in value]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != 3 or not all(abs(number) < 1e6 for number in numbers):
        raise ParameterError(f"{name} is {value!r}; give one number, or three for red, green and blue.")
    return cast(Colour, tuple(numbers))


def _size(subject: str, size: object) -> int:
    if size is None:
        raise WeightsError(
            f"{subject} does not say how large its pictures are; give input_size=, their side in pixels."
        )
    if isinstance(size, bool) or not isinstance(size, int) or not 8 <= size <= 2048:
        raise ParameterError(
            f"input_size is {size!r}; give the side of the pictures in pixels, a whole number from 8 to 2048."
        )
    return size


def _names(classes: str | Sequence[str]) -> tuple[str, ...]:
    names = class_names(classes) if isinstance(classes, str) else tuple(str(one) for one in classes)
    repeated = [
        name for index, name in enumerate(names) if name.casefold() in {one.casefold() for one in names[:index]}
    ]
    if repeated or not names:
        what = f"{repeated[0]!r} is there twice" if repeated else "there is none"
        raise UnknownNameError(f"The class names have to differ from each other, and {what}; give one for each class.")
    return names


def _size_of_set(classes: str) -> int | None:
    return 32 if classes.startswith("cifar") else 224 if classes in class_sets() else None


def _names_of_outputs(subject: str, outputs: int, mean: Colour, small: bool) -> tuple[str, ...]:
    """The names where the number of classes and the normalisation leave no doubt."""
    if outputs == 1000 and not small:
        return class_names("imagenet")
    if outputs == 9 and not small and _near(mean, (0.4717, 0.4499, 0.3837)):
        return class_names("restricted-imagenet")
    if outputs == 10 and small and _near(mean, (0.4914, 0.4822, 0.4465)):
        return class_names("cifar10")
    if outputs == 100 and small and _near(mean, (0.5071, 0.4865, 0.4409)):
        return class_names("cifar100")
    raise WeightsError(
        f"{subject} tells {outputs} classes apart, and does not name them; give classes=, their names in order, or "
        f"{quoted(class_sets())}."
    )


def _near(mean: Colour, other: Colour) -> bool:
    return all(abs(one - two) < 1e-3 for one, two in zip(mean, other, strict=True))


def _filled(given: Given, settings: dict[str, Any]) -> Given:
    """What is given, and for the rest what a library says of its own network."""
    size = settings.get("input_size")
    names = cast("Sequence[str] | None", settings.get("label_names"))
    return Given(
        given.architecture,
        given.classes if given.classes is not None else names,
        settings.get("mean") if given.mean is None else given.mean,
        settings.get("std") if given.std is None else given.std,
        (size[-1] if size else None) if given.input_size is None else given.input_size,
        given.name,
    )


def _made_by_torchvision(name: str, classes: int | None = None) -> nn.Module:
    import torchvision

    known = torchvision.models.list_models(module=torchvision.models)
    plain = name.partition(":")[2]
    if plain not in known:
        raise UnknownNameError(unknown_name("network of torchvision", plain, known))
    return make_torchvision(plain, classes)


def _from_torchvision(name: str) -> tuple[nn.Module, dict[str, Any]]:
    """A pretrained network, and what torchvision says of its pictures, as timm would."""
    network = _made_by_torchvision(name)
    from torchvision.models import get_model_weights

    published = cast(Any, get_model_weights(name.partition(":")[2])).DEFAULT
    address, crop = str(published.url), published.transforms()
    file = Path(torch.hub.get_dir()) / "checkpoints" / address.rpartition("/")[2]
    from robust_widgets.models.zoo.download import fetch

    fetch(address, file, digest=file.stem.rpartition("-")[2], variable="TORCH_HOME")
    state = weights_in(file, read_checkpoint(file)).state
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(f"The weights in {str(file)!r} do not fit {name!r}; fetch them again.") from error
    return network, {"mean": crop.mean, "std": crop.std, "input_size": (3, crop.crop_size[0])}


def _from_timm(name: str, *, pretrained: bool, classes: int | None = None) -> nn.Module:
    if importlib.util.find_spec("timm") is None:
        raise WeightsError(
            f"{name!r} needs the package timm, which is not installed; install it with: "
            "pip install 'robust-widgets[timm]'."
        )
    timm: Any = importlib.import_module("timm")
    plain = name.partition(":")[2]
    if not timm.is_model(plain.partition(".")[0]):
        raise UnknownNameError(unknown_name("network of timm", plain, timm.list_models()))
    try:
        chosen = {} if classes is None else {"num_classes": classes}
        return cast(nn.Module, timm.create_model(plain, pretrained=pretrained, **chosen))
    except Exception as error:  # A hub that cannot be reached raises almost anything.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise WeightsError(
            f"timm could not make {plain!r} ({lines[0].rstrip('.')[:200]}); without a network, give the weights as a "
            f"file with architecture={name!r}."
        ) from None
