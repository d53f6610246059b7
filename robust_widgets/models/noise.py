"""Noise without the finest detail, which starts are covered with so that texture can grow."""

from __future__ import annotations

import torch
from torch import Tensor

from robust_widgets.models.networks.separable import SMOOTHING, separable


def smooth_noise(channels: int, size: int, seed: int | torch.Generator) -> Tensor:
    """Standard normal noise, passed twice through :class:`SmoothInput`'s filter.

    A `SmoothResNet` cannot see detail near the Nyquist frequency, so no gradient would remove it: white noise stays in
    the picture as dots. The same noise is used with every other network, whose gradients paint no meaningful detail
    that fine either. What is left has a standard deviation of about 0.45.

    Args:
        channels: 3, or 1 for grey.
        size: width and height in pixels.
        seed: of a new generator, or a generator.

    Returns:
        float32 (channels, size, size) on the CPU.
    """
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
    noise = torch.randn((1, channels, size, size), generator=generator, dtype=torch.float32)
    return separable(separable(noise, SMOOTHING), SMOOTHING)[0]
