"""Measurements of the tasks, one or more for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from robust_widgets.evaluation.evaluator import (
    BATCH_SIZE,
    Evaluator,
    TaskResult,
    choose_pictures,
    colour_blobs,
    crude_sketches,
    interleaved,
    of_other_classes,
    share,
    square,
)
from robust_widgets.interface.tasks import TaskSpec, task_specs
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.features import has_features, model_features
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.tensors import from_pixels, resize, to_pixels
from robust_widgets.runs.trace import Trace
from robust_widgets.synthesis.objectives import CrossEntropy, Objective
from robust_widgets.synthesis.objectives.layers import Activation
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks.running.problems import preserve_outside
from robust_widgets.tasks.running.run import task_problem
from robust_widgets.tasks.super_resolve import low_resolution, low_resolution_error
from robust_widgets.training.data import PictureSet

GENERATE = "generate"
SEEDS = 4
FACTORS = (2, 4, 7, 8)
HOLE_SHARE = 1 / 6
PAINTED_SHARE = 1 / 4


def evaluate_tasks(evaluator: Evaluator, data: PictureSet, count: int, seed: int = 0) -> Iterator[TaskResult]:
    """Measure the tasks with their default parameters.

    Feature painting is skipped if there is no feature catalogue next to the model's weights. A task without a
    measurement of its own here starts from photographs, if it takes a picture and no mask.

    Args:
        evaluator: the model and its judge.
        data: labelled pictures that the models were not trained on, classes in the models' order.
        count: how many of them each measurement starts from.
        seed: of their choice, and of the target classes.
    """
    for measurement in task_measurements(evaluator, data, count, seed).values():
        yield measurement()


def task_measurements(
    evaluator: Evaluator, data: PictureSet, count: int, seed: int = 0
) -> dict[str, Callable[[], TaskResult]]:
    """The measurements of `evaluate_tasks` by name, to be called; arguments as there."""
    chosen = choose_pictures(data, count, seed)
    blobs = colour_blobs(data)[chosen.labels]
    crude = crude_sketches(chosen.floats())
    measurements: dict[str, Callable[[], TaskResult]] = {
        GENERATE: partial(generation, evaluator),
        "sketch_to_image, crude": partial(sketching, evaluator, crude, chosen.labels, "photographs made crude"),
        "sketch_to_image, blob": partial(sketching, evaluator, blobs, chosen.labels, "a blob in the class's colours"),
        "translate": partial(translation, evaluator, chosen, seed),
    }
    measurements |= {
        f"super_resolve, {factor}": partial(super_resolution, evaluator, chosen, factor) for factor in FACTORS
    }
    measurements |= {
        f"inpaint, {penalty}": partial(inpainting, evaluator, chosen, penalty) for penalty in (None, "paper")
    }
    if has_features(evaluator.model):
        measurements["paint_features"] = partial(feature_painting, evaluator, chosen, seed)
    measured = {name.partition(",")[0] for name in measurements}
    for name, spec in task_specs().items():
        if name not in measured and spec.is_batchable and spec.takes_picture:
            measurements[name] = partial(from_photographs, evaluator, spec, chosen, seed)
    return measurements


def from_photographs(evaluator: Evaluator, spec: TaskSpec, chosen: PictureSet, seed: int = 0) -> TaskResult:
    """Run a task on photographs, towards their own class if it expects a picture of it, else a random other class."""
    targets = chosen.labels if spec.shows_class else _other_classes(chosen, seed)
    pictures = chosen.floats()
    same_target = [torch.nonzero(targets == label).flatten() for label in targets.unique()]
    batches = [batch for indices in same_target for batch in indices.split(evaluator.batch_size)]

    def build(part: Tensor) -> Problem:
        return task_problem(spec, evaluator.model, int(targets[part[0]]), {}, picture=pictures[part])

    trace = evaluator.paint(build, len(targets), spec.name, batches)
    setting = "to its own class" if spec.shows_class else "to another class"
    figures = spec.report(trace) if spec.report else {}
    return evaluator.result(setting, trace, targets[torch.cat(batches)], figures=figures)


def generation(evaluator: Evaluator, seeds: int = SEEDS) -> TaskResult:
    """Generation from the first seeds of each class."""
    trace, targets = generated(evaluator, seeds)
    return evaluator.result(f"{seeds} seeds a class", trace, targets)


def generated(evaluator: Evaluator, seeds: int = SEEDS) -> tuple[Trace, Tensor]:
    """The run that generates pictures of every class, as ``generate(name, n=seeds)`` does, and their classes."""
    classes = range(len(evaluator.model.classes))
    starts = torch.cat([task_problem("generate", evaluator.model, label, {"n": seeds}).start for label in classes])
    targets = torch.arange(len(classes)).repeat_interleave(seeds)

    def build(part: Tensor) -> Problem:
        problem = replace(task_problem("generate", evaluator.model, 0, {}), start=starts[part.to(starts.device)])
        return _towards(problem, targets[part])

    return evaluator.paint(build, len(targets), "generate"), targets


def sketching(evaluator: Evaluator, sketches: Tensor, targets: Tensor, setting: str) -> TaskResult:
    """Turn sketches, float (n, 3, h, w) in [0, 1], into pictures of their classes."""

    def build(part: Tensor) -> Problem:
        return _towards(task_problem("sketch_to_image", evaluator.model, 0, {}, picture=sketches[part]), targets[part])

    return evaluator.result(setting, evaluator.paint(build, len(targets), f"sketch_to_image, {setting}"), targets)


def translation(evaluator: Evaluator, chosen: PictureSet, seed: int = 0) -> TaskResult:
    """Translate photographs to a random other class."""
    targets = _other_classes(chosen, seed)
    pictures = chosen.floats()

    def build(part: Tensor) -> Problem:
        return _towards(task_problem("translate", evaluator.model, 0, {}, picture=pictures[part]), targets[part])

    trace = evaluator.paint(build, len(targets), "translate")
    remaining = {
        "judge sees the old class, start": evaluator.share(trace[0].pixels, chosen.labels),
        "judge sees the old class, result": evaluator.share(trace[-1].pixels, chosen.labels),
    }
    return evaluator.result("to another class", trace, targets, remaining)


def super_resolution(evaluator: Evaluator, chosen: PictureSet, factor: int) -> TaskResult:
    """Downscale photographs and enlarge them again, towards their own class."""
    pictures = chosen.floats()

    def build(part: Tensor) -> Problem:
        problem = task_problem("super_resolve", evaluator.model, 0, {"factor": factor}, picture=pictures[part])
        return _towards(problem, chosen.labels[part])

    trace = evaluator.paint(build, len(chosen), f"super_resolve, factor {factor}")
    small = from_pixels(low_resolution(trace))
    size = trace[-1].pixels.shape[1]
    shares = {"judge on the bicubic enlargement": evaluator.share(to_pixels(resize(small, size, size)), chosen.labels)}
    figures = {"low-resolution error, of 1": low_resolution_error(trace)}
    return evaluator.result(f"factor {factor}", trace, chosen.labels, shares, figures)


def inpainting(evaluator: Evaluator, chosen: PictureSet, penalty: str | None) -> TaskResult:
    """Fill a square hole in the middle of photographs, towards their own class."""
    pictures = chosen.floats()
    hole = square(chosen.size, HOLE_SHARE)

    def build(part: Tensor) -> Problem:
        problem = task_problem("inpaint", evaluator.model, 0, {"penalty": penalty}, picture=pictures[part], mask=hole)
        _, outside = preserve_outside(
            penalty, pictures[part].to(evaluator.model.device), hole[None, None].to(evaluator.model.device)
        )
        return _towards(problem, chosen.labels[part], outside)

    setting = "hard mask" if penalty is None else f"penalty {penalty!r}"
    trace = evaluator.paint(build, len(chosen), f"inpaint, {setting}")
    originals = to_pixels(pictures)
    shares = {"judge on the original": evaluator.share(originals, chosen.labels)}
    return evaluator.result(setting, trace, chosen.labels, shares, _outside(trace, originals, hole))


def feature_painting(evaluator: Evaluator, chosen: PictureSet, seed: int = 0) -> TaskResult:
    """Paint features of as many classes as possible into the middle quarter of photographs of other classes.

    The target of each feature is the first of its classes.
    """
    entries = interleaved(model_features(evaluator.model), len(chosen))
    targets = torch.tensor([evaluator.model.class_index(entry.classes[0]) for entry in entries])
    units = torch.tensor([entry.unit for entry in entries])
    pictures = chosen.floats()[of_other_classes(chosen.labels, targets, seed)]
    region = square(chosen.size, PAINTED_SHARE)

    def build(part: Tensor) -> Problem:
        problem = task_problem("paint_features", evaluator.model, 0, {}, picture=pictures[part], mask=region)
        return replace(problem, objective=Activation(units[part].tolist()))

    trace = evaluator.paint(build, len(targets), "paint_features")
    start, result = trace[0].pixels, trace[-1].pixels
    rows = torch.arange(len(targets))
    increased = (
        evaluator.judge_probabilities(result)[rows, targets] > evaluator.judge_probabilities(start)[rows, targets]
    )
    figures = {
        "activation in the region, start": _activation(evaluator.model, start, region, units),
        "activation in the region, result": _activation(evaluator.model, result, region, units),
        **_outside(trace, to_pixels(pictures), region),
    }
    shares = {"judge's probability of the feature's class rose": share(increased)}
    return evaluator.result("one feature, middle quarter", trace, targets, shares, figures)


def _other_classes(chosen: PictureSet, seed: int) -> Tensor:
    """A random class for each picture, other than its own."""
    count = len(chosen.classes)
    shift = torch.randint(1, count, (len(chosen),), generator=torch.Generator().manual_seed(seed))
    return (chosen.labels + shift) % count


def _towards(problem: Problem, targets: Tensor, outside: Objective | None = None) -> Problem:
    """The same problem with a separate target class for each picture."""
    objective: Objective = CrossEntropy(targets)
    return replace(problem, objective=objective if outside is None else objective + outside)


def _outside(trace: Trace, originals: Pixels, region: Tensor) -> dict[str, float]:
    """The changes outside a region, in levels of 255."""
    change = (trace[-1].pixels.astype(float) - originals)[:, ~region.numpy()]
    return {
        "largest change outside, of 255": float(np.abs(change).max()),
        "RMS change outside, of 255": float(np.sqrt((change**2).mean())),
    }


@torch.no_grad()
def _activation(model: RobustClassifier, pixels: Pixels, region: Tensor, units: Tensor) -> float:
    """The mean activation of each picture's unit, on a crop of the (square) region."""
    rows = torch.nonzero(region.any(1)).flatten()
    inner = slice(int(rows[0]), int(rows[-1]) + 1)
    crop = from_pixels(pixels[:, inner, inner])
    values = [model.features(part.to(model.device)).float().cpu() for part in crop.split(BATCH_SIZE)]
    return float(torch.cat(values).gather(1, units[:, None]).mean())
