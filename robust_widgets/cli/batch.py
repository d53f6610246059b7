"""A task over many pictures from the shell: into a folder, going on where the same command was broken off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from robust_widgets.cli.options import class_given, knob_values
from robust_widgets.errors import PictureError, SaveError
from robust_widgets.interface.parameters import check_parameters

PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def folder_named(out: Sequence[Path]) -> Path | None:
    """The folder that pictures are to be written into one by one; None where files are named.

    Raises:
        SaveError: there is a folder and something else.
    """
    from robust_widgets.runs.files import endings

    folders = [path for path in out if not path.suffix or (path.is_dir() and path.suffix not in endings())]
    if not folders:
        return None
    if len(out) > 1:
        raise SaveError(f"{str(folders[0])!r} is a folder; give it alone, or give files only.")
    return folders[0]


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder, by name.

    Raises:
        PictureError: there are none.
    """
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not found:
        raise PictureError(f"The folder {str(folder)!r} holds no pictures; give one with PNG, JPEG or WebP files.")
    return found


def paint_many(
    task: str,
    target: str,
    out: Path,
    model: str,
    device: str | None,
    parameters: dict[str, Any],
    pictures: Sequence[Path] | None = None,
) -> None:
    """Run a task for each picture, under a progress bar.

    Args:
        task: its name.
        target: a class by name or index.
        out: the folder to write into.
        model, device: as the options.
        parameters: the parameters' options; ``n`` of generation says how many.
        pictures: what the other tasks begin from.
    """
    count = parameters.pop("n", None)
    checked = check_parameters(task, knob_values(task, parameters))
    checked.pop("n", None)
    from tqdm import tqdm

    from robust_widgets.models.registry import load_model
    from robust_widgets.tasks.batch import stream

    classifier = load_model(model, device=device)
    made = stream(
        task,
        class_given(target, classifier.classes),
        n=count,
        pictures=pictures,
        out=out,
        model=classifier,
        on_step=lambda step: bar.set_postfix_str(f"step {step}/{checked['steps']}"),
        say=tqdm.write,
        **checked,
    )
    # The bar comes after everything that can be refused, so that bad input is answered by its sentence alone.
    with tqdm(total=count or len(pictures or ()), desc=target, unit="picture") as bar:
        for _ in made:
            bar.update()
    typer.echo(f"wrote {out}")
