"""How often a model is right, on clean pictures and on attacked ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.training.adversary import attack, correct
from robust_widgets.training.data import PictureSet


@dataclass(frozen=True)
class Verdicts:
    """What a model made of each picture of a set.

    Attributes:
        attack: the attack in words, for example ``"l2 1, 20 steps"``.
        labels: the true classes, int64 (n,).
        clean: whether the model was right, bool (n,).
        robust: whether it was right both before and after the attack, bool (n,).
    """

    attack: str
    labels: Tensor
    clean: Tensor
    robust: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def of_class(self, label: int) -> Verdicts:
        """Those on the pictures of one class."""
        own = self.labels == label
        return Verdicts(self.attack, self.labels[own], self.clean[own], self.robust[own])

    def shares(self) -> dict[str, float]:
        """``{"clean": share, attack: share}`` in [0, 1]; NaN where there is no picture."""
        return {"clean": _share(self.clean), self.attack: _share(self.robust)}


def judge(
    model: RobustClassifier,
    data: PictureSet,
    *,
    norm: str = "l2",
    radius: float = 1.0,
    steps: int = 20,
    batch_size: int = 128,
    limit: int | None = None,
    progress: bool = True,
) -> Verdicts:
    """Show a model each picture, clean and attacked.

    Args:
        model: a frozen model.
        data: labelled pictures, classes in the model's order.
        norm, radius, steps: of the PGD attack; the radius in raw pixels. The step size is 2.5 * radius / steps.
        batch_size: pictures attacked at once.
        limit: measure on this many pictures, evenly spread over the set; all by default.
        progress: show a progress bar.
    """
    count = len(data) if limit is None else min(limit, len(data))
    chosen = torch.linspace(0, len(data) - 1, count).long()
    name = f"{norm} {radius:g}, {steps} steps"
    clean: list[Tensor] = []
    robust: list[Tensor] = []
    for index in tqdm(chosen.split(batch_size), desc=f"evaluating, {name}", unit="batch", disable=not progress):
        pictures = (data.pictures[index].float() / 255).to(model.device)
        labels = data.labels[index].to(model.device)
        right = correct(model, pictures, labels)
        attacked = attack(model, pictures, labels, norm=norm, radius=radius, steps=steps, seed=int(index[0]))
        clean.append(right.cpu())
        robust.append((right & correct(model, attacked, labels)).cpu())
    return Verdicts(name, data.labels[chosen], torch.cat(clean), torch.cat(robust))


def accuracy(
    model: RobustClassifier,
    data: PictureSet,
    *,
    norm: str = "l2",
    radius: float = 1.0,
    steps: int = 20,
    batch_size: int = 128,
    limit: int | None = None,
    progress: bool = True,
) -> dict[str, float]:
    """Shares of pictures the model gets right; arguments as for :func:`judge`.

    Returns:
        ``{"clean": share, "<norm> <radius>, <steps> steps": share}``, shares in [0, 1]. A picture counts as robustly
        right only if it is right both before and after the attack.
    """
    verdicts = judge(
        model, data, norm=norm, radius=radius, steps=steps, batch_size=batch_size, limit=limit, progress=progress
    )
    return verdicts.shares()


def _share(right: Tensor) -> float:
    return round(float(right.double().mean()), 4)
