"""``robust-widgets evaluate tasks``: what a judge makes of each task's pictures, as a table and a report."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from robust_widgets.cli.evaluate.accuracy import BatchSize, Data
from robust_widgets.cli.options import Device, Force, ModelGiven, checked_outputs, report_errors, write_each
from robust_widgets.interface.tasks import default_of, task_names

if TYPE_CHECKING:
    from robust_widgets.evaluation.evaluator import TaskResult
    from robust_widgets.models.classifier import RobustClassifier

Judge: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="MODEL",
        help="A second model, trained on the same data without an attack, that classifies the pictures.",
    ),
]


@report_errors
def tasks(
    model: ModelGiven,
    data: Data,
    judge: Judge,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a report, as .md.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Number of pictures for each task.", show_default="one per class")
    ] = None,
    batch_size: BatchSize = 128,
    force: Force = False,
    device: Device = None,
) -> None:
    """Measure the pictures of the tasks that paint a class or a feature.

    Each task runs with its default parameters; the judge classifies its pictures before and after.
    """
    outputs = checked_outputs([out] if out else [], [".md"], force=force)
    from robust_widgets.evaluation.evaluator import load_evaluator
    from robust_widgets.evaluation.report import result_extras, result_summary
    from robust_widgets.evaluation.tasks import evaluate_tasks
    from robust_widgets.training.data import load_validation

    evaluator = load_evaluator(model, judge, device, batch_size)
    classes = evaluator.model.classes
    pictures = load_validation(data, evaluator.model.input_size, classes)
    count = min(limit or len(classes), len(pictures))
    start_time = time.perf_counter()
    results: list[TaskResult] = []
    for result in evaluate_tasks(evaluator, pictures, count):
        results.append(result)
        typer.echo(
            "\n".join([result_summary(result), *(f"    {name} {value}" for name, value in result_extras(result))])
        )
    if not any(result.task == "paint_features" for result in results):
        typer.echo("paint_features was skipped: there is no feature catalogue next to the model's file")
    verdict = generation_verdict(results)
    typer.echo(verdict)

    facts = {
        "Model": describe(evaluator.model),
        "Judge": describe(evaluator.judge),
        "Pictures": f"{count} of the {len(pictures)} validation pictures of {data.resolve().name}, chosen with seed 0, "
        "one class after the other",
        "Device": f"{evaluator.model.device}, {(time.perf_counter() - start_time) / 60:.0f} minutes in all",
    }
    command = ["robust-widgets", "evaluate", "tasks", model, str(data), "--judge", judge]
    command += ["--limit", str(limit)] if limit else []
    command += ["--out", str(out)]
    text = report(shlex.join(command), facts, results, classes, verdict)
    write_each(((path, lambda file: file.write(text.encode("utf-8"))) for path in outputs), force=force)


def generation_verdict(results: Iterable[TaskResult]) -> str:
    """Whether the judge recognises enough of the generated pictures."""
    from robust_widgets.evaluation.report import GENERATION_TARGET

    result = next(result for result in results if result.task == "generate")
    right, count = int(result.after.sum()), len(result)
    verdict = "reached" if right >= GENERATION_TARGET * count else "missed"
    return (
        f"Generation: the judge recognises {right} of {count} pictures, {right / count:.1%}. "
        f"The target of {GENERATION_TARGET:.0%} is {verdict}."
    )


def describe(model: RobustClassifier) -> str:
    """What identifies a model, and its accuracy."""
    card = model.card
    trained = f"trained for {card.norm} {card.radius:g}" if card.norm else "trained without an attack"
    accuracies = "; ".join(f"{attack} {value:.1%}" for attack, value in card.accuracies.items()) or "not measured"
    return f"`{card.name}`, {card.architecture}, {trained}, fingerprint `{model.fingerprint}`; accuracy: {accuracies}"


def report(
    command: str, facts: dict[str, str], results: Sequence[TaskResult], classes: Sequence[str], verdict: str
) -> str:
    """The results as a Markdown file."""
    from robust_widgets.evaluation.report import COLUMNS, result_extras, result_row, table

    generated = next(result for result in results if result.task == "generate")
    by_class = [(name, *_class_counts(generated, label)) for label, name in enumerate(classes)]
    parameters = [
        (task, *(f"{default_of(task, name):g}" for name in ("steps", "epsilon", "step_size")))
        for task in task_names()
        if any(result.task == task for result in results)
    ]
    extras = [(result.task, result.setting, name, value) for result in results for name, value in result_extras(result)]
    return "\n".join(
        [
            "# Quality of the tasks",
            "",
            "A second classifier, the judge, classifies each task's pictures. It was trained without adversarial",
            "training and takes no part in the painting. Each column is the share of pictures classified as the",
            "target: by the judge at the start and at the end of the run, and by the painting model at the end.",
            "",
            "Made by:",
            "",
            f"    {command}",
            "",
            *(f"- {name}: {text}" for name, text in facts.items()),
            "",
            verdict,
            "",
            *table(COLUMNS, map(result_row, results)),
            "",
            "## Further metrics",
            "",
            "Errors and changes are in the unit named. The area outside a mask is compared with the original picture.",
            "",
            *table(("task", "setting", "metric", "value"), extras),
            "",
            "## Generation by class",
            "",
            *table(("class", "pictures", "judge", "model"), by_class),
            "",
            "## Parameters",
            "",
            "All at their defaults; epsilon and step size in pixels at 224.",
            "",
            *table(("task", "steps", "epsilon", "step size"), parameters),
            "",
        ]
    )


def _class_counts(result: TaskResult, label: int) -> tuple[str, str, str]:
    of_class = result.of_class(label)
    return str(len(of_class)), str(int(of_class.after.sum())), str(int(of_class.by_model.sum()))
