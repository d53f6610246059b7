"""Empirical robustness estimates: how far pictures must move until the model's decision changes.

A minimization attack: descend the margin in growing steps until the decision changes, then bisect the last step.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from robust_widgets._files import read_cache, write_cache
from robust_widgets.errors import DataError, ParameterError, at_least
from robust_widgets.interface.robustness import Robustness
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.registry import load_model
from robust_widgets.pictures.tensors import Picture, plain_torch, to_batch
from robust_widgets.synthesis.constraints import l2_norm, per_sample
from robust_widgets.synthesis.loop import step
from robust_widgets.synthesis.objectives import Classifier, CrossEntropy, Objective
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step
from robust_widgets.units import raw_pixels

DEFAULT_COUNT = 4
CONFIDENCE = 0.9  # at which a picture that the model paints is done
NOISE = 0.02
# The first step, in pixels at 224, and the factor from each step to the next; 25 steps cross all of [0, 1].
INITIAL_STEP, GROWTH_FACTOR, STEPS = 0.1, 1.3, 25
BISECTION_STEPS = 4

Labels: TypeAlias = str | int | Iterable[str | int]
ShouldContinue: TypeAlias = Callable[[], bool]
Criterion: TypeAlias = Callable[[Tensor], Tensor]  # logits (n, classes) -> bool (n,)


@plain_torch()
def measure_robustness(
    model: RobustClassifier | str,
    pictures: Picture | Sequence[Picture] | None = None,
    labels: Labels | None = None,
    *,
    count: int = DEFAULT_COUNT,
    seed: int = 0,
) -> Robustness:
    """Measure a model's robustness and record it on its card.

    Args:
        model: the classifier, or what :func:`robust_widgets.load_model` loads.
        pictures: photographs that the model can classify; anything :func:`robust_widgets.pictures.tensors.to_batch`
            takes. By default the model paints some itself, which takes a few seconds on a CPU at 64 pixels.
        labels: the class of each picture, by name or index; misclassified pictures are skipped. By default the model's
            own predictions count as correct.
        count: how many pictures the model paints; their classes are evenly spread.
        seed: of the noise on the grey that painting starts from.

    Returns:
        The L2 distance within which half of the decisions hold. It comes from an attack of about 20 steps, so it is an
        upper bound. On pictures that the model painted it was 1.3 to 3 times as large as on photographs; use it to
        tell a robust model from a standard one.

    Raises:
        DataError: no picture is classified correctly, or the model cannot paint pictures it is confident about.
        ParameterError: ``count`` is below 1, or the number of labels differs from the number of pictures.
        PictureError, UnknownNameError: a picture cannot be read, or a class is unknown.
    """
    model = model if isinstance(model, RobustClassifier) else load_model(model)
    result = estimate(model, pictures, labels, count=count, seed=seed)
    assert result is not None
    model.card = dataclasses.replace(model.card, measured=result)
    return result


def estimate(
    model: RobustClassifier,
    pictures: Picture | Sequence[Picture] | None = None,
    labels: Labels | None = None,
    *,
    count: int = DEFAULT_COUNT,
    seed: int = 0,
    should_continue: ShouldContinue = lambda: True,
) -> Robustness | None:
    """As :func:`measure_robustness`, but leaves the card alone.

    Returns:
        None if ``should_continue``, called before each step, returned False.
    """
    with model.in_full_precision():
        own = pictures is None
        start = (
            _paint_pictures(model, labels, count, seed, should_continue)
            if pictures is None
            else _correct_pictures(model, pictures, labels)
        )
        if start is None:
            return None
        originals, classes = start
        problem = Problem(model, originals, _Margin(classes), L2Step(1.0), STEPS)
        changed = _line_search(problem, lambda logits: logits.argmax(1) != classes, should_continue)
    if changed is None:
        return None
    distances = l2_norm(changed.pictures - originals)
    distances[~changed.reached] = math.inf
    median = float(distances.double().quantile(0.5, interpolation="lower"))
    return Robustness(median, originals.shape[-1], len(originals), own=own)


class _Margin(Objective):
    """How far the logit of a sample's class is above the next; descending it changes the decision."""

    def __init__(self, classes: Tensor) -> None:
        self.classes = classes[:, None]

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        logits = model(x)
        others = logits.scatter(1, self.classes, -torch.inf)
        return logits.gather(1, self.classes)[:, 0] - others.amax(1)

    def __repr__(self) -> str:
        return "Margin"


def _paint_pictures(
    model: RobustClassifier,
    labels: Labels | None,
    count: int,
    seed: int,
    should_continue: ShouldContinue,
) -> tuple[Tensor, Tensor] | None:
    """Pictures that the model paints from grey until it is confident, and their classes."""
    if labels is not None:
        raise ParameterError("There are labels but no pictures; give the pictures, too.")
    count = at_least(1, count=count)
    start, classes = _noisy_grey(model, count, seed), _spread_classes(model, count)
    painted = _line_search(
        Problem(model, start, CrossEntropy(classes), L2Step(1.0), STEPS),
        lambda logits: logits.softmax(1).gather(1, classes[:, None])[:, 0] >= CONFIDENCE,
        should_continue,
    )
    if painted is None:
        return None
    if 2 * int(painted.reached.sum()) < count:
        raise DataError(
            f"{model.card.name!r} is not confident about the pictures it painted; measure it on photographs: "
            "rw.measure_robustness(model, pictures, labels)."
        )
    return painted.pictures[painted.reached], classes[painted.reached]


