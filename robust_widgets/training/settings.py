"""The settings of a training run, checked once."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from robust_widgets.errors import KnobError


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
        weight_decay: on convolution kernels and matrices.
        average_decay: of the exponential moving average that is shipped.
        progressive: start on pictures of half the side, as ``schedule.PROGRESSION`` says; the radius scales with it.
        margin: largest random shift in pixels at full side.
        seed: decides the initial weights, the order, the augmentation and the random starts.
        precision: ``"auto"``, ``"float32"`` or ``"bfloat16"`` (autocast).

    Raises:
        KnobError: a number is out of range.
    """

    architecture: str = "blurresnet"
    epochs: int = 14
    radius: float = 1.0
    norm: str = "l2"
    inner_steps: int = 1
    batch_size: int = 128
    learning_rate: float = 0.2
    weight_decay: float = 5e-4
    average_decay: float = 0.998
    progressive: bool = True
    margin: int = 6
    seed: int = 0
    precision: str = "auto"

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("inner_steps", 1), ("batch_size", 1), ("margin", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise KnobError(f"{name} is {value!r}; give a whole number of at least {least}.")
        for name in ("learning_rate",):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise KnobError(f"{name} is {getattr(self, name)}; give a finite number above 0.")
        for name in ("radius", "weight_decay"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise KnobError(f"{name} is {getattr(self, name)}; give a finite number of at least 0.")
        if not 0 <= self.average_decay < 1:
            raise KnobError(f"average_decay is {self.average_decay}; give a number of at least 0 and below 1.")
        if self.norm not in ("l2", "linf"):
            raise KnobError(f"The norm is {self.norm!r}; it must be 'l2' or 'linf'.")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise KnobError(f"The precision is {self.precision!r}; it must be 'auto', 'float32' or 'bfloat16'.")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
