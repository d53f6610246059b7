"""A task over many pictures, written into a folder; an interrupted command continues where it stopped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from robust_widgets.cli.options import parameter_values
from robust_widgets.errors import ParameterError, PictureError, SaveError, UnknownNameError, unknown_name
from robust_widgets.interface.class_search import class_given
from robust_widgets.interface.tasks import TaskSpec
from robust_widgets.pictures.files import as_path, pictures_in

if TYPE_CHECKING:
    from robust_widgets.interface.shards import Shard

PICTURES_OF_A_SHARD = 1000  # minutes of work on a GPU, so that little is lost with a machine


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


@dataclass(frozen=True)
class Spread:
    """How the parts are spread over a cluster.

    Attributes:
        shards: into how many parts; None for parts of `PICTURES_OF_A_SHARD`.
        cpus, gpus: that each takes.
    """

    shards: int | None
    cpus: float
    gpus: float | None

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Spread | None:
        """What was typed; None if all is made by this process.

        Raises:
            ParameterError: the engine is unknown, or there is none.
        """
        engine, shards, cpus, gpus = (arguments[name] for name in ("on", "shards", "cpus", "gpus"))
        if engine is None:
            if shards is not None or gpus is not None or cpus != 1:
                raise ParameterError("--shards, --cpus and --gpus are for a cluster; give --on ray, too.")
            return None
        if engine != "ray":
            raise UnknownNameError(unknown_name("engine", engine, ["ray"]))
        return cls(shards, cpus, gpus)


def paint_on_cluster(
    spec: TaskSpec,
    target: str,
    out: Path,
    model: str,
    device: str | None,
    values: dict[str, Any],
    pictures: Path | None,
    spread: Spread,
) -> None:
    """Run a task for each picture on the machines of a cluster, under a progress bar; arguments as for `paint_many`.

    Raises:
        RunError: parts failed; the others are there.
    """
    from tqdm import tqdm

    from robust_widgets.cluster.on_ray import Work, paint_on_ray

    count = values.pop("n", None)
    total = count or _number_of(pictures)
    parameters = spec.check(parameter_values(spec, values))
    parameters.pop("n", None)
    shards = spread.shards or max(1, math.ceil(total / PICTURES_OF_A_SHARD))
    folder = None if pictures is None else str(pictures)
    work = Work(spec.name, target, str(out), count, folder, model, device, parameters)
    with tqdm(total=total, desc=target, unit="picture") as bar:

        def on_done(_shard: Shard, painted: int) -> None:
            bar.update(painted)

        outcome = paint_on_ray(work, shards, cpus=spread.cpus, gpus=spread.gpus, on_done=on_done)
    outcome.check()
    typer.echo(f"wrote {shards} shards in {out}; 'robust-widgets merge {out} FOLDER' joins them")
    if outcome.pictures < total:
        raise PictureError(f"{total - outcome.pictures} of {total} pictures could not be read; the others are there.")


def _number_of(pictures: Path | None) -> int:
    return 1 if pictures is None or not pictures.is_dir() else len(pictures_in(pictures)[0])
