"""``robust-widgets features``: make or list a model's feature catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from robust_widgets._bundled import model_names
from robust_widgets.cli.options import Device, Force, ModelGiven, checked_outputs, report_errors, write_each
from robust_widgets.errors import ParameterError

if TYPE_CHECKING:
    from robust_widgets.interface.session import Feature


@report_errors
def features(
    model: ModelGiven,
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA",
            help="The pictures to make the catalogue from: a folder with one folder per class, or with such a folder "
            "named val.",
            show_default="list the existing catalogue",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The catalogue to write.", show_default="next to the model's file"),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write all thumbnails to one .png, in the order of the list."),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            metavar="LAYER",
            help="Of the channels of this layer, one of 'robust-widgets models NAME --layers'.",
            show_default="the penultimate layer",
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Gradient steps per thumbnail.")] = 90,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures per forward pass.")] = 64,
    force: Force = False,
    device: Device = None,
) -> None:
    """Make a model's feature catalogue, or list it.

    Each unit of the penultimate layer, or each channel of another one, gets a name after the class it is most active
    for, a list of its strongest classes, and a thumbnail that maximises it. paint-features takes the names of the
    penultimate layer.
    """
    from robust_widgets.models.feature_catalogue import SUFFIX, catalogue_content, catalogue_path
    from robust_widgets.models.features import model_features
    from robust_widgets.models.registry import load_model

    if data is None and out is not None:
        raise ParameterError("--out needs pictures to make a catalogue from; give the folder DATA, too.")
    if data is not None and out is None and model in model_names():
        raise ParameterError(f"The bundled model {model!r} already has a catalogue; give --out to write another.")
    sheets = checked_outputs([sheet] if sheet else [], [".png"], force=force)
    if data is None:
        entries = model_features(load_model(model, device=device), layer)
        typer.echo(feature_table(entries))
        write_each(((path, lambda file: write_sheet(entries, file)) for path in sheets), force=force)
        return

    from robust_widgets.training.data import load_validation
    from robust_widgets.training.feature_catalogue import make_catalogue

    (path,) = checked_outputs([out or catalogue_path(Path(model), layer)], [SUFFIX], force=force)
    classifier = load_model(model, device=device)
    pictures = load_validation(data, classifier.input_size, classifier.classes)
    entries = make_catalogue(classifier, pictures, layer=layer, steps=steps, batch_size=batch_size)
    measured_on = f"{len(pictures)} pictures of {data.resolve().name}"
    write_each(
        [
            (path, lambda file: file.write(catalogue_content(classifier.fingerprint, entries, measured_on))),
            *((path, lambda file: write_sheet(entries, file)) for path in sheets),
        ],
        force=force,
    )


def feature_table(entries: Sequence[Feature]) -> str:
    """A line for each feature: its name, its unit, and the classes it is active for."""
    width = max(len("feature"), *(len(entry.name) for entry in entries))
    lines = [f"{'feature':{width}}  unit  classes"]
    lines += [f"{entry.name:{width}}  {entry.unit:4}  {', '.join(entry.classes)}" for entry in entries]
    return "\n".join(lines)


def write_sheet(entries: Sequence[Feature], file: IO[bytes]) -> None:
    """Write all thumbnails as one PNG file, row by row in the catalogue's order."""
    import numpy as np
    from PIL import Image

    from robust_widgets.models.feature_catalogue import COLUMNS
    from robust_widgets.pictures.grid import tile

    picture = Image.fromarray(tile(np.stack([entry.thumbnail for entry in entries]), COLUMNS))
    picture.save(file, "PNG")
