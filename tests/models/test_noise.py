"""Smooth noise."""

from __future__ import annotations

import pytest
import torch

from robust_widgets.models.noise import smooth_noise


def test_it_has_nothing_of_what_a_smoothresnet_cannot_see() -> None:
    power = torch.fft.rfft2(torch.stack([smooth_noise(1, 64, seed) for seed in range(8)])).abs().square().mean((0, 1))
    coarse, finest = power[:8, :8].mean(), power[24:40, :].mean()
    assert finest < 0.02 * coarse


def test_its_size_and_its_seeds() -> None:
    noise = smooth_noise(3, 64, 5)
    assert noise.shape == (3, 64, 64) and noise.dtype == torch.float32
    assert float(noise.std()) == pytest.approx(0.45, abs=0.05) and abs(float(noise.mean())) < 0.03
    assert torch.equal(noise, smooth_noise(3, 64, torch.Generator().manual_seed(5)))
    assert not torch.equal(noise, smooth_noise(3, 64, 6))
