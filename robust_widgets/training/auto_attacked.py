"""What AutoAttack found of a batch of pictures, kept: it takes minutes for each, and hours for a set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from robust_widgets.cache import keep, kept
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.training.auto_attack import QUERIES, STEPS, auto_attack

KIND = "autoattack"


@dataclass(frozen=True)
class Batch:
    """Pictures that are attacked together; arguments as for `auto_attack`."""

    model: RobustClassifier
    pictures: Tensor
    labels: Tensor
    norm: str
    radius: float
    seed: int

    def known(self) -> Tensor | None:
        """What was found of it before, by the same model with the same settings; None where nothing was."""
        found = (kept(KIND, self._key()) or {}).get("right")
        if not isinstance(found, list) or len(found) != len(self.labels):  # pyright: ignore[reportUnknownArgumentType]
            return None
        return torch.tensor(found, dtype=torch.bool, device=self.labels.device)

    def attacked(self, say: Callable[[str], object]) -> Tensor:
        """Attack it, and keep which pictures the model is still right about, bool (n,)."""
        right = auto_attack(
            self.model, self.pictures, self.labels, norm=self.norm, radius=self.radius, seed=self.seed, say=say
        )
        keep(KIND, self._key(), {"right": right.tolist()})
        return right

    def _key(self) -> tuple[object, ...]:
        shown = hashlib.sha256()
        for part in (self.pictures, self.labels):
            shown.update(part.cpu().contiguous().numpy().tobytes())
        settings = self.norm, float(self.radius), self.seed, STEPS, QUERIES
        return self.model.fingerprint, shown.hexdigest(), settings
