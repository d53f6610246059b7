"""``robust-widgets evaluate --card``: everything that is measured of a model, as a Markdown file with pictures."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from robust_widgets.cli.evaluate_tasks import painter_and_judge, write_text
from robust_widgets.cli.outputs import checked_outputs
from robust_widgets.errors import ParameterError

if TYPE_CHECKING:
    from robust_widgets.evaluation.model_card import CardFigures, CardOptions

FOLDER = "-card"


def card_files(path: Path) -> tuple[Path, Path]:
    """The folder of a card's pictures and the file of its figures, both beside it."""
    return path.with_name(path.stem + FOLDER), path.with_suffix(".json")


def write_card(
    model: str, data: Path, judge: str | None, path: Path, options: CardOptions, *, device: str | None
) -> None:
    """Measure what is not known yet, then write a model's card and the pictures it shows.

    Figures are kept beside the card as each part is done, and the card is written last: a run that was stopped goes on
    where it was, and an older card stays until the new one is whole.

    Raises:
        ParameterError: there is no judge, or one that cannot judge this model.
        SaveError: a file cannot be written.
    """
    if judge is None:
        raise ParameterError("--card needs a second model that looks at the pictures; give its file as --judge.")
    checked_outputs([path], [".md"])
    from robust_widgets._files import atomic_write, make_folder
    from robust_widgets.evaluation.evaluator import Bench
    from robust_widgets.evaluation.model_card import measure_card
    from robust_widgets.evaluation.model_card_text import CardContext, card_text
    from robust_widgets.evaluation.result_cache import Parts
    from robust_widgets.training.data import load_validation

    folder, measurements = card_files(path)
    parts = Parts(measurements)
    painter, judging = painter_and_judge(model, judge, device)
    pictures = load_validation(data, painter.input_size, painter.classes)
    make_folder(folder)
    bench = Bench(painter, judging, options.attacks.batch_size)
    figures = measure_card(bench, pictures, options, parts, folder, typer.echo)
    for name, chart in charts(figures, painter.classes).items():
        atomic_write(folder / name, lambda file, chart=chart: file.write(chart))
    context = CardContext(
        painter,
        judging,
        (data.resolve().name, len(pictures)),
        command(model, data, judge, path, options),
        folder.name,
        measurements.name,
    )
    write_text(path, card_text(context, figures))
    typer.echo(f"wrote {path}, {folder} and {measurements}")


def charts(figures: CardFigures, classes: Sequence[str]) -> dict[str, bytes]:
    """The charts of a card as PNG, by file name."""
    from robust_widgets.evaluation.charts import classes_chart, reliability_chart, spectrum_chart

    whole = max(figures.attacked, key=lambda one: sum(one.pictures))
    counts = {"clean": whole.clean} | {
        one.attack: one.robust for one in figures.attacked if one.pictures == whole.pictures
    }
    shares = {
        name: [right / count if count else float("nan") for right, count in zip(own, whole.pictures, strict=True)]
        for name, own in counts.items()
    }
    painting = figures.painting
    sets = {"generated": painting.generated, "photographs": painting.photographs, "noise": painting.noise}
    return {
        "classes.png": classes_chart(classes, shares),
        "reliability.png": reliability_chart(figures.calibration),
        "spectrum.png": spectrum_chart({name: (one.rings, one.axes) for name, one in sets.items()}, painting.side),
    }


def command(model: str, data: Path, judge: str, path: Path, options: CardOptions) -> str:
    """The command that makes the card, with files by their names alone."""
    from robust_widgets.training.accuracy import Attacks

    attacks = options.attacks
    words = ["robust-widgets", "evaluate", Path(model).name, data.resolve().name, "--judge", Path(judge).name]
    words += ["--card", path.name, "--norm", attacks.norm]
    for radius in attacks.radii:
        words += ["--radius", f"{radius:g}"]
    for kind in attacks.kinds:
        words += ["--attack", kind]
    words += ["--steps", str(attacks.steps), "--seeds", str(options.seeds)]
    words += ["--limit", str(attacks.limit)] if attacks.limit else []
    words += ["--auto-limit", str(attacks.auto_limit)] if attacks.auto_limit else []
    for radius in attacks.auto_radii:
        words += ["--auto-radius", f"{radius:g}"]
    words += ["--batch-size", str(attacks.batch_size)] if attacks.batch_size != Attacks.batch_size else []
    words += ["--tasks"] if options.tasks else []
    return shlex.join(words)
