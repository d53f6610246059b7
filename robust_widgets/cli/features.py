"""``robust-widgets features``: the catalogue of a model's features, made or listed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robust_widgets.cli.error_handling import in_sentences
from robust_widgets.cli.options import Device, ModelGiven
from robust_widgets.cli.outputs import checked_outputs, write_each
from robust_widgets.errors import ParameterError

if TYPE_CHECKING:
    from robust_widgets.interface.session import Feature


@in_sentences
def features(
    model: ModelGiven,
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DATA]",
            help="A folder of class folders, or one that holds such a folder as val, to make the catalogue from. "
            "Without it the catalogue there is gets listed.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the catalogue goes.", show_default="beside the model's file"),
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write all thumbnails as one .png, in the order listed.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Gradient steps of each thumbnail.")] = 90,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures in a forward pass.")] = 64,
    device: Device = None,
) -> None:
    """Make the catalogue of a model's features, or list it.

    Each unit of the penultimate layer gets a name after the class it fires for most, its first few classes, and a
    small picture that maximises it. Features are painted by these names.
    """
    from robust_widgets.models.feature_catalogue import SUFFIX, catalogue_path, write_catalogue
    from robust_widgets.models.features import features as read
    from robust_widgets.models.registry import load_model, model_names

    if data is None and out is not None:
        raise ParameterError("--out needs pictures to make the catalogue from; give the folder DATA.")
    if data is not None and out is None and model in model_names():
        raise ParameterError(f"{model!r} is a shipped model, which brings its catalogue; give --out to make another.")
    sheets = checked_outputs([sheet] if sheet else [], [".png"])
    if data is None:
        entries = read(load_model(model, device=device))
        typer.echo(feature_table(entries))
        write_each((path, lambda path: write_sheet(entries, path)) for path in sheets)
        return

    from robust_widgets.training.data import load_validation
    from robust_widgets.training.feature_catalogue import make_catalogue

    (place,) = checked_outputs([out or catalogue_path(Path(model))], [SUFFIX])
    classifier = load_model(model, device=device)
    pictures = load_validation(data, classifier.input_size, classifier.classes)
    made = make_catalogue(classifier, pictures, steps=steps, batch_size=batch_size)
    measured_on = f"{len(pictures)} pictures of {data.resolve().name}"
    write_each(
        [
            (place, lambda path: write_catalogue(path, classifier.fingerprint, made, measured_on)),
            *((path, lambda path: write_sheet(made, path)) for path in sheets),
        ]
    )


def feature_table(entries: Sequence[Feature]) -> str:
    """A line for each feature: its name, its unit, and the classes it fires for."""
    width = max(len("feature"), *(len(entry.name) for entry in entries))
    lines = [f"{'feature':{width}}  unit  classes"]
    lines += [f"{entry.name:{width}}  {entry.unit:4}  {', '.join(entry.classes)}" for entry in entries]
    return "\n".join(lines)


def write_sheet(entries: Sequence[Feature], path: Path) -> None:
    """All thumbnails in one picture, row by row in the catalogue's order."""
    import numpy as np
    from PIL import Image

    from robust_widgets._files import atomic_write
    from robust_widgets.models.feature_catalogue import COLUMNS
    from robust_widgets.pictures.grid import tile

    picture = Image.fromarray(tile(np.stack([entry.thumbnail for entry in entries]), COLUMNS))
    atomic_write(path, lambda file: picture.save(file, "PNG"))
