"""The augmented batch of each training step, a pure function of the settings and the step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robust_widgets.training.data import PictureSet, augment, balanced_order
from robust_widgets.training.settings import TrainingSettings


def epoch_order(data: PictureSet, settings: TrainingSettings, epoch: int) -> Tensor:
    """The order of the pictures in an epoch (0-based), as indices, int64 (n,)."""
    generator = torch.Generator().manual_seed(settings.seed * 7919 + epoch)
    return (
        balanced_order(data.labels, generator) if settings.balanced else torch.randperm(len(data), generator=generator)
    )


def make_batch(
    data: PictureSet,
    order: Tensor,
    settings: TrainingSettings,
    step: int,
    size: int,
    device: torch.device,
    rows: slice | None = None,
) -> tuple[Tensor, Tensor]:
    """The augmented batch of a step.

    Args:
        data: the training pictures.
        order: from :func:`epoch_order`.
        settings: of the run.
        step: steps done since the run began.
        size: size in pixels of the pictures.
        device: of the result.
        rows: only these rows of the batch, for one of several processes.

    Returns:
        Pictures float32 (rows, 3, size, size) in [0, 1] and labels int64 (rows,).
    """
    within = step % steps_per_epoch(data, settings)
    index = order[within * settings.batch_size : (within + 1) * settings.batch_size]
    pictures = data.floats(index)
    generator = torch.Generator().manual_seed(settings.seed * 104_729 + step)
    margin = min(settings.margin, data.size - 1)
    pictures = augment(pictures, generator, margin, wide=settings.augmentation == "wide", rows=rows)
    if size != data.size:
        pictures = nn.functional.interpolate(pictures, size=(size, size), mode="bilinear", antialias=True).clamp(0, 1)
    pictures = pictures.to(device, memory_format=torch.channels_last)
    labels = data.labels[index]
    return pictures, (labels if rows is None else labels[rows]).to(device)


def steps_per_epoch(data: PictureSet, settings: TrainingSettings) -> int:
    """Full batches per epoch, at least one."""
    return max(1, len(data) // settings.batch_size)


def channel_statistics(pictures: Tensor) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Per-channel mean and standard deviation of uint8 pictures (n, 3, h, w), in [0, 1] units."""
    sample = pictures[:: max(1, len(pictures) // 5000)].float() / 255
    std, mean = torch.std_mean(sample, dim=(0, 2, 3))
    red, green, blue = (round(float(value), 4) for value in mean)
    red_std, green_std, blue_std = (round(max(float(value), 1e-3), 4) for value in std)
    return (red, green, blue), (red_std, green_std, blue_std)


def epsilon_at(settings: TrainingSettings, size: int, full: int, epochs_done: float) -> float:
    """Epsilon at a step, after warm-up; in L2 it scales with the size of the pictures."""
    warmed_up = min(1.0, epochs_done / settings.epsilon_warm_up) if settings.epsilon_warm_up else 1.0
    return settings.epsilon * warmed_up * (size / full if settings.norm == "l2" else 1)
