"""Losses on the penultimate layer."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from robust_widgets.errors import UnknownNameError, WeightsError
from robust_widgets.synthesis.objectives.base import Classifier, Objective


class Activation(Objective):
    """Minus the activation of one unit of the penultimate layer, so that descent maximises it (paper, section 3.5).

    The activation before the pooled features passes its gradient straight through, else a unit that is off could
    never be switched on.

    Args:
        unit: the index of the unit, or one for each sample.

    Raises:
        UnknownNameError: when evaluated, if the model has no such unit.
        WeightsError: when evaluated, if the model gives no access to its features.
    """

    def __init__(self, unit: int | Sequence[int]) -> None:
        several = unit if isinstance(unit, (list, tuple)) else [cast(int, unit)]
        self.units = tuple(operator.index(one) for one in several)
        self._ready = torch.zeros(0, dtype=torch.long)

    def activation(self, model: Classifier, x: Tensor) -> Tensor:
        """The activation of each sample's unit, (n,)."""
        features = getattr(model, "features", None)
        if features is None:
            raise WeightsError("This model gives no access to its penultimate layer; bring one with a features method.")
        values = cast(Tensor, features(x, straight_through=True))
        for unit in self.units:
            if not 0 <= unit < values.shape[1]:
                raise UnknownNameError(
                    f"There is no unit {unit}; the penultimate layer has {values.shape[1]} units, "
                    f"0 to {values.shape[1] - 1}."
                )
        if len(self.units) not in (1, len(x)):
            raise UnknownNameError(
                f"There are {len(self.units)} units for {len(x)} pictures; give one unit, or one for each picture."
            )
        if len(self._ready) == 0 or self._ready.device != values.device:
            # Once for a device: a copy to it at each step would make it wait.
            self._ready = torch.tensor(self.units, device=values.device)
        return values.gather(1, self._ready.expand(len(x))[:, None])[:, 0]

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return -self.activation(model, x)

    def __repr__(self) -> str:
        return f"Activation({self.units[0] if len(self.units) == 1 else list(self.units)})"
