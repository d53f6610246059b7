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
