"""Quality of generated pictures, in comparison with photographs and noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from robust_widgets.evaluation.evaluator import BATCH_SIZE, Evaluator, choose_pictures, share
from robust_widgets.evaluation.scores import (
    Ratio,
    axial,
    classifier_score,
    frechet_distance,
    pairwise_distance,
    power,
    radial,
    ratio,
)
from robust_widgets.evaluation.tasks import generated
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.tensors import from_pixels, resize, to_pixels
from robust_widgets.training.data import PictureSet

SEEDS = 16


@dataclass(frozen=True)
class PictureMetrics:
    """Metrics of one set of pictures, some relative to a reference: as many other photographs.

    Attributes:
        hits: the judge's accuracy on them, in [0, 1].
        score: the classifier score; see :func:`classifier_score`.
        distance: the Frechet distance between the judge's penultimate features and those of the reference.
        diversity: the mean L2 distance between two pictures of a class, in raw pixels.
        rings, axes: power relative to the reference, on rings and on the axes; see :mod:`.spectrum`.
    """

    hits: float
    score: float
    distance: float
    diversity: float
    rings: Ratio
    axes: Ratio


@dataclass(frozen=True)
class GenerationMetrics:
    """Metrics of three sets of the same size and the same classes.

    Attributes:
        each: pictures of each class in each set.
        side: width and height of the pictures in pixels.
        generated: from the first seeds of each class, with default parameters.
        photographs: a sample of the validation pictures, without overlap with the reference.
        noise: Gaussian, with the photographs' mean and standard deviation in each channel.
        judge: the judge's accuracy, in [0, 1], on all photographs used: the reference and the sample.
    """

    each: int
    side: int
    generated: PictureMetrics
    photographs: PictureMetrics
    noise: PictureMetrics
    judge: float


def measure_generation(
    evaluator: Evaluator,
    data: PictureSet,
    seeds: int = SEEDS,
    on_generated: Callable[[Pixels, Tensor], object] | None = None,
) -> GenerationMetrics:
    """Generate pictures of every class and measure them.

    Args:
        evaluator: the model and its judge.
        data: labelled photographs that neither was trained on, classes in the models' order.
        seeds: pictures of each class; at most half as many as there are photographs of any class.
        on_generated: called with the generated pictures, uint8 (n, size, size, 3), and their classes, (n,).
    """
    each = max(1, min(seeds, int(data.labels.bincount(minlength=len(data.classes)).min()) // 2))
    first, second = disjoint_samples(data, each)
    trace, targets = generated(evaluator, each)
    pixels = trace[-1].pixels
    if on_generated is not None:
        on_generated(pixels, targets)
    reference = _Reference(evaluator.judge, _pixels(first))
    return GenerationMetrics(
        each,
        data.size,
        reference.compare(pixels, targets),
        reference.compare(_pixels(second), second.labels),
        reference.compare(noise_like(reference.pixels, len(targets)), targets),
        evaluator.share(np.concatenate([reference.pixels, _pixels(second)]), torch.cat([first.labels, second.labels])),
    )


def disjoint_samples(data: PictureSet, each: int, seed: int = 0) -> tuple[PictureSet, PictureSet]:
    """Two random samples of ``each`` pictures per class, without overlap."""
    chosen = choose_pictures(data, 2 * each * len(data.classes), seed)
    order = torch.arange(len(chosen)) // len(data.classes) % 2 == 0
    first, second = (PictureSet(chosen.pictures[part], chosen.labels[part], chosen.classes) for part in (order, ~order))
    return first, second


def noise_like(pixels: Pixels, count: int, seed: int = 0) -> Pixels:
    """Gaussian noise with the mean and standard deviation of each channel of ``pixels``; uint8 (count, h, w, 3)."""
    values = from_pixels(pixels)
    mean, std = values.mean((0, 2, 3), keepdim=True), values.std((0, 2, 3), keepdim=True)
    draws = torch.randn((count, *values.shape[1:]), dtype=torch.float32, generator=torch.Generator().manual_seed(seed))
    return to_pixels((mean + std * draws).clamp(0, 1))


class _Reference:
    """The photographs that other sets are compared with."""

    def __init__(self, judge: RobustClassifier, pixels: Pixels) -> None:
        self.judge, self.pixels = judge, pixels
        self._features, _ = features_and_probabilities(judge, pixels)
        spectrum = power(pixels)
        self._radial, self._axial = radial(spectrum), axial(spectrum)

    def compare(self, pixels: Pixels, labels: Tensor) -> PictureMetrics:
        features, probabilities = features_and_probabilities(self.judge, pixels)
        spectrum = power(pixels)
        return PictureMetrics(
            hits=share(probabilities.argmax(1) == labels),
            score=classifier_score(probabilities),
            distance=frechet_distance(features, self._features),
            diversity=pairwise_distance(from_pixels(pixels), labels),
            rings=ratio(radial(spectrum), self._radial),
            axes=ratio(axial(spectrum), self._axial),
        )


@torch.no_grad()
def features_and_probabilities(judge: RobustClassifier, pixels: Pixels) -> tuple[Tensor, Tensor]:
    """A judge's features (n, units) and probabilities (n, classes) for pictures uint8 (n, h, w, 3)."""
    size = judge.input_size
    features: list[Tensor] = []
    probabilities: list[Tensor] = []
    for batch in from_pixels(pixels).split(BATCH_SIZE):
        pictures = batch if batch.shape[2:] == (size, size) else resize(batch, size, size)
        penultimate = judge.features(pictures.to(judge.device))
        features.append(penultimate.float().cpu())
        probabilities.append(judge.classify(penultimate).float().softmax(1).cpu())
    return torch.cat(features), torch.cat(probabilities)


def _pixels(data: PictureSet) -> Pixels:
    return data.pictures.permute(0, 2, 3, 1).contiguous().numpy()
