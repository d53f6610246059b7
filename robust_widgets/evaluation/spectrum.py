"""The power spectrum of pictures: a grid or a ring in what is painted is a peak that photographs do not have.

Frequencies are in cycles a picture. Up to half the side there is a whole ring of each radial frequency; beyond it only
the corners of the square are left, which hold the finest diagonal detail and a chequerboard of single pixels. A grid of
rows and columns is a few points on the two axes, which the mean over a ring dilutes; so the axes are looked at by
themselves too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robust_widgets.pictures import Pixels

LUMINANCE = (0.299, 0.587, 0.114)
FACTOR = 3.0  # how far the spectrum of generated pictures may be from that of photographs

Power = npt.NDArray[np.float64]


def power(pixels: Pixels) -> Power:
    """The mean power spectrum of pictures: of their luminance in [0, 1], its mean removed, under a Hann window.

    Without a window the step from a picture's left border to its right one, and from its upper to its lower, leaks
    along the axes into every frequency, where it would hide a grid. White noise of variance v has power v everywhere.

    Args:
        pixels: uint8 (n, side, side, 3), side at least 4.

    Returns:
        float64 (side, side), in the order of `numpy.fft.fft2`.
    """
    side = pixels.shape[1]
    across = np.hanning(side + 1)[:side]
    window = np.outer(across, across)
    luminance = pixels.astype(np.float64) / 255 @ np.array(LUMINANCE)
    means = (luminance * window).sum((1, 2), keepdims=True) / window.sum()
    return (np.abs(np.fft.fft2((luminance - means) * window)) ** 2).mean(0) / (window**2).sum()


def radial(spectrum: Power) -> Power:
    """The mean of a spectrum over rings one cycle wide; entry i is that at i + 1 cycles, the last is the corner's."""
    across, down = _cycles(len(spectrum))
    return _means(spectrum, np.rint(np.hypot(across, down)).astype(np.int64))


def axial(spectrum: Power) -> Power:
    """The mean of a spectrum on the two axes, at most one cycle beside them; entry i is that at i + 1 cycles."""
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
        """The ratio that is furthest from 1, up or down."""
        return self.values[self._at]

    @property
    def frequency(self) -> int:
        """Where that is, in cycles."""
        return self._at + 1

    @property
    def outside(self) -> tuple[int, ...]:
        """The frequencies at which the ratio is above 3 or below 1/3."""
        return tuple(i + 1 for i, value in enumerate(self.values) if not 1 / FACTOR <= value <= FACTOR)

    def up_to(self, cycles: int) -> Ratio:
        """The ratio at the frequencies up to this one."""
        return Ratio(self.values[:cycles])

    @property
    def _at(self) -> int:
        return int(np.abs(np.log(self.values)).argmax())


def ratio(one: Power, other: Power) -> Ratio:
    """One radial or axial spectrum over another of pictures of the same side."""
    tiny = np.finfo(np.float64).tiny
    return Ratio(tuple(((one + tiny) / (other + tiny)).tolist()))


def _cycles(side: int) -> tuple[Power, Power]:
    """The absolute frequency of each entry of a spectrum across and down the picture."""
    across, down = np.meshgrid(*[np.abs(np.fft.fftfreq(side) * side)] * 2)
    return across, down


def _means(spectrum: Power, groups: npt.NDArray[np.int64]) -> Power:
    """The mean of each group but group 0."""
    sums = np.bincount(groups.ravel(), spectrum.ravel())
    return (sums / np.bincount(groups.ravel()))[1:]
