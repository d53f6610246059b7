"""Settings of a training run, and the schedules of its learning rate, picture size and averaged weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from robust_widgets.errors import (
    ParameterError,
    UnknownNameError,
    quoted,
    real_number,
    short_repr,
    unknown_name,
    whole_number,
)

if TYPE_CHECKING:  # the command line reads the settings without torch
    from torch import Tensor, nn

# (share of the epochs done, fraction of the full size until then). Early epochs on half-size pictures cost a quarter
# and learn colours and coarse shapes just as well; the last third of the epochs uses full-size pictures.
PROGRESSION = ((0.36, 0.5), (0.65, 0.75), (1.0, 1.0))


def learning_rate(step: int, steps: int, peak: float, warm_up: int) -> float:
    """Linear warm-up over ``warm_up`` steps, then cosine decay to zero at ``steps``."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def size_at(epoch: int, epochs: int, full: int, progressive: bool) -> int:
    """Size in pixels of the pictures in this epoch (0-based), a multiple of 8 below ``full``."""
    if not progressive:
        return full
    share = (epoch + 1) / epochs
    fraction = next(fraction for until, fraction in PROGRESSION if share <= until + 1e-9)
    return full if fraction == 1 else min(full, max(16, 8 * round(full * fraction / 8)))


class WeightAverage:
    """An exponential moving average of a network's parameters and buffers (EMA).

    Args:
        network: the average starts at its current weights.
        decay: weight of the old average at each update; lower in the first updates.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.average = {name: value.detach().clone() for name, value in network.state_dict().items()}

    def update(self, network: nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - decay)
            else:
                self.average[name].copy_(value)

    def state(self) -> dict[str, Tensor]:
        return self.average


def decay_groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, object]]:
    """Parameter groups for the optimizer: weight decay on matrices and kernels, not on norms and biases."""
    decayed: list[nn.Parameter] = []
    undecayed: list[nn.Parameter] = []
    for parameter in parameters:
        (decayed if parameter.dim() > 1 else undecayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": undecayed, "weight_decay": 0.0}]


# Defaults when starting from trained weights: few epochs at full size, at a learning rate that preserves the features.
FINE_TUNING: dict[str, Any] = {"epochs": 8, "batch_size": 64, "learning_rate": 0.05, "progressive": False}


# The smallest value of each field that is a whole number.
WHOLE_NUMBERS = {"epochs": 1, "inner_steps": 1, "batch_size": 1, "margin": 0, "seed_rank": 1, "seed": 0}
LARGEST = 2**31 - 1
WORDS = {"norm": ("l2", "linf"), "augmentation": ("shift", "wide"), "precision": ("auto", "float32", "bfloat16")}
_FROM_ZERO: tuple[Callable[[float], bool], str] = (lambda number: number >= 0, "a finite number of at least 0")
_FRACTION: tuple[Callable[[float], bool], str] = (
    lambda number: 0 <= number < 1,
    "a number of at least 0 and below 1",
)
# Which values each other number may have, and that in words.
NUMBERS: dict[str, tuple[Callable[[float], bool], str]] = {
    "learning_rate": (lambda number: number > 0, "a finite number above 0"),
    **dict.fromkeys(("epsilon", "weight_decay", "epsilon_warm_up"), _FROM_ZERO),
    **dict.fromkeys(("average_decay", "label_smoothing"), _FRACTION),
}

# Fields that saved files know by older names.
SAVED_NAMES = {"epsilon": "radius", "epsilon_warm_up": "radius_warm_up"}


@dataclass(frozen=True)
class TrainingSettings:
    """Everything that determines a training run, besides the data.

    Attributes:
        architecture: the network: ``"smoothresnet"``, ``"smoothresnet-small"``, ``"smoothresnet-tiny"``,
            ``"plainnet"``, or a variant of them, such as ``"smoothresnet-relu"``.
        epochs: passes over the training pictures.
        epsilon: limit of the attack in training, in raw pixels at full size (paper, section 2: a larger epsilon gives
            more paintable features and lower accuracy). 1.0 at 64 px is 3.5 in pixels at 224.
        norm: ``"l2"`` or ``"linf"``.
        inner_steps: PGD steps against each batch. One step of 1.25 epsilon from a random start costs a quarter of the
            paper's seven and loses little in L2 at this epsilon.
        batch_size: pictures per step.
        learning_rate: peak of the schedule, for SGD with Nesterov momentum 0.9.
        label_smoothing: share of the target that is spread over all classes, from 0 to below 1. 0 by default, because
            the loss under attack stays far from zero anyway.
        epsilon_warm_up: epochs over which epsilon rises from 0. 0 by default, because progressive training already
            starts with a smaller epsilon; without it, 1 to 3 help if the loss does not fall.
        weight_decay: on convolution kernels and matrices.
        average_decay: of the exponential moving average of the weights, which becomes the model.
        progressive: start on half-size pictures and grow them; epsilon scales with the size.
        margin: largest random shift, in pixels at full size.
        augmentation: "shift" (random shift and horizontal flip), or "wide" (also random crop, brightness, contrast and
            saturation), for longer runs and small data sets.
        balanced: show every class equally often; for classes of very different sizes.
        seed_rank: rank of each class's seed distribution; at 64 px each takes 6 kB per class in the file.
        seed: of the initial weights, the order of the pictures, the augmentation and the random starts.
        precision: ``"auto"`` (bfloat16 if the device supports it natively), ``"float32"`` or ``"bfloat16"`` (autocast;
            weights stay float32).

    Raises:
        ParameterError: a number is out of range.
    """

    architecture: str = field(default="smoothresnet", metadata={"alias": "--arch"})
    epochs: int = 14
    epsilon: float = 1.0
    norm: str = "l2"
    inner_steps: int = 1
    batch_size: int = 128
    learning_rate: float = 0.2
    label_smoothing: float = 0.0
    epsilon_warm_up: float = 0.0
    weight_decay: float = 5e-4
    average_decay: float = 0.998
    progressive: bool = True
    margin: int = 6
    augmentation: str = "shift"
    balanced: bool = False
    seed_rank: int = 24
    seed: int = 0
    precision: str = "auto"

    def __post_init__(self) -> None:
        for name, least in WHOLE_NUMBERS.items():
            value = getattr(self, name)
            number = whole_number(value)
            if number is None or not least <= number <= LARGEST:
                raise ParameterError(f"{name} is {short_repr(value)}; give a whole number from {least} to {LARGEST:,}.")
            object.__setattr__(self, name, number)  # a plain int, which every file format takes
        for name, (is_allowed, words) in NUMBERS.items():
            value = getattr(self, name)
            number = real_number(value)
            if number is None or not math.isfinite(number) or not is_allowed(number):
                raise ParameterError(f"{name} is {short_repr(value)}; give {words}.")
            object.__setattr__(self, name, value if type(value) is int else number)
        for name in ("progressive", "balanced"):
            if not isinstance(getattr(self, name), bool):
                raise ParameterError(f"{name} is {short_repr(getattr(self, name))}; give True or False.")
        for name, words in WORDS.items():
            value = getattr(self, name)
            if not isinstance(value, str) or value not in words:
                raise ParameterError(f"The {name} is {short_repr(value)}; it must be {quoted(words)}.")

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, init_architecture: str | None = None) -> TrainingSettings:
        """Settings from keywords, with defaults for the rest.

        Args:
            settings: fields by name.
            init_architecture: the architecture of the model that the run starts from, if any. It becomes the default,
                and so do the values of :data:`FINE_TUNING`.

        Raises:
            ParameterError: a number is out of range.
            UnknownNameError: there is no such setting; the message names the nearest.
        """
        known = tuple(field.name for field in fields(cls))
        for name in settings:
            if name not in known:
                raise UnknownNameError(unknown_name("setting", name, known))
        defaults: dict[str, Any] = {}
        if init_architecture is not None:
            defaults = {**FINE_TUNING, "architecture": init_architecture}
        return cls(**{**defaults, **settings})

    def to_dict(self) -> dict[str, Any]:
        """The settings under the names that checkpoints and model cards use."""
        return {SAVED_NAMES.get(name, name): value for name, value in asdict(self).items()}
