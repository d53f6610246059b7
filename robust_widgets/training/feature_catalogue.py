"""Build the catalogue of a model's features: which classes activate each penultimate unit, and what it looks like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from robust_widgets.interface.session import Feature
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.tensors import resize, to_pixels
from robust_widgets.solvers.run import compiled_minimize
from robust_widgets.synthesis.constraints import L2Ball
from robust_widgets.synthesis.objectives.layers import Activation
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step
from robust_widgets.training.data import PictureSet
from robust_widgets.units import raw_pixels

THUMBNAIL_SIZE = 48
NAMED_CLASSES = 3
EPSILON = 60.0
STEP_SIZE = 1.0
GREY = 0.5
NOISE = 0.05


def make_catalogue(
    model: RobustClassifier,
    data: PictureSet,
    *,
    layer: str | None = None,
    steps: int = 90,
    batch_size: int = 64,
    progress: bool = True,
) -> tuple[Feature, ...]:
    """A catalogue entry for each unit, the most selective first.

    A unit is named after the class that activates it most: by the mean activation over the class's pictures, in
    standard deviations over the classes. Its thumbnail maximises the unit, from grey with faint noise.

    Args:
        model: a model with accessible features.
        data: labelled pictures, classes in the model's order.
        layer: whose channels are the units, one of ``model.layers()``; by default the penultimate layer. The mean
            activation over height and width counts.
        steps: gradient steps of each thumbnail.
        batch_size: pictures per forward pass.
        progress: show a progress bar.

    Raises:
        WeightsError: the model's features are not accessible.
        UnknownNameError: there is no such layer.
    """
    scores = class_scores(model, data, batch_size, progress, layer)
    order = scores.max(1).values.argsort(descending=True).tolist()
    pictures = thumbnails(model, order, layer=layer, steps=steps, batch_size=batch_size, progress=progress)
    counts: Counter[str] = Counter()
    entries: list[Feature] = []
    for unit, thumbnail in zip(order, pictures, strict=True):
        best = scores[unit].argsort(descending=True)[:NAMED_CLASSES].tolist()
        classes = tuple(data.classes[index] for index in best if index == best[0] or scores[unit, index] > 1)
        counts[classes[0]] += 1
        entries.append(Feature(f"{classes[0]} {counts[classes[0]]}", unit, classes, thumbnail))
    return tuple(entries)


@torch.no_grad()
def class_scores(
    model: RobustClassifier, data: PictureSet, batch_size: int, progress: bool, layer: str | None = None
) -> Tensor:
    """Mean activation of each unit for each class, standardised over the classes; float (units, classes)."""
    sums = torch.zeros(0, dtype=torch.float32)
    counts = torch.bincount(data.labels, minlength=len(data.classes)).clamp_min(1)
    batches = torch.arange(len(data)).split(batch_size)
    for index in tqdm(batches, desc="class scores", unit="batch", disable=not progress):
        x = data.floats(index).to(model.device)
        values = model.features(x) if layer is None else model.activations(x, layer).mean((2, 3))
        values = values.float().cpu()
        if not len(sums):
            sums = torch.zeros(len(data.classes), values.shape[1], dtype=torch.float32)
        sums.index_add_(0, data.labels[index], values)
    means = (sums / counts[:, None]).T
    spread, centre = torch.std_mean(means, dim=1, keepdim=True)
    return (means - centre) / spread.clamp_min(1e-6)


def thumbnails(
    model: RobustClassifier,
    units: Sequence[int],
    *,
    layer: str | None = None,
    steps: int,
    batch_size: int,
    progress: bool,
) -> list[Pixels]:
    """A picture that maximises each unit; uint8 (48, 48, 3) each."""
    size = model.input_size
    pictures: list[Pixels] = []
    for first in tqdm(range(0, len(units), batch_size), desc="thumbnails", unit="batch", disable=not progress):
        chosen = units[first : first + batch_size]
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn((1, 3, size, size), generator=generator, dtype=torch.float32)
        start = (GREY + NOISE * noise).clamp(0, 1).expand(len(chosen), -1, -1, -1).to(model.device)
        problem = Problem(
            model=model,
            start=start,
            objective=Activation(chosen, layer=layer),
            stepper=L2Step(raw_pixels(STEP_SIZE, size)),
            steps=steps,
            constraint=L2Ball(raw_pixels(EPSILON, size)),
        )
        small = resize(compiled_minimize(problem)[0], THUMBNAIL_SIZE, THUMBNAIL_SIZE)
        pictures.extend(np.array(picture) for picture in to_pixels(small))
    return pictures