def _noisy_grey(model: RobustClassifier, count: int, seed: int) -> Tensor:
    size, generator = model.input_size, torch.Generator().manual_seed(seed)
    noise = NOISE * torch.randn((count, 3, size, size), generator=generator, dtype=torch.float32)
    return (0.5 + noise).clamp(0, 1).to(model.device)


def _spread_classes(model: RobustClassifier, count: int) -> Tensor:
    """The classes to paint, evenly spread, repeated where there are fewer than ``count``; int64 (count,)."""
    total = len(model.classes)
    return (torch.arange(count) * max(1, total // count) % total).to(model.device)


def _correct_pictures(
    model: RobustClassifier, pictures: Picture | Sequence[Picture], labels: Labels | None
) -> tuple[Tensor, Tensor]:
    """The pictures that the model classifies correctly, and their classes."""
    batch = to_batch(pictures, model.input_size).to(model.device)
    with torch.no_grad():
        predicted = model(batch).argmax(1)
    if labels is None:
        return batch, predicted
    each = [labels] if isinstance(labels, str) or not isinstance(labels, Iterable) else list(labels)
    if len(each) != len(batch):
        raise ParameterError(f"There are {len(each)} labels for {len(batch)} pictures; give a list with one for each.")
    right = predicted == torch.tensor([model.class_index(label) for label in each], device=model.device)
    if not right.any():
        raise DataError(
            f"{model.card.name!r} classifies none of the {len(batch)} pictures correctly, so there is no decision to "
            "attack; give other pictures, or check the labels."
        )
    return batch[right], predicted[right]


@dataclass(frozen=True)
class _SearchResult:
    """Where a line search ended: pictures (n, 3, h, w), and whether each met the criterion, bool (n,)."""

    pictures: Tensor
    reached: Tensor


def _line_search(problem: Problem, criterion: Criterion, should_continue: ShouldContinue) -> _SearchResult | None:
    """Descend in growing steps until each sample meets the criterion; None if told not to continue."""
    x, state = problem.init()
    previous = x
    reached = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    before, after = x.clone(), x.clone()
    step_size = raw_pixels(INITIAL_STEP, x.shape[-1])
    for _ in range(STEPS):
        if not should_continue():
            return None
        following, info, state = step(dataclasses.replace(problem, stepper=L2Step(step_size)), x, state)
        assert info.logits is not None
        new = criterion(info.logits) & ~reached
        before[new], after[new] = previous[new], x[new]
        reached |= new
        if reached.all():
            break
        x, previous, step_size = following, x, step_size * GROWTH_FACTOR
    return _SearchResult(_bisect(problem.model, before, after, reached, criterion), reached)


@torch.no_grad()
def _bisect(model: Classifier, before: Tensor, after: Tensor, reached: Tensor, criterion: Criterion) -> Tensor:
    """Where between two pictures each sample first meets the criterion; samples that never do stay put."""
    low, high = after.new_zeros(len(after)), after.new_ones(len(after))
    for _ in range(BISECTION_STEPS):
        middle = (low + high) / 2
        met = criterion(model(torch.lerp(before, after, per_sample(middle, after)))) | ~reached
        high, low = torch.where(met, middle, high), torch.where(met, low, middle)
    return torch.lerp(before, after, per_sample(high, after))


CACHE_KIND = "robustness"
METHOD = (1, DEFAULT_COUNT, CONFIDENCE, NOISE, INITIAL_STEP, GROWTH_FACTOR, STEPS, BISECTION_STEPS)


def cached_estimate(model: RobustClassifier, should_continue: ShouldContinue = lambda: True) -> Robustness | None:
    """The estimate on pictures that the model paints itself, cached on disk.

    Args:
        model: the classifier.
        should_continue: called before each step of a measurement.

    Returns:
        None if ``should_continue`` returned False.

    Raises:
        DataError: the model cannot paint pictures it is confident about.
    """
    key = _cache_key(model)
    with contextlib.suppress(TypeError):  # written by a version with other fields
        return Robustness(**(read_cache(CACHE_KIND, key) or {}))
    result = estimate(model, should_continue=should_continue)
    if result is not None:
        write_cache(CACHE_KIND, key, dataclasses.asdict(result))
    return result


def _cache_key(model: RobustClassifier) -> tuple[object, ...]:
    """The weights, the normalisation, the size and the method."""
    card = model.card
    return model.fingerprint, card.architecture, card.mean, card.std, card.input_size, METHOD
