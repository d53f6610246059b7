"""``robust-widgets class-pictures``: paint the picture of each class that the studio's class picker shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robust_widgets._bundled import model_names, weights_path
from robust_widgets.cli.options import Device, Force, ModelGiven, checked_outputs, report_errors, write_each


@report_errors
def class_pictures(
    model: ModelGiven,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The .classes.jpg to write.", show_default="next to the model's file"),
    ] = None,
    tries: Annotated[
        int, typer.Option(min=1, help="Pictures painted of each class; the one that the model is surest of stays.")
    ] = 4,
    batch_size: Annotated[int, typer.Option(min=1, help="Classes painted at once.")] = 8,
    force: Force = False,
    device: Device = None,
) -> None:
    """Paint a small picture of each class, as the model sees it.

    The studio's class picker shows them. Without the file, the studio paints the classes that one looks at by itself,
    between runs.
    """
    from robust_widgets.models.class_pictures import SUFFIX, class_pictures_content, class_pictures_path

    weights = weights_path(model) if model in model_names() else Path(model)
    (path,) = checked_outputs([out or class_pictures_path(weights)], [SUFFIX], force=force)
    from tqdm.auto import tqdm

    from robust_widgets.models.registry import load_model
    from robust_widgets.tasks.running.class_pictures import paint_classes

    classifier = load_model(model, device=device)
    indices = range(len(classifier.classes))
    painted = [
        picture
        for first in tqdm(range(0, len(indices), batch_size), desc="class pictures", unit="batch")
        for picture in paint_classes(classifier, indices[first : first + batch_size], tries=tries) or []
    ]
    content = class_pictures_content(painted, classifier.fingerprint)
    write_each([(path, lambda file: file.write(content))], force=force)
