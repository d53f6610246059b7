"""How often a model is right, on clean pictures and on attacked ones."""

from __future__ import annotations

import torch
from tqdm.auto import tqdm

from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.training.adversary import attack, correct
from robust_widgets.training.data import PictureSet


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
    """Shares of pictures the model gets right.

    Args:
        model: a frozen model.
        data: labelled pictures, classes in the model's order.
        norm, radius, steps: of the PGD attack; the radius in raw pixels. The step size is 2.5 * radius / steps.
        batch_size: pictures attacked at once.
        limit: measure on this many pictures, evenly spread over the set; all by default.
        progress: show a progress bar.

    Returns:
        ``{"clean": share, "<norm> <radius>, <steps> steps": share}``, shares in [0, 1]. A picture counts as robustly
        right only if it is right both before and after the attack.
    """
    count = len(data) if limit is None else min(limit, len(data))
    chosen = torch.linspace(0, len(data) - 1, count).long()
    clean = robust = 0
    for index in tqdm(chosen.split(batch_size), desc="evaluating", unit="batch", disable=not progress):
        pictures = (data.pictures[index].float() / 255).to(model.device)
        labels = data.labels[index].to(model.device)
        right = correct(model, pictures, labels)
        attacked = attack(model, pictures, labels, norm=norm, radius=radius, steps=steps, seed=int(index[0]))
        clean += int(right.sum())
        robust += int((right & correct(model, attacked, labels)).sum())
    return {
        "clean": round(clean / count, 4),
        f"{norm} {radius:g}, {steps} steps": round(robust / count, 4),
    }
