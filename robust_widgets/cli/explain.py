"""``robust-widgets explain``: what speaks for a class in a picture, and the smallest change to another class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robust_widgets.cli.options import (
    Device,
    Force,
    checked_outputs,
    default_name,
    report_errors,
    run_writers,
    write_each,
)
from robust_widgets.errors import ParameterError
from robust_widgets.interface.class_search import class_given
from robust_widgets.interface.explanation import METHODS


@report_errors
def explain(
    picture: Annotated[str, typer.Argument(metavar="PICTURE", help="A PNG, JPEG or WebP file.")],
    target: Annotated[
        str | None,
        typer.Argument(metavar="TARGET", help="A class, by name or by index.", show_default="the most probable one"),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(metavar="|".join(METHODS), help="How. Can be repeated.", show_default="all"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A weights file, torchvision:NAME, or a name from 'robust-widgets models'. Can be repeated: each is a "
            "row of the sheet.",
            show_default="default, standard",
        ),
    ] = None,
    change: Annotated[
        bool,
        typer.Option("--change", help="Instead, the smallest change that makes the picture a TARGET, as a run."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to write: a .png; with --change also .gif, .mp4, .rwtrace or .npz, the path to the change.",
            show_default="TARGET.png",
        ),
    ] = None,
    force: Force = False,
    device: Device = None,
) -> None:
    """Show what speaks for a class in a picture, for robust next to standard models.

    Needs the extra "explain". With --change, show the smallest change that makes the picture another class instead,
    which needs none.
    """
    if change and (target is None or method):
        raise ParameterError("--change needs a TARGET to change the picture to, and takes no --method.")
    if change and len(model or []) > 1:
        raise ParameterError("--change is for one model; give --model once.")
    endings = None if change else [".png"]
    (path,) = checked_outputs([out or default_name(target or "explanation")], endings, force=force, sources=[picture])
    from robust_widgets.interface.explanation import png
    from robust_widgets.models.registry import load_model

    models = [
        load_model(name, device=device) for name in (model or (["default"] if change else ["default", "standard"]))
    ]
    chosen = None if target is None else class_given(target, models[0].classes)
    if change:
        from robust_widgets.explanation.counterfactual import counterfactual

        assert chosen is not None
        smallest = counterfactual(picture, chosen, model=models[0])
        typer.echo(f"{smallest.source} to {smallest.target}: epsilon {smallest.epsilon:.2f}, L2 in pixels at 224")
        if path.suffix.lower() == ".png":
            write_each([(path, lambda file: file.write(png(smallest.image())))], force=force)
        else:
            write_each(run_writers(smallest.trace, [path]), force=force)
        return
    from robust_widgets.explanation.attribution import explanation_sheet

    sheet = explanation_sheet(
        picture,
        chosen,
        models=models,
        methods=method or tuple(METHODS),
        on_explained=lambda explanation: typer.echo(explanation.caption),
    )
    write_each([(path, lambda file: file.write(png(sheet)))], force=force)
