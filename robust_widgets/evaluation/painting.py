"""How good generated pictures are as pictures, beside photographs and beside noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from robust_widgets.evaluation.evaluator import ASKED_AT_ONCE, Bench, choose, floats, share
from robust_widgets.evaluation.measures import generated
from robust_widgets.evaluation.scores import classifier_score, frechet_distance, pairwise_distance
from robust_widgets.evaluation.spectrum import Ratio, axial, power, radial, ratio
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.tensors import resize, to_pixels
from robust_widgets.training.data import PictureSet

SEEDS = 16


@dataclass(frozen=True)
class Figures:
    """What was measured of one set of pictures, in part against the reference: other photographs, as many.

    Attributes:
        hits: the share, in [0, 1], that the judge takes for the class each picture is to show.
        score: the classifier score; see :func:`classifier_score`.
        distance: the Frechet distance of the judge's penultimate features to those of the reference.
        diversity: the mean L2 distance between two pictures of a class, in raw pixels.
        rings, axes: their power over the reference's on rings and on the axes; see :mod:`.spectrum`.
    """

    hits: float
    score: float
    distance: float
    diversity: float
    rings: Ratio
    axes: Ratio


@dataclass(frozen=True)
class Painting:
    """The figures of three sets of the same size and the same classes.

    Attributes:
        each: pictures of each class in each set.
        side: of the pictures, in pixels.
        generated: from the first seeds of each class, with the default parameters.
        photographs: drawn from the validation pictures; none of them is in the reference.
        noise: Gaussian, of the photographs' mean and deviation in each channel.
        judge: the judge's accuracy, in [0, 1], on all photographs that were looked at: the reference and the others.
    """

    each: int
    side: int
    generated: Figures
    photographs: Figures
    noise: Figures
    judge: float


def assess(
    bench: Bench, data: PictureSet, seeds: int = SEEDS, show: Callable[[Pixels, Tensor], object] | None = None
) -> Painting:
    """Generate pictures of every class and measure them.

    Args:
        bench: who paints and who judges.
        data: labelled photographs that neither was trained on, classes in the models' order.
        seeds: pictures of each class; as many photographs are needed twice, so fewer where a class has fewer.
        show: called with the generated pictures, uint8 (n, side, side, 3), and their classes, (n,).
    """
    each = max(1, min(seeds, int(data.labels.bincount(minlength=len(data.classes)).min()) // 2))
    reference, others = halves(data, each)
    trace, targets = generated(bench, each)
    pixels = trace[-1].pixels
    if show is not None:
        show(pixels, targets)
    known = _Reference(bench.judge, _pixels(reference))

    return Painting(
        each,
        data.side,
        known.compared(pixels, targets),
        known.compared(_pixels(others), others.labels),
        known.compared(noise_like(known.pixels, len(targets)), targets),
        bench.share(np.concatenate([known.pixels, _pixels(others)]), torch.cat([reference.labels, others.labels])),
    )


def halves(data: PictureSet, each: int, seed: int = 0) -> tuple[PictureSet, PictureSet]:
    """Two sets of ``each`` pictures a class, drawn at random, with none in common."""
    chosen = choose(data, 2 * each * len(data.classes), seed)
    order = torch.arange(len(chosen)) // len(data.classes) % 2 == 0
    first, second = (PictureSet(chosen.pictures[part], chosen.labels[part], chosen.classes) for part in (order, ~order))
    return first, second


def noise_like(pixels: Pixels, count: int, seed: int = 0) -> Pixels:
    """Gaussian noise with the mean and the deviation that each channel of some pictures has; uint8 (count, h, w, 3)."""
    values = floats(pixels)
    mean, deviation = values.mean((0, 2, 3), keepdim=True), values.std((0, 2, 3), keepdim=True)
    draws = torch.randn((count, *values.shape[1:]), generator=torch.Generator().manual_seed(seed))
    return to_pixels((mean + deviation * draws).clamp(0, 1))


class _Reference:
    """The photographs that others are compared with."""

    def __init__(self, judge: RobustClassifier, pixels: Pixels) -> None:
        self.judge, self.pixels = judge, pixels
        self._features, _ = answers(judge, pixels)
        spectrum = power(pixels)
        self._radial, self._axial = radial(spectrum), axial(spectrum)

    def compared(self, pixels: Pixels, labels: Tensor) -> Figures:
        features, probabilities = answers(self.judge, pixels)
        spectrum = power(pixels)
        return Figures(
            hits=share(probabilities.argmax(1) == labels),
            score=classifier_score(probabilities),
            distance=frechet_distance(features, self._features),
            diversity=pairwise_distance(floats(pixels), labels),
            rings=ratio(radial(spectrum), self._radial),
            axes=ratio(axial(spectrum), self._axial),
        )


@torch.no_grad()
def answers(judge: RobustClassifier, pixels: Pixels) -> tuple[Tensor, Tensor]:
    """A judge's features (n, units) and probabilities (n, classes) of pictures uint8 (n, h, w, 3)."""
    side = judge.input_size
    features: list[Tensor] = []
    probabilities: list[Tensor] = []
    for batch in floats(pixels).split(ASKED_AT_ONCE):
        pictures = batch if batch.shape[2:] == (side, side) else resize(batch, side, side)
        found = judge.features(pictures.to(judge.device))
        features.append(found.float().cpu())
        probabilities.append(judge.classify(found).float().softmax(1).cpu())
    return torch.cat(features), torch.cat(probabilities)


def _pixels(data: PictureSet) -> Pixels:
    return data.pictures.permute(0, 2, 3, 1).contiguous().numpy()
