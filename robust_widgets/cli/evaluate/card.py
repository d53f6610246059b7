"""``robust-widgets evaluate card``: measure everything, and write a model card with pictures."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robust_widgets.cli.evaluate.accuracy import (
    AttackKinds,
    AutoattackEpsilons,
    AutoattackLimit,
    BatchSize,
    Data,
    Epsilons,
    Limit,
    Norm,
    Steps,
    attack_plan,
)
from robust_widgets.cli.evaluate.tasks import Judge
from robust_widgets.cli.options import Device, Force, ModelGiven, checked_outputs, report_errors, write_each

if TYPE_CHECKING:
    from robust_widgets.evaluation.model_card import CardMetrics, CardOptions

FOLDER_SUFFIX = "-card"


@report_errors
def card(
    model: ModelGiven,
    data: Data,
    judge: Judge,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="The card to write, as .md, with a folder of pictures and a .json file of metrics."
        ),
    ],
    attack: AttackKinds = None,
    norm: Norm = None,
    epsilon: Epsilons = None,
    steps: Steps = 20,
    limit: Limit = None,
    autoattack_limit: AutoattackLimit = None,
    autoattack_epsilon: AutoattackEpsilons = None,
    batch_size: BatchSize = 128,
    seeds: Annotated[int, typer.Option(min=2, help="Pictures of each class to generate and judge.")] = 16,
    tasks: Annotated[bool, typer.Option("--tasks", help="Also measure the pictures of all six tasks.")] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Ignore the metrics in the .json file and earlier AutoAttack results.")
    ] = False,
    force: Force = False,
    device: Device = None,
) -> None:
    """Measure everything and write a model card.

    Metrics are saved as soon as they are measured, so an interrupted run continues where it stopped. The card itself is
    written last.
    """
    (out,) = checked_outputs([out], [".md"], force=force)
    from robust_widgets._files import atomic_write, check_output, make_folder
    from robust_widgets.evaluation.evaluator import load_evaluator
    from robust_widgets.evaluation.model_card import CardOptions, measure_card
    from robust_widgets.evaluation.model_card_text import CardContext, card_text
    from robust_widgets.evaluation.result_cache import ResultCache
    from robust_widgets.training.data import load_validation

    evaluator = load_evaluator(model, judge, device, batch_size)
    plan = attack_plan(
        evaluator.model,
        attack,
        norm,
        epsilon,
        steps=steps,
        limit=limit,
        autoattack_limit=autoattack_limit,
        autoattack_epsilons=tuple(autoattack_epsilon or ()),
        batch_size=batch_size,
        use_cache=not no_cache,
    )
    options = CardOptions(plan, seeds, tasks, use_cache=not no_cache)
    folder, metrics_file = card_files(out)
    if not metrics_file.exists():  # else the folder is this card's
        check_output(folder, overwrite=force)
    cache = ResultCache(metrics_file)
    pictures = load_validation(data, evaluator.model.input_size, evaluator.model.classes)
    make_folder(folder)
    metrics = measure_card(evaluator, pictures, options, cache, folder, typer.echo)
    for name, chart in charts(metrics, evaluator.model.classes).items():
        atomic_write(folder / name, lambda file, chart=chart: file.write(chart))
    context = CardContext(
        evaluator.model,
        evaluator.judge,
        (data.resolve().name, len(pictures)),
        command_line(model, data, judge, out, options),
        folder.name,
        metrics_file.name,
    )
    text = card_text(context, metrics)
    write_each([(out, lambda file: file.write(text.encode("utf-8")))], force=force)
    typer.echo(f"its pictures are in {folder}, its metrics in {metrics_file}")


def card_files(out: Path) -> tuple[Path, Path]:
    """A card's folder of pictures and file of metrics, both next to it."""
    return out.with_name(out.stem + FOLDER_SUFFIX), out.with_suffix(".json")


def charts(metrics: CardMetrics, classes: Sequence[str]) -> dict[str, bytes]:
    """The charts of a card as PNG, by file name."""
    from robust_widgets.evaluation.charts import classes_chart, reliability_chart, spectrum_chart

    largest = max(metrics.attacked, key=lambda counts: sum(counts.pictures))
    right = {"clean": largest.clean} | {
        counts.attack: counts.robust for counts in metrics.attacked if counts.pictures == largest.pictures
    }
    accuracies = {
        name: [part / count if count else float("nan") for part, count in zip(parts, largest.pictures, strict=True)]
        for name, parts in right.items()
    }
    painting = metrics.painting
    sets = {"generated": painting.generated, "photographs": painting.photographs, "noise": painting.noise}
    return {
        "classes.png": classes_chart(classes, accuracies),
        "reliability.png": reliability_chart(metrics.calibration),
        "spectrum.png": spectrum_chart({name: (part.rings, part.axes) for name, part in sets.items()}, painting.side),
    }


def command_line(model: str, data: Path, judge: str, out: Path, options: CardOptions) -> str:
    """The command that makes the card, with files by their names alone."""
    from robust_widgets.training.accuracy import AttackPlan

    plan = options.attacks
    words = ["robust-widgets", "evaluate", "card", Path(model).name, data.resolve().name]
    words += ["--judge", Path(judge).name, "--out", out.name, "--norm", plan.norm]
    for epsilon in plan.epsilons:
        words += ["--epsilon", f"{epsilon:g}"]
    for kind in plan.kinds:
        words += ["--attack", kind]
    words += ["--steps", str(plan.steps), "--seeds", str(options.seeds)]
    words += ["--limit", str(plan.limit)] if plan.limit else []
    words += ["--autoattack-limit", str(plan.autoattack_limit)] if plan.autoattack_limit else []
    for epsilon in plan.autoattack_epsilons:
        words += ["--autoattack-epsilon", f"{epsilon:g}"]
    words += ["--batch-size", str(plan.batch_size)] if plan.batch_size != AttackPlan.batch_size else []
    words += ["--tasks"] if options.tasks else []
    return shlex.join(words)
