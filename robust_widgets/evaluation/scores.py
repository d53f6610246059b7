"""Whether a model is as often right as it says: confidence beside accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BINS = 15


@dataclass(frozen=True)
class Calibration:
    """Confidence and accuracy of a model, by confidence.

    Attributes:
        counts: pictures whose highest probability falls in each of the equally wide bins of (0, 1].
        confidence: the mean of that probability in each bin; 0 where there is no picture.
        accuracy: the share of them the model was right about, in [0, 1]; 0 where there is no picture.
    """

    counts: tuple[int, ...]
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]

    @property
    def error(self) -> float:
        """The expected calibration error: the mean of |confidence - accuracy| over the pictures, bin by bin."""
        gaps = tuple(abs(said - right) for said, right in zip(self.confidence, self.accuracy, strict=True))
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
    """Sort a model's answers by their confidence.

    Args:
        probabilities: (n, classes), at least one row.
        labels: the true classes, int64 (n,).
        bins: how many equally wide bins; 15 is the field's usual choice.
    """
    confidence, answer = probabilities.double().max(1)
    right = (answer == labels).double()
    which = (confidence * bins).ceil().long().clamp(1, bins) - 1

    def total(values: Tensor) -> Tensor:
        return torch.zeros(bins, dtype=torch.float64).index_add(0, which, values)

    counts = total(torch.ones_like(confidence))
    each = counts.clamp_min(1)
    return Calibration(
        tuple(int(count) for count in counts.tolist()),
        tuple((total(confidence) / each).tolist()),
        tuple((total(right) / each).tolist()),
    )


def classifier_score(probabilities: Tensor) -> float:
    """exp(mean KL(p(y|x) || p(y))): the Inception Score's formula on any classifier.

    It is 1 where every picture gets the same answer, and at most the number of classes: reached where the classifier
    is certain of each picture and sees every class equally often.

    Args:
        probabilities: (n, classes), each row sums to 1.
    """
    each = probabilities.double()
    mean = each.mean(0)
    return float((torch.xlogy(each, each) - torch.xlogy(each, mean)).sum(1).mean().exp())


def frechet_distance(one: Tensor, other: Tensor) -> float:
    """The Frechet distance between the Gaussians that fit two sets of features.

    An estimate from few pictures is too large, the more so the fewer they are; compare only figures that were made
    from as many.

    Args:
        one, other: (n, units) each, at least two rows.
    """
    one, other = one.double(), other.double()
    return gaussian_distance(one.mean(0), _covariance(one), other.mean(0), _covariance(other))


def gaussian_distance(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), the squared 2-Wasserstein distance of two Gaussians.

    Args:
        mean, other_mean: (units,).
        covariance, other_covariance: (units, units), symmetric and positive semidefinite.
    """
    # The trace of (S1 S2)^(1/2) is the sum of the singular values of S1^(1/2) S2^(1/2), which takes no square root of
    # a product's eigenvalues: those may be negative by rounding.
    shared = torch.linalg.svdvals(_root(covariance.double()) @ _root(other_covariance.double())).sum()
    apart = (mean.double() - other_mean.double()).square().sum()
    distance = apart + covariance.double().trace() + other_covariance.double().trace() - 2 * shared
    return max(0.0, float(distance))


def pairwise_distance(pictures: Tensor, labels: Tensor) -> float:
    """The mean L2 distance between two pictures of the same class, over all pairs; NaN without such a pair.

    Args:
        pictures: float (n, 3, h, w); the distance is in their unit.
        labels: (n,).
    """
    total, pairs = 0.0, 0
    for label in labels.unique():
        own = pictures[labels == label].flatten(1).double()
        distances = torch.nn.functional.pdist(own)
        total, pairs = total + float(distances.sum()), pairs + len(distances)
    return total / pairs if pairs else float("nan")


def _covariance(features: Tensor) -> Tensor:
    centred = features - features.mean(0)
    return centred.T @ centred / (len(features) - 1)


def _root(matrix: Tensor) -> Tensor:
    """The symmetric square root of a positive semidefinite matrix; eigenvalues below zero are rounding."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T
