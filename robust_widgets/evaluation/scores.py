"""Calibration, scores of sets of pictures, and their spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robust_widgets.pictures import Pixels

BINS = 15


@dataclass(frozen=True)
class Calibration:
    """A model's confidence and accuracy, binned by confidence.

    Attributes:
        counts: number of pictures whose highest probability falls into each of the equally wide bins of (0, 1].
        confidence: the mean of that probability in each bin; 0 in empty bins.
        accuracy: the accuracy in each bin, in [0, 1]; 0 in empty bins.
    """

    counts: tuple[int, ...]
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]

    @property
    def error(self) -> float:
        """The expected calibration error: the mean of |confidence - accuracy| over the bins, weighted by count."""
        gaps = tuple(
            abs(confidence - accuracy) for confidence, accuracy in zip(self.confidence, self.accuracy, strict=True)
        )
        return self._mean(gaps)

    @property
    def mean_confidence(self) -> float:
        """Over all pictures, in [0, 1]."""
        return self._mean(self.confidence)

    @property
    def mean_accuracy(self) -> float:
        """Over all pictures, in [0, 1]."""
        return self._mean(self.accuracy)

    def _mean(self, values: tuple[float, ...]) -> float:
        return sum(count * value for count, value in zip(self.counts, values, strict=True)) / sum(self.counts)


def calibrate(probabilities: Tensor, labels: Tensor, bins: int = BINS) -> Calibration:
    """Bin a model's predictions by confidence.

    Args:
        probabilities: (n, classes), at least one row.
        labels: the true classes, int64 (n,).
        bins: number of equally wide bins; 15 is common.
    """
    confidence, prediction = probabilities.double().max(1)
    right = (prediction == labels).double()
    bin_index = (confidence * bins).ceil().long().clamp(1, bins) - 1

    def total(values: Tensor) -> Tensor:
        return torch.zeros(bins, dtype=torch.float64).index_add(0, bin_index, values)

    counts = total(torch.ones_like(confidence))
    nonzero = counts.clamp_min(1)
    return Calibration(
        tuple(int(count) for count in counts.tolist()),
        tuple((total(confidence) / nonzero).tolist()),
        tuple((total(right) / nonzero).tolist()),
    )


def classifier_score(probabilities: Tensor) -> float:
    """exp(mean KL(p(y|x) || p(y))): the Inception Score's formula with any classifier.

    It is 1 if all pictures get the same prediction, and at most the number of classes, if the classifier is certain of
    each picture and predicts every class equally often.

    Args:
        probabilities: (n, classes), each row sums to 1.
    """
    p = probabilities.double()
    return float((torch.xlogy(p, p) - torch.xlogy(p, p.mean(0))).sum(1).mean().exp())


def frechet_distance(features: Tensor, other: Tensor) -> float:
    """The Frechet distance between the Gaussians fitted to two sets of features.

    Small samples overestimate it; compare only distances from samples of the same size.

    Args:
        features, other: (n, units) each, at least two rows.
    """
    features, other = features.double(), other.double()
    return gaussian_distance(features.mean(0), _covariance(features), other.mean(0), _covariance(other))


def gaussian_distance(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), the squared 2-Wasserstein distance of two Gaussians.

    Args:
        mean, other_mean: (units,).
        covariance, other_covariance: (units, units), symmetric and positive semidefinite.
    """
    # tr (S1 S2)^(1/2) is the sum of the singular values of S1^(1/2) S2^(1/2). This avoids square roots of the product's
    # eigenvalues, which rounding can make negative.
    cross = torch.linalg.svdvals(_root(covariance.double()) @ _root(other_covariance.double())).sum()
    offset = (mean.double() - other_mean.double()).square().sum()
    distance = offset + covariance.double().trace() + other_covariance.double().trace() - 2 * cross
    return max(0.0, float(distance))


def pairwise_distance(pictures: Tensor, labels: Tensor) -> float:
    """The mean L2 distance between pictures of the same class, over all pairs; NaN if there is no pair.

    Args:
        pictures: float (n, 3, h, w); the distance has their unit.
        labels: (n,).
    """
    total, pairs = 0.0, 0
    for label in labels.unique():
        of_class = pictures[labels == label].flatten(1).double()
        distances = torch.nn.functional.pdist(of_class)
        total, pairs = total + float(distances.sum()), pairs + len(distances)
    return total / pairs if pairs else float("nan")


def _covariance(features: Tensor) -> Tensor:
    centred = features - features.mean(0)
    return centred.T @ centred / (len(features) - 1)


def _root(matrix: Tensor) -> Tensor:
    """The symmetric square root of a positive semidefinite matrix; negative eigenvalues are rounding errors."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T


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
    """The absolute frequency of each entry of a spectrum across and down the picture, in whole cycles."""
    across, down = np.meshgrid(*[np.abs(np.rint(np.fft.fftfreq(size) * size))] * 2)
    return across, down


def _means(spectrum: Power, groups: npt.NDArray[np.int64]) -> Power:
    """The mean of each group except group 0."""
    sums = np.bincount(groups.ravel(), spectrum.ravel())
    return (sums / np.bincount(groups.ravel()))[1:]
