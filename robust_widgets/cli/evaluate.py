"""``robust-widgets evaluate``: how good a model is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robust_widgets.cli.error_handling import in_sentences
from robust_widgets.cli.evaluate_card import write_card
from robust_widgets.cli.evaluate_tasks import evaluate_tasks
from robust_widgets.cli.options import Device, ModelGiven
from robust_widgets.errors import ParameterError

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.training.accuracy import Attacks, Verdicts

CARD_SEEDS = 16


@in_sentences
def evaluate(
    model: ModelGiven,
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="A folder of class folders, or one that holds such a folder as val.")
    ],
    attack: Annotated[
        list[str] | None,
        typer.Option(
            metavar="pgd|autoattack",
            help="May be given again. AutoAttack is the field's standard and dear; it needs robust-widgets[evaluate].",
            show_default="pgd",
        ),
    ] = None,
    norm: Annotated[
        str | None, typer.Option(help="Norm of the attack: l2 or linf.", show_default="the one it was trained for")
    ] = None,
    radius: Annotated[
        list[float] | None,
        typer.Option(
            help="Radius of the attack in raw pixels. May be given again.", show_default="the training radius"
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of PGD, each of 2.5 * radius / steps.")] = 20,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, help="Measure on this many pictures, evenly spread.", show_default="all; with --tasks, one a class"
        ),
    ] = None,
    auto_limit: Annotated[
        int | None,
        typer.Option(
            min=1, help="AutoAttack on this many pictures.", show_default="five a class; never more than --limit"
        ),
    ] = None,
    auto_radius: Annotated[
        list[float] | None,
        typer.Option(help="Radius of AutoAttack alone. May be given again.", show_default="those of --radius"),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures attacked or painted at once.")] = 128,
    per_class: Annotated[bool, typer.Option("--per-class", help="Print a row for each class too.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Keep the accuracies in the model's file.")] = False,
    tasks: Annotated[
        bool,
        typer.Option("--tasks", help="Measure the pictures that the six tasks make instead; with --card, too."),
    ] = False,
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="For --tasks and --card: a second model, trained without an attack, that looks at the pictures.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="For --tasks: also write a report, as .md.")] = None,
    card: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Measure everything and write a model card, as .md, with its pictures and figures beside it; what "
            "the figures there already hold is not measured again.",
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=2, help="For --card: pictures of each class that are generated and judged.")
    ] = CARD_SEEDS,
    afresh: Annotated[
        bool,
        typer.Option(
            "--afresh", help="For --card: measure again what is known; without, what AutoAttack found of a batch."
        ),
    ] = False,
    device: Device = None,
) -> None:
    """Measure how good a model and its pictures are.

    Accuracy is that on clean and on attacked pictures; a picture counts for the attacked accuracy only if the model is
    right both before and after the attack. With --tasks, all tasks are run with their default parameters.
    """
    if card is not None and (write or per_class or out):
        raise ParameterError("--card has its own tables and files; leave out --write, --per-class, --out.")
    if card is None and seeds != CARD_SEEDS:
        raise ParameterError("--seeds belongs to --card; give that too.")
    if card is None and afresh and (tasks or "autoattack" not in (attack or ())):
        raise ParameterError("--afresh belongs to --card and to --attack autoattack; give one of them too.")
    if tasks and card is None:
        if attack or norm or radius or auto_limit or auto_radius or per_class or write:
            raise ParameterError(
                "--tasks attacks nothing and keeps nothing; leave out --attack, --norm, --radius, --auto-limit, "
                "--auto-radius, --per-class, --write."
            )
        evaluate_tasks(model, data, judge, out=out, limit=limit, batch_size=batch_size, device=device)
        return
    if (judge or out) and card is None:
        raise ParameterError("--judge belongs to --tasks or --card, and --out to --tasks; give one of them too.")
    from robust_widgets.models.card import is_model_file
    from robust_widgets.models.registry import load_model, model_names

    if write and model in model_names():
        raise ParameterError(
            f"--write changes a file, but {model!r} is a shipped model; give the path of a .safetensors file."
        )
    if write and Path(model).is_file() and not is_model_file(Path(model)):
        raise ParameterError(
            f"--write keeps accuracies in a file of robust-widgets, and {model!r} is another's; leave out --write."
        )
    if write and limit is not None:
        raise ParameterError("--write keeps the accuracies of the whole set; leave out --limit.")
    if write and attack and "autoattack" in attack:
        raise ParameterError("--write keeps accuracies under PGD; leave out --attack autoattack.")
    classifier = load_model(model, device=device)
    from robust_widgets.training.accuracy import PGD, Attacks

    norm, radii = attack_settings(classifier, norm, radius)
    kinds = tuple(dict.fromkeys(attack or [PGD]))
    attacks = Attacks(norm, tuple(radii), kinds, steps, limit, auto_limit, tuple(auto_radius or ()), batch_size, afresh)
    attacks.check(classifier)
    if card is not None:
        from robust_widgets.evaluation.model_card import CardOptions

        write_card(model, data, judge, card, CardOptions(attacks, seeds, tasks, afresh), device=device)
        return
    verdicts = measured(classifier, data, attacks)
    for same in by_count(verdicts):
        typer.echo(accuracy_table(same, classifier.classes if per_class else ()))
    if write:
        from robust_widgets.models.model_file import save_model

        accuracies = classifier.card.accuracies | shares(verdicts)
        classifier.card = dataclasses.replace(classifier.card, accuracies=accuracies)
        save_model(classifier, Path(model))
        typer.echo(f"wrote the accuracies into {model}")


def measured(classifier: RobustClassifier, data: Path, attacks: Attacks) -> list[Verdicts]:
    """What a model makes of the validation pictures of a folder, under each of the attacks."""
    from robust_widgets.training.data import load_validation

    pictures = load_validation(data, classifier.input_size, classifier.classes)
    return [one.judge(classifier, pictures) for one in attacks.each(pictures)]


def by_count(verdicts: Sequence[Verdicts]) -> list[list[Verdicts]]:
    """Those on the same pictures together: attacks that are made on fewer have a table of their own."""
    groups: dict[int, list[Verdicts]] = {}
    for one in verdicts:
        groups.setdefault(len(one), []).append(one)
    return list(groups.values())


def attack_settings(
    classifier: RobustClassifier, norm: str | None, radii: Sequence[float] | None
) -> tuple[str, list[float]]:
    """The norm and radii of the attack: those asked for, else those the model was trained for.

    Raises:
        ParameterError: no radius was given, and the model was not trained for this norm.
    """
    card = classifier.card
    chosen = norm or card.norm or "l2"
    if radii:
        return chosen, list(radii)
    if card.norm != chosen:
        trained = f"for {card.norm}" if card.norm else "without an attack"
        raise ParameterError(
            f"{card.name!r} was trained {trained}, so there is no {chosen} radius to start from; give --radius."
        )
    return chosen, [card.radius]


def shares(verdicts: Sequence[Verdicts]) -> dict[str, float]:
    """The accuracies of several attacks on the same pictures, by name."""
    return {name: share for one in verdicts for name, share in one.shares().items()}


def accuracy_table(verdicts: Sequence[Verdicts], classes: Sequence[str] = ()) -> str:
    """Accuracies in per cent: a row for all pictures, and one for each of these classes."""
    rows = [("all", len(verdicts[0]), shares(verdicts))]
    for label, name in enumerate(classes):
        own = [one.of_class(label) for one in verdicts]
        rows.append((name, len(own[0]), shares(own)))
    columns = list(rows[0][2])
    first = max(len("class"), *(len(name) for name, _, _ in rows))
    lines = ["  ".join(["class".ljust(first), "pictures", *(column.rjust(7) for column in columns)])]
    for name, count, numbers in rows:
        cells = [f"{numbers[column]:.1%}".rjust(max(7, len(column))) for column in columns]
        lines.append("  ".join([name.ljust(first), str(count).rjust(8), *cells]))
    return "\n".join(lines)
