"""``robust-widgets evaluate accuracy``: clean accuracy, and accuracy under attack."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from robust_widgets._files import check_output
from robust_widgets.cli.options import Device, ModelGiven, report_errors
from robust_widgets.errors import ParameterError
from robust_widgets.interface.shards import Shard

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.training.accuracy import AttackPlan, AttackResult

Data: TypeAlias = Annotated[
    Path, typer.Argument(metavar="DATA", help="A folder of class folders, or one with such a folder as val.")
]
AttackKinds: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--attack",
        metavar="pgd|autoattack",
        help="Repeatable. AutoAttack is the standard, and slow; it needs robust-widgets[evaluate].",
        show_default="pgd",
    ),
]
Norm: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Norm of the attack: l2 or linf.", show_default="the one the model was trained for"),
]
Epsilons: TypeAlias = Annotated[
    list[float] | None,
    typer.Option(
        "--epsilon", help="Limit of the attack in raw pixels. Repeatable.", show_default="the one used in training"
    ),
]
Steps: TypeAlias = Annotated[int, typer.Option(min=1, help="PGD steps, each 2.5 * epsilon / steps long.")]
Limit: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Number of pictures, evenly spaced over the set.", show_default="all")
]
AutoattackLimit: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, help="Number of pictures for AutoAttack.", show_default="five per class, at most --limit"),
]
AutoattackEpsilons: TypeAlias = Annotated[
    list[float] | None,
    typer.Option(
        "--autoattack-epsilon", help="Limit for AutoAttack alone. Repeatable.", show_default="those of --epsilon"
    ),
]
BatchSize: TypeAlias = Annotated[int, typer.Option(min=1, help="Pictures processed at once.")]


@report_errors
def accuracy(
    model: ModelGiven,
    data: Data,
    attack: AttackKinds = None,
    norm: Norm = None,
    epsilon: Epsilons = None,
    steps: Steps = 20,
    limit: Limit = None,
    autoattack_limit: AutoattackLimit = None,
    autoattack_epsilon: AutoattackEpsilons = None,
    batch_size: BatchSize = 128,
    per_class: Annotated[bool, typer.Option("--per-class", help="Also print a row for each class.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Save the accuracies in the model's file: PGD on all pictures only.")
    ] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Ignore earlier AutoAttack results.")] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="PART/PARTS|slurm",
            help="Attack only this part of the pictures, and write the results into the folder --out; slurm is the "
            "task of a Slurm job array. 'robust-widgets evaluate merge' joins the parts.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where --shard writes.")] = None,
    device: Device = None,
) -> None:
    """Measure accuracy, clean and under attack.

    A picture counts as robustly correct only if the model is right both before and after the attack.
    """
    part = _part(shard, out, write=write)
    if write:
        check_writable(model, limit, attack)
    from robust_widgets.models.registry import load_model

    classifier = load_model(model, device=device)
    plan = attack_plan(
        classifier,
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
    plan = dataclasses.replace(plan, shard=part)
    from robust_widgets.training.data import load_validation

    pictures = load_validation(data, classifier.input_size, classifier.classes)
    results = [planned.run(classifier, pictures) for planned in plan.attacks(pictures)]
    if part is not None and out is not None:
        from robust_widgets.training.accuracy_parts import write_part

        path = write_part(out, part, classifier, data.resolve().name, plan.batch_size, results)
        typer.echo(f"wrote {path}")
        return
    for group in group_by_count(results):
        typer.echo(accuracy_table(group, classifier.classes if per_class else ()))
    if write:
        from robust_widgets.models.model_file import save_model

        accuracies = classifier.card.accuracies | accuracies_of(results)
        classifier.card = dataclasses.replace(classifier.card, accuracies=accuracies)
        save_model(classifier, Path(model))
        typer.echo(f"wrote the accuracies into {model}")


def _part(shard: str | None, out: Path | None, *, write: bool) -> Shard | None:
    if (shard is None) != (out is None):
        raise ParameterError("--shard and --out belong together: a part of the work, and the folder for its results.")
    if shard is not None and write:
        raise ParameterError("--write saves the accuracies on all pictures; omit --shard.")
    return None if shard is None else Shard.of(shard)


def check_writable(model: str, limit: int | None, attacks: Sequence[str] | None) -> None:
    """Check that accuracies can be saved in a model's file.

    Raises:
        ParameterError: it is not a file of this package, or the accuracies are not PGD's on all pictures.
        SaveError: it is write-protected.
    """
    from robust_widgets.models.card import is_model_file
    from robust_widgets.models.registry import model_names

    if model in model_names():
        raise ParameterError(
            f"--write changes a file, but {model!r} is a bundled model; give the path of a .safetensors file."
        )
    if Path(model).is_file() and not is_model_file(Path(model)):
        raise ParameterError(
            f"--write needs a model file of robust-widgets, and {model!r} has another format; omit --write."
        )
    check_output(Path(model), overwrite=True)
    if limit is not None:
        raise ParameterError("--write saves the accuracies on all pictures; omit --limit.")
    if attacks and "autoattack" in attacks:
        raise ParameterError("--write saves the accuracies under PGD; omit --attack autoattack.")


def attack_plan(
    classifier: RobustClassifier,
    kinds: Sequence[str] | None,
    norm: str | None,
    epsilons: Sequence[float] | None,
    *,
    steps: int,
    limit: int | None,
    autoattack_limit: int | None,
    autoattack_epsilons: tuple[float, ...],
    batch_size: int,
    use_cache: bool,
) -> AttackPlan:
    """The attacks asked for; norm and epsilon default to those the model was trained for.

    Raises:
        ParameterError: an option is not allowed, or there is neither an epsilon nor one to default to.
    """
    from robust_widgets.training.accuracy import PGD, AttackPlan

    card = classifier.card
    chosen_norm = norm or card.norm or "l2"
    if not epsilons:
        if card.norm != chosen_norm:
            trained = f"for {card.norm}" if card.norm else "without an attack"
            raise ParameterError(
                f"{card.name!r} was trained {trained}, so there is no default epsilon for {chosen_norm}; "
                "give --epsilon."
            )
        epsilons = [card.radius]
    plan = AttackPlan(
        chosen_norm,
        tuple(epsilons),
        tuple(dict.fromkeys(kinds or [PGD])),
        steps,
        limit,
        autoattack_limit,
        autoattack_epsilons,
        batch_size,
        use_cache,
    )
    plan.check(classifier)
    return plan


def group_by_count(results: Sequence[AttackResult]) -> list[list[AttackResult]]:
    """Results grouped by their number of pictures: attacks on fewer pictures get a table of their own."""
    groups: dict[int, list[AttackResult]] = {}
    for result in results:
        groups.setdefault(len(result), []).append(result)
    return list(groups.values())


def accuracies_of(results: Sequence[AttackResult]) -> dict[str, float]:
    """The accuracies of several attacks on the same pictures, by name."""
    return {name: value for result in results for name, value in result.accuracies().items()}


def accuracy_table(results: Sequence[AttackResult], classes: Sequence[str] = ()) -> str:
    """Accuracies in per cent: a row for all pictures, and one for each of these classes."""
    rows = [("all", len(results[0]), accuracies_of(results))]
    for label, name in enumerate(classes):
        of_class = [result.of_class(label) for result in results]
        rows.append((name, len(of_class[0]), accuracies_of(of_class)))
    columns = list(rows[0][2])
    first = max(len("class"), *(len(name) for name, _, _ in rows))
    lines = ["  ".join(["class".ljust(first), "pictures", *(column.rjust(7) for column in columns)])]
    for name, count, accuracies in rows:
        cells = [f"{accuracies[column]:.1%}".rjust(max(7, len(column))) for column in columns]
        lines.append("  ".join([name.ljust(first), str(count).rjust(8), *cells]))
    return "\n".join(lines)
