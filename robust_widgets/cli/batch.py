"""A task over many pictures, written into a folder; an interrupted command continues where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from robust_widgets.cli.options import class_given, parameter_values
from robust_widgets.errors import PictureError, SaveError
from robust_widgets.interface.tasks import TaskSpec
from robust_widgets.pictures.files import as_path, pictures_in


def folder_named(out: Sequence[Path]) -> Path | None:
    """The folder that pictures are written into one by one; None if ``out`` names files.

    Raises:
        SaveError: there is a folder together with something else.
    """
    from robust_widgets.runs.files import endings

    folders = [
        path for path in map(as_path, out) if not path.suffix or (path.is_dir() and path.suffix not in endings())
    ]
    if not folders:
        return None
    if len(out) > 1:
        raise SaveError(f"{str(folders[0])!r} is a folder; give it alone, or give only files.")
    return folders[0]


def paint_many(
    spec: TaskSpec,
    target: str,
    out: Path,
    model: str,
    device: str | None,
    values: dict[str, Any],
    pictures: Path | None = None,
    shard: str | None = None,
) -> None:
    """Run a task for each picture, under a progress bar.

    Args:
        spec: the task.
        target: a class by name or index.
        out: the folder to write into.
        model, device: the options.
        values: the options of the parameters; for generation, ``n`` is the number of pictures.
        pictures: what the other tasks start from, a picture or a folder of them.
        shard: only this part of the pictures, as typed.
    """
    from robust_widgets.interface.shards import Shard

    count = values.pop("n", None)
    part = None if shard is None else Shard.of(shard)
    total = count or _number_of(pictures)
    total = total if part is None else len(part.positions(total))
    parameters = spec.check(parameter_values(spec, values))
    parameters.pop("n", None)
    from tqdm import tqdm

    from robust_widgets.models.registry import load_model
    from robust_widgets.tasks.running.batch import stream_pictures

    classifier = load_model(model, device=device)
    results = stream_pictures(
        spec.name,
        class_given(target, classifier.classes),
        n=count,
        pictures=pictures,
        out=out,
        model=classifier,
        on_step=lambda step: bar.set_postfix_str(f"step {step}/{parameters['steps']}"),
        say=tqdm.write,
        shard=part,
        **parameters,
    )
    # Bad input has been refused by now, so that its error message appears without a progress bar.
    with tqdm(total=total, desc=target, unit="picture") as bar:
        for _ in results:
            bar.update()
        count = bar.n
    typer.echo(f"wrote {out if part is None else part.folder(out)}")
    if count < total:
        raise PictureError(f"{total - count} of {total} pictures could not be read; the others are in {str(out)!r}.")


def _number_of(pictures: Path | None) -> int:
    return 1 if pictures is None or not pictures.is_dir() else len(pictures_in(pictures)[0])
