"""Figures as Markdown. No torch here."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from robust_widgets._files import atomic_write
from robust_widgets.benchmark.speed import Speed, speed
from robust_widgets.evaluation.charts import contact_sheet
from robust_widgets.evaluation.evaluator import Bench, Finding, probabilities
from robust_widgets.evaluation.measures import GENERATE, measurements
from robust_widgets.evaluation.painting import SEEDS, Figures, Painting, assess
from robust_widgets.evaluation.result_cache import Parts, digest
from robust_widgets.evaluation.scores import Calibration, calibrate
from robust_widgets.evaluation.spectrum import Ratio
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures import Pixels
from robust_widgets.training.accuracy import Attacks, Verdicts, spread
from robust_widgets.training.data import PictureSet

if TYPE_CHECKING:
    from robust_widgets.evaluation.evaluator import Finding


BAR = 0.9  # what the judge must recognise of what is generated
COLUMNS = ("task", "setting", "pictures", "judge: start", "judge: result", "model: result", "within epsilon")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def finding_row(finding: Finding) -> tuple[str, ...]:
    """A finding as a row below `COLUMNS`."""
    kept = "yes" if finding.within else "**no**"
    return finding.task, finding.setting, str(len(finding)), *finding_shares(finding), kept


def finding_shares(finding: Finding) -> tuple[str, str, str]:
    """The shares of a finding that the judge, before and after, and the model itself take for what was asked."""
    before, after, by_model = (
        f"{float(part.double().mean()):.1%}" for part in (finding.before, finding.after, finding.by_model)
    )
    return before, after, by_model


def further(finding: Finding) -> list[tuple[str, str]]:
    """The other figures of a finding, by name."""
    return [
        *((name, f"{value:.1%}") for name, value in finding.shares.items()),
        *((name, f"{value:.3g}") for name, value in finding.figures.items()),
    ]


SHEET = "generated.png"


@dataclass(frozen=True)
class CardOptions:
    """What a card measures.

    Attributes:
        attacks: those that accuracy is measured under; calibration is on as many pictures as PGD.
        seeds: generated pictures of each class.
        tasks: whether all six tasks are measured too, on one picture a class.
        afresh: measure what is already known again.
    """

    attacks: Attacks
    seeds: int = SEEDS
    tasks: bool = False
    afresh: bool = False


@dataclass(frozen=True)
class Attacked:
    """How many pictures of each class a model was right about.

    Attributes:
        attack: in words.
        pictures, clean, robust: for each class, how many there were, and how many it got right before the attack, and
            both before and after it.
    """

    attack: str
    pictures: tuple[int, ...]
    clean: tuple[int, ...]
    robust: tuple[int, ...]


@dataclass(frozen=True)
class TaskRow:
    """What one measurement of a task found, as the rows of its tables.

    Attributes:
        row: below `tables.COLUMNS`.
        further: names and values of other figures.
    """

    row: tuple[str, ...]
    further: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CardFigures:
    """All figures of a card, and how long each part took in seconds."""

    attacked: tuple[Attacked, ...]
    calibration: Calibration
    painting: Painting
    speed: Speed
    tasks: tuple[TaskRow, ...]
    seconds: dict[str, float]


def measure_card(
    bench: Bench,
    data: PictureSet,
    options: CardOptions,
    parts: Parts,
    folder: Path,
    say: Callable[[str], object] = lambda _: None,
) -> CardFigures:
    """Measure what the parts do not know yet, and keep each part as soon as it is done.

    Args:
        bench: who paints and who judges.
        data: the validation pictures.
        options: what to measure.
        parts: where figures are kept.
        folder: where the sheet of generated pictures is written.
        say: called with a sentence before each part.

    Raises:
        SaveError: a part or the sheet cannot be written.
    """
    model = bench.model
    made_of: dict[str, Any] = {"model": model.fingerprint, "data": digest(data)}
    judged = made_of | {"judge": bench.judge.fingerprint}
    drawn = judged | {"drawn from": _seeds_digest(model)}
    seconds: dict[str, float] = {}

    def part(name: str, of: dict[str, Any], measure: Callable[[], Any], needed: Path | None = None) -> dict[str, Any]:
        missing = needed is not None and not needed.exists()
        known = parts.has(name, of) and not options.afresh and not missing
        say(f"{name}: {'known' if known else 'measuring'}")
        found = parts.get(name, of, lambda: dataclasses.asdict(measure()), afresh=not known)
        seconds[name] = parts.seconds(name)
        return found

    chosen = spread(len(data), options.attacks.limit)
    calibration = part("calibration", made_of | {"pictures": len(chosen)}, lambda: _calibration(model, data, chosen))
    figures = part(
        "painting",
        drawn | {"seeds": options.seeds},
        lambda: assess(bench, data, options.seeds, lambda pixels, labels: _keep_sheet(folder, pixels, labels, data)),
        folder / SHEET,
    )
    machine = {"device": str(model.device), "threads": torch.get_num_threads()}
    timed = part("speed", {"model": model.fingerprint, **machine}, lambda: speed(model))
    attacked = [
        part(
            attack.name,
            made_of | {"pictures": attack.count},
            lambda attack=attack: counted(attack.judge(model, data), len(data.classes)),
        )
        for attack in options.attacks.each(data)
    ]
    named = measurements(bench, data, min(len(data.classes), len(data))) if options.tasks else {}
    tasks = [
        part(
            f"task: {name}",
            drawn if name == GENERATE else judged,
            lambda measurement=measurement: task_row(measurement()),
        )
        for name, measurement in named.items()
    ]
    return CardFigures(
        tuple(Attacked(**_tuples(one)) for one in attacked),
        Calibration(**_tuples(calibration)),
        _painting(figures),
        Speed(**timed),
        tuple(TaskRow(tuple(one["row"]), tuple((name, value) for name, value in one["further"])) for one in tasks),
        seconds,
    )


def _seeds_digest(model: RobustClassifier) -> str:
    """Tells class seeds apart, which are no part of a model's fingerprint."""
    found = hashlib.sha256()
    for name, value in sorted((model.seeds or {}).items()):
        found.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def counted(verdicts: Verdicts, classes: int) -> Attacked:
    """Verdicts as counts of each class."""
    own = [verdicts.of_class(label) for label in range(classes)]
    return Attacked(
        verdicts.attack,
        tuple(len(one) for one in own),
        tuple(int(one.clean.sum()) for one in own),
        tuple(int(one.robust.sum()) for one in own),
    )


def task_row(finding: Finding) -> TaskRow:
    """A finding as what its tables say."""
    return TaskRow(finding_row(finding), tuple(further(finding)))


def _calibration(model: RobustClassifier, data: PictureSet, chosen: torch.Tensor) -> Calibration:
    pixels = data.pictures[chosen].permute(0, 2, 3, 1).contiguous().numpy()
    return calibrate(probabilities(model, pixels), data.labels[chosen])


def _keep_sheet(folder: Path, pixels: Pixels, labels: torch.Tensor, data: PictureSet) -> None:
    sheet = contact_sheet(pixels, labels, data.classes)
    atomic_write(folder / SHEET, lambda file: file.write(sheet))


def _painting(found: dict[str, Any]) -> Painting:
    """A painting's figures from what JSON made of them."""
    sets = {}
    for name in ("generated", "photographs", "noise"):
        of = dict(found[name])
        for which in ("rings", "axes"):
            of[which] = Ratio(tuple(of[which]["values"]))
        sets[name] = Figures(**of)
    return Painting(**(found | sets))


def _tuples(found: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
