"""Spectra with a known answer."""

from __future__ import annotations

import numpy as np
import pytest

from robust_widgets.evaluation.scores import Ratio, axial, power, radial, ratio
from robust_widgets.pictures import Pixels

SIDE = 32


def noise(count: int = 200, deviation: float = 0.1, seed: int = 0) -> Pixels:
    """Grey white noise."""
    draws = 0.5 + deviation * np.random.default_rng(seed).standard_normal((count, SIDE, SIDE, 1))
    return np.rint(np.repeat(draws, 3, axis=3).clip(0, 1) * 255).astype(np.uint8)


def wave(across: float, down: float, amplitude: float = 0.2) -> Pixels:
    y, x = np.mgrid[:SIDE, :SIDE]
    values = 0.5 + amplitude * np.cos(2 * np.pi * (across * x + down * y) / SIDE)
    return np.rint(np.repeat(values[None, ..., None], 3, axis=3) * 255).astype(np.uint8)


def test_white_noise_is_flat_at_its_variance() -> None:
    spectrum = power(noise())
    np.testing.assert_allclose(radial(spectrum)[1:-2], 0.01, rtol=0.15)
    np.testing.assert_allclose(radial(spectrum)[-2:], 0.01, rtol=0.4)  # the corner is a single frequency
    np.testing.assert_allclose(axial(spectrum)[1:], 0.01, rtol=0.2)


@pytest.mark.parametrize("size", [100, 112, 224])
def test_every_frequency_of_every_size_has_its_power(size: int) -> None:
    draws = 0.5 + 0.1 * np.random.default_rng(0).standard_normal((40, size, size, 1))
    spectrum = power(np.rint(np.repeat(draws, 3, axis=3).clip(0, 1) * 255).astype(np.uint8))
    np.testing.assert_allclose(axial(spectrum)[1:], 0.01, rtol=0.35)
    np.testing.assert_allclose(radial(spectrum)[1:-2], 0.01, rtol=0.35)


def test_the_power_is_that_of_the_picture() -> None:
    # A Hann window takes the power of a wave to the mean over the window's square, which the division gives back.
    assert power(wave(8, 0)).sum() / SIDE**2 == pytest.approx(0.2**2 / 2, rel=0.01)


@pytest.mark.parametrize(
    ("across", "down", "ring", "on_axis"),
    [(8, 0, 8, 8), (0, 12, 12, 12), (16, 0, 16, 16), (6, 8, 10, None), (16, 16, 23, None)],
)
def test_a_wave_is_a_peak_at_its_frequency(across: int, down: int, ring: int, on_axis: int | None) -> None:
    spectrum = power(wave(across, down))
    assert int(radial(spectrum).argmax()) + 1 == ring
    if on_axis:
        assert int(axial(spectrum).argmax()) + 1 == on_axis
        assert axial(spectrum).max() > 2 * radial(spectrum).max()
    else:
        assert axial(spectrum).max() < 1e-3 * radial(spectrum).max()


def test_rings_reach_the_corner_and_axes_half_the_size() -> None:
    spectrum = power(noise(2))
    assert len(radial(spectrum)) == round(np.hypot(SIDE / 2, SIDE / 2)) and len(axial(spectrum)) == SIDE // 2


def test_a_slope_from_border_to_border_does_not_leak() -> None:
    slope = np.rint(np.linspace(0, 255, SIDE)).astype(np.uint8)
    pixels = np.broadcast_to(slope[None, None, :, None], (1, SIDE, SIDE, 3))
    spectrum = axial(power(pixels))
    assert spectrum[7:].max() < 1e-4 * spectrum[0]


def test_mean_brightness_does_not_matter() -> None:
    grey = np.full((2, SIDE, SIDE, 3), 200, np.uint8)
    assert power(grey).max() == pytest.approx(0, abs=1e-20)


def test_a_faint_grid_on_noise_is_found_on_the_axes() -> None:
    pixels = noise().astype(int)
    pixels[:, :, ::2] += 9
    found = ratio(axial(power(pixels.clip(0, 255).astype(np.uint8))), axial(power(noise(seed=1))))
    assert found.outside == (15, 16) or found.outside == (16,)
    assert found.frequency == 16 and found.worst > 3
    same = ratio(axial(power(noise())), axial(power(noise(seed=1))))
    assert same.outside == () and 0.7 < same.worst < 1.4


def test_too_little_is_as_far_from_one_as_too_much() -> None:
    found = Ratio((1.0, 2.9, 0.2, 4.0))
    assert (found.worst, found.frequency, found.outside) == (0.2, 3, (3, 4))
    assert found.up_to(2) == Ratio((1.0, 2.9)) and found.up_to(2).outside == ()
    assert ratio(np.array([2.0, 0.0]), np.array([1.0, 0.0])).values == (2.0, 1.0)
