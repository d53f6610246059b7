"""How the learning rate, the picture side and the averaged weights change in the course of a training run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from robust_widgets.errors import ParameterError, UnknownNameError, unknown_name

if TYPE_CHECKING:  # the command line reads the settings without torch
    from torch import Tensor, nn

# Share of the epochs that end at each fraction of the full side. Early epochs on smaller pictures cost a quarter and
# learn colours and coarse shapes just as well; the last third sees full-size pictures.
PROGRESSION = ((0.36, 0.5), (0.65, 0.75), (1.0, 1.0))


def learning_rate(step: int, steps: int, peak: float, warm_up: int) -> float:
    """A linear rise over ``warm_up`` steps, then a half cosine down to zero at ``steps``."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def side_at(epoch: int, epochs: int, full: int, progressive: bool) -> int:
    """Side in pixels of the pictures in this epoch (0-based), a multiple of 8 until it is ``full``."""
    if not progressive:
        return full
    share = (epoch + 1) / epochs
    fraction = next(fraction for until, fraction in PROGRESSION if share <= until + 1e-9)
    return full if fraction == 1 else min(full, max(16, 8 * round(full * fraction / 8)))


class WeightAverage:
    """An exponential moving average of a network's parameters and buffers (EMA).

    Args:
        network: the network whose present weights start the average.
        decay: how much of the old average stays at each update; lower in the first updates.
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
    """Parameter groups for the optimizer: weight decay on matrices and kernels only, not on norms and biases."""
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for parameter in parameters:
        (decayed if parameter.dim() > 1 else free).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]


# From trained weights: few epochs, at full size, with a learning rate that does not undo what is there.
FINE_TUNING: dict[str, Any] = {"epochs": 8, "batch_size": 64, "learning_rate": 0.05, "progressive": False}


@dataclass(frozen=True)
class TrainingSettings:
    """What decides a training run, beside the data.

    Attributes:
        architecture: a name of ``models.architectures``.
        epochs: passes over the training pictures.
        radius: the training radius, in raw pixels at full side (paper, section 2: larger radii give more paintable
            features and lower accuracy). 1.0 at 64 px is 3.5 in the paper's 224-pixel units.
        norm: ``"l2"`` or ``"linf"``.
        inner_steps: PGD steps against each batch. One step of 1.25 radius from a random start costs a quarter of the
            paper's seven and loses little in L2 at this radius.
        batch_size: pictures in a step.
        learning_rate: peak of the schedule, for SGD with Nesterov momentum 0.9.
        label_smoothing: share of the target that is spread over all classes, 0 to below 1; 0 because the loss against
            an attack is far from zero anyway.
        radius_warm_up: epochs in which the radius rises from 0; 0 because the first epochs are on smaller pictures and
            radii. Without progressive, 1 to 3 help where the loss stays at its start.
        weight_decay: on convolution kernels and matrices.
        average_decay: of the exponential moving average that is shipped.
        progressive: start on pictures of half the side, as ``schedule.PROGRESSION`` says; the radius scales with it.
        margin: largest random shift in pixels at full side.
        augmentation: "shift" (random shift and mirror image), or "wide" (a random part of the picture, and its
            brightness, contrast and colour too), for longer runs and small data.
        balanced: show every class equally often; for data whose classes differ much in size.
        seed_rank: directions kept of each class's seed distribution; at 64 px each takes 6 kB a class in the file.
        seed: decides the initial weights, the order, the augmentation and the random starts.
        precision: ``"auto"`` (bfloat16 where the device computes in it natively), ``"float32"`` or ``"bfloat16"``
            (autocast; weights stay float32).

    Raises:
        ParameterError: a number is out of range.
    """

    architecture: str = field(default="smoothresnet", metadata={"alias": "--arch"})
    epochs: int = 14
    radius: float = 1.0
    norm: str = "l2"
    inner_steps: int = 1
    batch_size: int = 128
    learning_rate: float = 0.2
    label_smoothing: float = 0.0
    radius_warm_up: float = 0.0
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
        for name, least in (("epochs", 1), ("inner_steps", 1), ("batch_size", 1), ("margin", 0), ("seed_rank", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ParameterError(f"{name} is {value!r}; give a whole number of at least {least}.")
        for name in ("learning_rate",):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ParameterError(f"{name} is {getattr(self, name)}; give a finite number above 0.")
        for name in ("radius", "weight_decay", "radius_warm_up"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ParameterError(f"{name} is {getattr(self, name)}; give a finite number of at least 0.")
        for name in ("average_decay", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ParameterError(f"{name} is {getattr(self, name)}; give a number of at least 0 and below 1.")
        if self.norm not in ("l2", "linf"):
            raise ParameterError(f"The norm is {self.norm!r}; it must be 'l2' or 'linf'.")
        if self.augmentation not in ("shift", "wide"):
            raise ParameterError(f"The augmentation is {self.augmentation!r}; it must be 'shift' or 'wide'.")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise ParameterError(f"The precision is {self.precision!r}; it must be 'auto', 'float32' or 'bfloat16'.")

    @classmethod
    def of(cls, given: Mapping[str, Any], *, start: str | None = None) -> TrainingSettings:
        """The settings of a run, from those that were given; the others at their defaults.

        Args:
            given: fields by name.
            start: the architecture of the model whose weights the run starts from, if it does; it is then the
                default, and the others' are those of :data:`FINE_TUNING`.

        Raises:
            ParameterError: a number is out of range.
            UnknownNameError: there is no such setting; the message names the nearest.
        """
        known = tuple(field.name for field in fields(cls))
        for name in given:
            if name not in known:
                raise UnknownNameError(unknown_name("setting", name, known))
        if start is None:
            return cls(**given)
        chosen: dict[str, Any] = {**FINE_TUNING, "architecture": start, **given}
        return cls(**chosen)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
