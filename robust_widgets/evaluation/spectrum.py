"""Power spectra of pictures: grids and rings show up as peaks that photographs do not have.

Frequencies are in cycles per picture. Up to half the size every radial frequency has a complete ring; beyond it only
the corners of the square remain, with the finest diagonal detail and pixel checkerboards. A grid of rows and columns is
a few points on the two axes, which the mean over a ring would dilute, so the axes are also measured separately.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robust_widgets.pictures import Pixels

LUMINANCE = (0.299, 0.587, 0.114)
FACTOR = 3.0  # allowed between the power of generated pictures and of photographs

Power = npt.NDArray[np.float64]


def power(pixels: Pixels) -> Power:
    """The mean power spectrum of the luminance in [0, 1], mean removed, under a Hann window.

    Without a window the jump between opposite borders would leak into every frequency along the axes, and hide a grid.
    White noise of variance v has power v everywhere.

    Args:
        pixels: uint8 (n, size, size, 3), size at least 4.

    Returns:
        float64 (size, size), in the order of `numpy.fft.fft2`.
    """
    size = pixels.shape[1]
    across = np.hanning(size + 1)[:size]
    window = np.outer(across, across)
    luminance = pixels.astype(np.float64) / 255 @ np.array(LUMINANCE)
    means = (luminance * window).sum((1, 2), keepdims=True) / window.sum()
    return (np.abs(np.fft.fft2((luminance - means) * window)) ** 2).mean(0) / (window**2).sum()


def radial(spectrum: Power) -> Power:
    """The mean of a spectrum over rings one cycle wide; entry i is at i + 1 cycles, the last is the corner."""
    across, down = _cycles(len(spectrum))
    return _means(spectrum, np.rint(np.hypot(across, down)).astype(np.int64))


def axial(spectrum: Power) -> Power:
    """The mean of a spectrum within one cycle of the two axes; entry i is at i + 1 cycles."""
    across, down = _cycles(len(spectrum))
    larger, smaller = np.maximum(across, down), np.minimum(across, down)
    return _means(spectrum, np.where(smaller <= 1, larger, 0).astype(np.int64))


@dataclass(frozen=True)
class Ratio:
    """One spectrum over another.

    Attributes:
        values: entry i is the ratio at i + 1 cycles.
    """

    values: tuple[float, ...]

    @property
    def worst(self) -> float:
        """The ratio furthest from 1, in either direction."""
        return self.values[self._worst_index]

    @property
    def frequency(self) -> int:
        """The frequency of the worst ratio, in cycles."""
        return self._worst_index + 1

    @property
    def outside(self) -> tuple[int, ...]:
        """The frequencies at which the ratio is above 3 or below 1/3."""
        return tuple(i + 1 for i, value in enumerate(self.values) if not 1 / FACTOR <= value <= FACTOR)

    def up_to(self, cycles: int) -> Ratio:
        """The ratio up to this frequency."""
        return Ratio(self.values[:cycles])

    @property
    def _worst_index(self) -> int:
        return int(np.abs(np.log(self.values)).argmax())


def ratio(spectrum: Power, reference: Power) -> Ratio:
    """The ratio of two radial or axial spectra of pictures of the same size."""
    tiny = np.finfo(np.float64).tiny
    return Ratio(tuple(((spectrum + tiny) / (reference + tiny)).tolist()))


def _cycles(size: int) -> tuple[Power, Power]:
    """The absolute frequency of each entry of a spectrum across and down the picture."""
    across, down = np.meshgrid(*[np.abs(np.fft.fftfreq(size) * size)] * 2)
    return across, down


def _means(spectrum: Power, groups: npt.NDArray[np.int64]) -> Power:
    """The mean of each group except group 0."""
    sums = np.bincount(groups.ravel(), spectrum.ravel())
    return (sums / np.bincount(groups.ravel()))[1:]
