"""Measure everything that a model card says."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from robust_widgets._files import atomic_write
from robust_widgets.benchmark.speed import Speed, speed
from robust_widgets.evaluation.charts import contact_sheet
from robust_widgets.evaluation.evaluator import Evaluator, TaskResult, probabilities
from robust_widgets.evaluation.generation import SEEDS, GenerationMetrics, PictureMetrics, measure_generation
from robust_widgets.evaluation.report import result_extras, result_row
from robust_widgets.evaluation.result_cache import ResultCache, digest
from robust_widgets.evaluation.scores import Calibration, Ratio, calibrate
from robust_widgets.evaluation.tasks import GENERATE, task_measurements
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures import Pixels
from robust_widgets.training.accuracy import AttackPlan, AttackResult, evenly_spaced
from robust_widgets.training.data import PictureSet

CONTACT_SHEET = "generated.png"


@dataclass(frozen=True)
class CardOptions:
    """What to measure for a card.

    Attributes:
        attacks: for accuracy; calibration uses as many pictures as PGD.
        seeds: generated pictures of each class.
        tasks: also measure all six tasks, on one picture per class.
        use_cache: reuse what the metrics file already holds.
    """

    attacks: AttackPlan
    seeds: int = SEEDS
    tasks: bool = False
    use_cache: bool = True


# The fields of the classes below, and of those they hold, are the keys of the file of metrics: don't rename them.


@dataclass(frozen=True)
class ClassCounts:
    """The number of correctly classified pictures of each class.

    Attributes:
        attack: its name.
        pictures, clean, robust: for each class: all pictures, those the model got right, and those it got right both
            before and after the attack.
    """

    attack: str
    pictures: tuple[int, ...]
    clean: tuple[int, ...]
    robust: tuple[int, ...]


@dataclass(frozen=True)
class TaskRow:
    """The result of one measurement of a task, as rows of tables.

    Attributes:
        row: below `report.COLUMNS`.
        further: names and values of further metrics.
    """

    row: tuple[str, ...]
    further: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CardMetrics:
    """All metrics of a card, and how long each part took in seconds."""

    attacked: tuple[ClassCounts, ...]
    calibration: Calibration
    painting: GenerationMetrics
    speed: Speed
    tasks: tuple[TaskRow, ...]
    seconds: dict[str, float]


def measure_card(
    evaluator: Evaluator,
    data: PictureSet,
    options: CardOptions,
    cache: ResultCache,
    folder: Path,
    log: Callable[[str], object] = lambda _: None,
) -> CardMetrics:
    """Measure whatever is not cached yet; each part is cached as soon as it is done.

    Args:
        evaluator: the model and its judge.
        data: the validation pictures.
        options: what to measure.
        cache: results by part.
        folder: where to write the contact sheet of generated pictures.
        log: called with a sentence before each part.

    Raises:
        SaveError: the cache or the contact sheet cannot be written.
    """
    model = evaluator.model
    inputs: dict[str, Any] = {"model": model.fingerprint, "data": digest(data)}
    with_judge = inputs | {"judge": evaluator.judge.fingerprint}
    with_seeds = with_judge | {"drawn from": _seeds_digest(model)}
    seconds: dict[str, float] = {}

    def part(name: str, of: dict[str, Any], measure: Callable[[], Any], needed: Path | None = None) -> dict[str, Any]:
        complete = needed is None or needed.exists()
        known = options.use_cache and complete and cache.has(name, of)
        log(f"{name}: {'known' if known else 'measuring'}")
        result = cache.get(name, of, lambda: dataclasses.asdict(measure()), use_cache=known)
        seconds[name] = cache.seconds(name)
        return result

    chosen = evenly_spaced(len(data), options.attacks.limit)
    calibration = part("calibration", inputs | {"pictures": len(chosen)}, lambda: _calibration(model, data, chosen))
    generation = part(
        "painting",
        with_seeds | {"seeds": options.seeds},
        lambda: measure_generation(
            evaluator, data, options.seeds, lambda pixels, labels: _save_contact_sheet(folder, pixels, labels, data)
        ),
        folder / CONTACT_SHEET,
    )
    machine = {"device": str(model.device), "threads": torch.get_num_threads()}
    timing = part("speed", {"model": model.fingerprint, **machine}, lambda: speed(model))
    attacked = [
        part(
            attack.name,
            inputs | {"pictures": attack.count},
            lambda attack=attack: class_counts(attack.run(model, data), len(data.classes)),
        )
        for attack in options.attacks.attacks(data)
    ]
    measurements = task_measurements(evaluator, data, min(len(data.classes), len(data))) if options.tasks else {}
    tasks = [
        part(
            f"task: {name}",
            with_seeds if name == GENERATE else with_judge,
            lambda measurement=measurement: task_row(measurement()),
        )
        for name, measurement in measurements.items()
    ]
    return CardMetrics(
        tuple(ClassCounts(**_with_tuples(counts)) for counts in attacked),
        Calibration(**_with_tuples(calibration)),
        _generation_metrics(generation),
        Speed(**timing),
        tuple(TaskRow(tuple(task["row"]), tuple((name, value) for name, value in task["further"])) for task in tasks),
        seconds,
    )


def _seeds_digest(model: RobustClassifier) -> str:
    """Identifies the class seeds, which a model's fingerprint leaves out."""
    content = hashlib.sha256()
    for name, value in sorted((model.seeds or {}).items()):
        content.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return content.hexdigest()[:16]


def class_counts(result: AttackResult, classes: int) -> ClassCounts:
    """The counts of each class."""
    by_class = [result.of_class(label) for label in range(classes)]
    return ClassCounts(
        result.attack,
        tuple(len(part) for part in by_class),
        tuple(int(part.clean.sum()) for part in by_class),
        tuple(int(part.robust.sum()) for part in by_class),
    )


def task_row(result: TaskResult) -> TaskRow:
    """A result as its rows of tables."""
    return TaskRow(result_row(result), tuple(result_extras(result)))


def _calibration(model: RobustClassifier, data: PictureSet, chosen: torch.Tensor) -> Calibration:
    pixels = data.pictures[chosen].permute(0, 2, 3, 1).contiguous().numpy()
    return calibrate(probabilities(model, pixels), data.labels[chosen])


def _save_contact_sheet(folder: Path, pixels: Pixels, labels: torch.Tensor, data: PictureSet) -> None:
    sheet = contact_sheet(pixels, labels, data.classes)
    atomic_write(folder / CONTACT_SHEET, lambda file: file.write(sheet))


def _generation_metrics(saved: dict[str, Any]) -> GenerationMetrics:
    """Metrics of generation from JSON."""
    sets: dict[str, Any] = {}
    for name in ("generated", "photographs", "noise"):
        metrics = dict(saved[name])
        for spectrum in ("rings", "axes"):
            metrics[spectrum] = Ratio(tuple(metrics[spectrum]["values"]))
        sets[name] = PictureMetrics(**metrics)
    return GenerationMetrics(**(saved | sets))


def _with_tuples(saved: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in saved.items()}
