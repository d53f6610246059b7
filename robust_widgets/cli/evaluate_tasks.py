"""``robust-widgets evaluate --tasks``: what a second model makes of each task's pictures, as a table and a report."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from robust_widgets.cli.outputs import checked_outputs, write_each
from robust_widgets.errors import ParameterError
from robust_widgets.interface.tasks import default_of, task_names

if TYPE_CHECKING:
    from robust_widgets.evaluation.evaluator import Finding
    from robust_widgets.models.classifier import RobustClassifier


def evaluate_tasks(
    model: str,
    data: Path,
    judge: str | None,
    *,
    out: Path | None,
    limit: int | None,
    batch_size: int,
    device: str | None,
) -> None:
    """Measure every task of a model with a judge, print the figures, and write the report where one is asked for.

    Raises:
        ParameterError: there is no judge, or one that cannot judge this model.
    """
    if judge is None:
        raise ParameterError("--tasks needs a second model that looks at the pictures; give its file as --judge.")
    outputs = checked_outputs([out] if out else [], [".md"])
    from robust_widgets.evaluation.evaluator import Bench
    from robust_widgets.evaluation.measures import measure
    from robust_widgets.evaluation.model_card import further
    from robust_widgets.training.data import load_validation

    painter, judging = painter_and_judge(model, judge, device)
    pictures = load_validation(data, painter.input_size, painter.classes)
    count = min(limit or len(painter.classes), len(pictures))
    began = time.perf_counter()
    findings: list[Finding] = []
    for finding in measure(Bench(painter, judging, batch_size), pictures, count):
        findings.append(finding)
        typer.echo("\n".join([summary(finding), *(f"    {name} {value}" for name, value in further(finding))]))
    if not any(finding.task == "paint_features" for finding in findings):
        typer.echo("paint_features was left out: there is no catalogue of features beside the model's file")
    verdict = generation_verdict(findings)
    typer.echo(verdict)

    facts = {
        "Painting model": describe(painter),
        "Judge": describe(judging),
        "Pictures": f"{count} of the {len(pictures)} validation pictures of {data.resolve().name}, drawn with seed 0, "
        "one class after the other",
        "Device": f"{painter.device}, {(time.perf_counter() - began) / 60:.0f} minutes in all",
    }
    command = ["robust-widgets", "evaluate", model, str(data), "--tasks", "--judge", judge]
    command += ["--limit", str(limit)] if limit else []
    command += ["--out", str(out)]
    text = report(shlex.join(command), facts, findings, painter.classes, verdict)
    write_each((path, lambda path: write_text(path, text)) for path in outputs)


def painter_and_judge(model: str, judge: str, device: str | None) -> tuple[RobustClassifier, RobustClassifier]:
    """A model, and a second one that can judge its pictures.

    Raises:
        ParameterError: the judge is the model itself, or knows other classes.
    """
    from robust_widgets.models.registry import load_model

    painter, judging = load_model(model, device=device), load_model(judge, device=device)
    if judging.classes != painter.classes:
        raise ParameterError(
            f"The judge {judge!r} has other classes than {model!r}; give one trained on the same data."
        )
    if judging.fingerprint == painter.fingerprint:
        raise ParameterError("The judge is the model itself, which proves nothing; give a second one.")
    return painter, judging


def write_text(path: Path, text: str) -> None:
    """Write a text whole or not at all; raises SaveError."""
    from robust_widgets._files import atomic_write

    atomic_write(path, lambda file: file.write(text.encode()))


def summary(finding: Finding) -> str:
    """A finding in one line."""
    from robust_widgets.evaluation.model_card import finding_shares

    before, after, by_model = finding_shares(finding)
    kept = "within epsilon" if finding.within else "NOT within epsilon"
    return (
        f"{finding.task}, {finding.setting}: {len(finding)} pictures, judge {before} -> {after}, "
        f"model {by_model}, {kept}"
    )


def generation_verdict(findings: Iterable[Finding]) -> str:
    """Whether the judge recognises enough of what is generated."""
    from robust_widgets.evaluation.model_card import BAR

    finding = next(one for one in findings if one.task == "generate")
    right, count = int(finding.after.sum()), len(finding)
    reached = f"The bar of {BAR:.0%} is {'reached' if right >= BAR * count else 'missed'}."
    return f"Generation: the judge recognises {right} of {count} pictures, {right / count:.1%}. {reached}"


def describe(model: RobustClassifier) -> str:
    """What tells one model from another, and how good it is."""
    card = model.card
    trained = f"trained for {card.norm} {card.radius:g}" if card.norm else "trained without an attack"
    accuracies = "; ".join(f"{attack} {share:.1%}" for attack, share in card.accuracies.items()) or "not measured"
    return f"`{card.name}`, {card.architecture}, {trained}, fingerprint `{model.fingerprint}`; accuracy: {accuracies}"


def report(
    command: str, facts: dict[str, str], findings: Sequence[Finding], classes: Sequence[str], verdict: str
) -> str:
    """The figures as a Markdown file."""
    from robust_widgets.evaluation.model_card import COLUMNS, finding_row, further, table

    generated = next(one for one in findings if one.task == "generate")
    by_class = [(name, *_of_class(generated, label)) for label, name in enumerate(classes)]
    parameters = [
        (task, *(f"{default_of(task, name):g}" for name in ("steps", "epsilon", "step_size"))) for task in task_names()
    ]
    others = [(one.task, one.setting, name, value) for one in findings for name, value in further(one)]
    return "\n".join(
        [
            "# Quality of the tasks",
            "",
            "Each task's pictures are shown to a second classifier, the judge, which was trained without adversarial",
            "training and takes no part in the painting. A share is that of the pictures taken for the class that was",
            "asked for: by the judge at the start of the run and at its end, and by the painting model at its end.",
            "",
            "Made by:",
            "",
            f"    {command}",
            "",
            *(f"- {name}: {text}" for name, text in facts.items()),
            "",
            verdict,
            "",
            *table(COLUMNS, map(finding_row, findings)),
            "",
            "## Further figures",
            "",
            "An error or a change is in the unit named. What is outside a mask is compared with the original picture.",
            "",
            *table(("task", "setting", "figure", "value"), others),
            "",
            "## Generation by class",
            "",
            *table(("class", "pictures", "judge", "model"), by_class),
            "",
            "## Knobs",
            "",
            "All at their defaults; epsilon and step size in pixels at 224.",
            "",
            *table(("task", "steps", "epsilon", "step size"), parameters),
            "",
        ]
    )


def _of_class(finding: Finding, label: int) -> tuple[str, str, str]:
    own = finding.of_class(label)
    return str(len(own)), str(int(own.after.sum())), str(int(own.by_model.sum()))
