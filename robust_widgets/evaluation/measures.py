"""The measurements, one or more a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from robust_widgets.evaluation.evaluator import (
    ASKED_AT_ONCE,
    Bench,
    Finding,
    choose,
    colour_blobs,
    crude_sketches,
    floats,
    interleaved,
    of_other_classes,
    share,
    square,
)
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.features import has_features, model_features
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.tensors import resize, to_pixels
from robust_widgets.runs.trace import Trace
from robust_widgets.synthesis.objectives import Activation, CrossEntropy, Objective
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


def measure(bench: Bench, data: PictureSet, count: int, seed: int = 0) -> Iterator[Finding]:
    """Measure all six tasks with their default parameters.

    Feature painting is left out where no catalogue lies beside the model's weights.

    Args:
        bench: who paints and who judges.
        data: labelled pictures that the models were not trained on, classes in the models' order.
        count: how many of them each measurement starts from.
        seed: decides which, and what they are turned into.
    """
    for measurement in measurements(bench, data, count, seed).values():
        yield measurement()


def measurements(bench: Bench, data: PictureSet, count: int, seed: int = 0) -> dict[str, Callable[[], Finding]]:
    """What `measure` measures, by name and not yet measured; arguments as there."""
    chosen = choose(data, count, seed)
    blobs = colour_blobs(data)[chosen.labels]
    crude = crude_sketches(_floats(chosen))
    named: dict[str, Callable[[], Finding]] = {
        GENERATE: partial(generation, bench),
        "sketch_to_image, crude": partial(sketching, bench, crude, chosen.labels, "photographs made crude"),
        "sketch_to_image, blob": partial(sketching, bench, blobs, chosen.labels, "a blob in the class's colours"),
        "translate": partial(translation, bench, chosen, seed),
    }
    named |= {f"super_resolve, {factor}": partial(super_resolution, bench, chosen, factor) for factor in FACTORS}
    named |= {f"inpaint, {penalty}": partial(inpainting, bench, chosen, penalty) for penalty in (None, "paper")}
    if has_features(bench.model):
        named["paint_features"] = partial(feature_painting, bench, chosen, seed)
    return named


def generation(bench: Bench, seeds: int = SEEDS) -> Finding:
    """What the judge makes of `generated` pictures."""
    trace, targets = generated(bench, seeds)
    return bench.finding(f"{seeds} seeds a class", trace, targets)


def generated(bench: Bench, seeds: int = SEEDS) -> tuple[Trace, Tensor]:
    """Pictures of every class from the first seeds, as ``generate(name, n=seeds)`` makes them, and their classes."""
    classes = range(len(bench.model.classes))
    starts = torch.cat([task_problem("generate", bench.model, label, {"n": seeds}).start for label in classes])
    targets = torch.arange(len(classes)).repeat_interleave(seeds)

    def build(part: Tensor) -> Problem:
        problem = replace(task_problem("generate", bench.model, 0, {}), start=starts[part.to(starts.device)])
        return _towards(problem, targets[part])

    return bench.paint(build, len(targets), "generate"), targets


def sketching(bench: Bench, sketches: Tensor, targets: Tensor, setting: str) -> Finding:
    """Sketches, float (n, 3, h, w) in [0, 1], become pictures of their classes."""

    def build(part: Tensor) -> Problem:
        return _towards(task_problem("sketch_to_image", bench.model, 0, {}, picture=sketches[part]), targets[part])

    return bench.finding(setting, bench.paint(build, len(targets), f"sketch_to_image, {setting}"), targets)


def translation(bench: Bench, chosen: PictureSet, seed: int = 0) -> Finding:
    """Photographs of one class become another, drawn at random."""
    count = len(chosen.classes)
    shift = torch.randint(1, count, (len(chosen),), generator=torch.Generator().manual_seed(seed))
    targets = (chosen.labels + shift) % count
    pictures = _floats(chosen)

    def build(part: Tensor) -> Problem:
        return _towards(task_problem("translate", bench.model, 0, {}, picture=pictures[part]), targets[part])

    trace = bench.paint(build, len(targets), "translate")
    remaining = {
        "judge sees the old class, start": bench.share(trace[0].pixels, chosen.labels),
        "judge sees the old class, result": bench.share(trace[-1].pixels, chosen.labels),
    }
    return bench.finding("to another class", trace, targets, remaining)


def super_resolution(bench: Bench, chosen: PictureSet, factor: int) -> Finding:
    """Photographs made small are enlarged again towards their own class."""
    pictures = _floats(chosen)

    def build(part: Tensor) -> Problem:
        problem = task_problem("super_resolve", bench.model, 0, {"factor": factor}, picture=pictures[part])
        return _towards(problem, chosen.labels[part])

    trace = bench.paint(build, len(chosen), f"super_resolve, factor {factor}")
    small = floats(low_resolution(trace))
    side = trace[-1].pixels.shape[1]
    shares = {"judge on the bicubic enlargement": bench.share(to_pixels(resize(small, side, side)), chosen.labels)}
    figures = {"low-resolution error, of 1": low_resolution_error(trace)}
    return bench.finding(f"factor {factor}", trace, chosen.labels, shares, figures)


def inpainting(bench: Bench, chosen: PictureSet, penalty: str | None) -> Finding:
    """A square hole in the middle of photographs is filled towards their own class."""
    pictures = _floats(chosen)
    hole = square(chosen.side, HOLE_SHARE)

    def build(part: Tensor) -> Problem:
        problem = task_problem("inpaint", bench.model, 0, {"penalty": penalty}, picture=pictures[part], mask=hole)
        _, outside = preserve_outside(
            penalty, pictures[part].to(bench.model.device), hole[None, None].to(bench.model.device)
        )
        return _towards(problem, chosen.labels[part], outside)

    setting = "hard mask" if penalty is None else f"penalty {penalty!r}"
    trace = bench.paint(build, len(chosen), f"inpaint, {setting}")
    originals = to_pixels(pictures)
    shares = {"judge on the original": bench.share(originals, chosen.labels)}
    return bench.finding(setting, trace, chosen.labels, shares, _outside(trace, originals, hole))


def feature_painting(bench: Bench, chosen: PictureSet, seed: int = 0) -> Finding:
    """Features of the catalogue, of as many classes as there are, are painted into photographs of other classes.

    Each feature's target is the first of its classes, and the painted region the middle quarter of the photograph.
    """
    entries = interleaved(model_features(bench.model), len(chosen))
    targets = torch.tensor([bench.model.class_index(entry.classes[0]) for entry in entries])
    units = torch.tensor([entry.unit for entry in entries])
    pictures = _floats(chosen)[of_other_classes(chosen.labels, targets, seed)]
    region = square(chosen.side, PAINTED_SHARE)

    def build(part: Tensor) -> Problem:
        problem = task_problem("paint_features", bench.model, 0, {}, picture=pictures[part], mask=region)
        return replace(problem, objective=Activation(units[part].tolist()))

    trace = bench.paint(build, len(targets), "paint_features")
    start, result = trace[0].pixels, trace[-1].pixels
    rows = torch.arange(len(targets))
    rose = bench.judged(result)[rows, targets] > bench.judged(start)[rows, targets]
    figures = {
        "activation in the region, start": _activation(bench.model, start, region, units),
        "activation in the region, result": _activation(bench.model, result, region, units),
        **_outside(trace, to_pixels(pictures), region),
    }
    shares = {"judge's probability of the feature's class rose": share(rose)}
    return bench.finding("one feature, middle quarter", trace, targets, shares, figures)


def _towards(problem: Problem, targets: Tensor, outside: Objective | None = None) -> Problem:
    """The same problem with a class of its own for each picture."""
    objective: Objective = CrossEntropy(targets)
    return replace(problem, objective=objective if outside is None else objective + outside)


def _floats(chosen: PictureSet) -> Tensor:
    return chosen.pictures.float() / 255


def _outside(trace: Trace, originals: Pixels, region: Tensor) -> dict[str, float]:
    """The change outside a region, in levels of 255."""
    change = (trace[-1].pixels.astype(float) - originals)[:, ~region.numpy()]
    return {
        "largest change outside, of 255": float(np.abs(change).max()),
        "RMS change outside, of 255": float(np.sqrt((change**2).mean())),
    }


@torch.no_grad()
def _activation(model: RobustClassifier, pixels: Pixels, region: Tensor, units: Tensor) -> float:
    """The mean over the pictures of each one's unit, on the square of the region alone."""
    rows = torch.nonzero(region.any(1)).flatten()
    inner = slice(int(rows[0]), int(rows[-1]) + 1)
    cut = floats(pixels[:, inner, inner])
    values = [model.features(part.to(model.device)).float().cpu() for part in cut.split(ASKED_AT_ONCE)]
    return float(torch.cat(values).gather(1, units[:, None]).mean())
