"""A command for each task, made from its declaration."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robust_widgets.cli.batch import Spread, folder_named, paint_many, paint_on_cluster
from robust_widgets.cli.options import (
    Device,
    Force,
    Model,
    StepBar,
    checked_outputs,
    default_name,
    parameter_options,
    parameter_values,
    report_errors,
    run_writers,
    write_each,
)
from robust_widgets.errors import PictureError, SaveError, UnknownNameError
from robust_widgets.interface.class_search import class_given
from robust_widgets.interface.tasks import TaskSpec, task_specs

if TYPE_CHECKING:
    from robust_widgets.runs.trace import Trace

FORMATS = "A PNG, JPEG or WebP file"
MASK = "a picture of the same shape, white where to paint and black elsewhere"
FILES = (
    "Where to write: .png the final pictures, .gif or .mp4 every step, .rwtrace or .npz the whole record. "
    "Can be repeated."
)
FOLDER = " A name without an extension is a folder: each picture becomes a PNG in it as soon as it is finished."
TARGET = "A class of the model, by name or by index."
SHARD = (
    "Make only this part of the pictures, in a folder of its own inside --out, for many processes; slurm is the task "
    "of a Slurm job array. 'robust-widgets merge' joins the parts."
)

CLUSTER: dict[str, tuple[Any, Any]] = {
    "on": (
        Annotated[
            str | None,
            typer.Option(
                metavar="ray",
                help="Make all parts on a Ray cluster, whose machines see the same folders: that of RAY_ADDRESS, or "
                "this machine.",
            ),
        ],
        None,
    ),
    "shards": (
        Annotated[
            int | None,
            typer.Option(min=1, help="With --on: the number of parts.", show_default="as many as give 1,000 pictures"),
        ],
        None,
    ),
    "cpus": (Annotated[float, typer.Option(min=0, help="With --on: processors that a part takes.")], 1.0),
    "gpus": (
        Annotated[
            float | None,
            typer.Option(
                min=0,
                help="With --on: GPUs that a part takes, such as 0.5 for two parts on each.",
                show_default="1, or 0 in a cluster without any",
            ),
        ],
        None,
    ),
}

PictureFile = Annotated[str, typer.Argument(metavar="PICTURE", help=f"{FORMATS}.")]
PictureOrFolder = Annotated[
    str, typer.Argument(metavar="PICTURE", help=f"{FORMATS}, or a folder of them if --out is also a folder.")
]
MaskFile = Annotated[str, typer.Argument(metavar="MASK", help=f"{MASK[0].upper()}{MASK[1:]}.")]
MaskFiles = Annotated[
    list[str],
    typer.Option("--mask", metavar="MASK", help=f"Where to paint: {MASK}. Repeat it for each further feature."),
]
OptionalPicture = Annotated[
    str | None, typer.Option("--picture", metavar="PICTURE", help=f"What to start from, {FORMATS[2:]}; else noise.")
]
LayerName = Annotated[
    str, typer.Argument(metavar="LAYER", help="A layer of the model, of 'robust-widgets models NAME --layers'.")
]
Target = Annotated[str | None, typer.Argument(metavar="TARGET", help=TARGET)]
TargetOption = Annotated[str | None, typer.Option("--class", metavar="TARGET", help="The same as TARGET.")]
Features = Annotated[
    list[str],
    typer.Option(
        "--feature",
        metavar="FEATURE",
        help="What to paint: a name from 'robust-widgets features MODEL', or the index of a unit. Features are painted "
        "in the given order, each into the mask at the same position.",
    ),
]


@dataclass(frozen=True)
class Typed:
    """What was typed behind a task's command.

    Attributes:
        arguments: the task's inputs and target.
        out: the files or the folder to write.
        model, device: their names.
        values: the task's parameters, None where they were left out.
        force: whether existing files may be replaced.
    """

    arguments: dict[str, Any]
    out: list[Path]
    model: str
    device: str | None
    values: dict[str, Any]
    force: bool

    def paint(self, spec: TaskSpec, call: Callable[..., Trace], title: str, *, stages: int = 1) -> Trace:
        """Run a task under a progress bar. Bad parameters are refused before anything is loaded.

        Args:
            spec: the task.
            call: calls its function with the keywords given.
            title: of the progress bar.
            stages: how many runs follow each other.
        """
        parameters = spec.check(parameter_values(spec, self.values))
        from robust_widgets.models.registry import load_model

        classifier = load_model(self.model, device=self.device)
        with StepBar(parameters["steps"] * stages, title) as bar:
            return call(model=classifier, on_step=bar.show, **parameters)


def task_commands() -> list[tuple[str, Callable[..., None], bool]]:
    """The name and function of every task's command, and whether it is hidden, as an old name is."""
    commands: list[tuple[str, Callable[..., None], bool]] = []
    for spec in task_specs().values():
        commands.append((spec.command, task_command(spec), False))
        if spec.old_command:
            commands.append((spec.old_command, _renamed(spec), True))
    return commands


def task_command(spec: TaskSpec) -> Callable[..., None]:
    """The command of a task, with the signature that typer reads."""

    paint = {"feature": _paint_features, "layer": _paint_layer, "class": _paint_class}[spec.target]

    def command(model: str, device: str | None, out: list[Path] | None, force: bool, **values: Any) -> None:
        arguments = {name: values.pop(name) for name in own if name in values}
        paint(spec, Typed(arguments, out or [], model, device, values, force))

    options = _arguments(spec)
    own = list(options)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    common = {
        "out": (_out(spec), None),
        "force": (Force, False),
        "model": (Model, "default"),
        "device": (Device, None),
    }
    parameters = [
        inspect.Parameter(name, kind, annotation=annotation, default=default)
        for name, (annotation, default) in (options | common).items()
    ]
    command.__name__ = spec.name
    command.__doc__ = "\n\n".join(filter(None, [spec.summary, spec.command_help]))
    command.__signature__ = inspect.Signature([*parameters, *parameter_options(spec)])  # pyright: ignore[reportFunctionMemberAccess]
    return report_errors(command)


def _renamed(spec: TaskSpec) -> Callable[..., None]:
    command = task_command(spec)
    signature = inspect.signature(command)

    def old(**values: Any) -> None:
        typer.echo(
            f"'{spec.old_command}' is now '{spec.command}'; the old name will be removed in the next release.", err=True
        )
        command(**values)

    old.__doc__ = f"Old name of {spec.command}.\n\n{command.__doc__}"
    old.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    return old


def _arguments(spec: TaskSpec) -> dict[str, tuple[Any, Any]]:
    """What to type for the task's inputs and target, each with its annotation for typer and its default."""
    required = inspect.Parameter.empty
    arguments: dict[str, tuple[Any, Any]] = {}
    if spec.target == "layer":
        arguments["layer"] = (LayerName, required)
    if spec.takes_picture and not spec.needs_picture:
        arguments["picture"] = (OptionalPicture, None)
    elif spec.takes_picture:
        arguments["picture"] = (PictureOrFolder if spec.is_batchable else PictureFile, required)
    if spec.target == "feature":
        return arguments | {"mask": (MaskFiles, required), "feature": (Features, required)}
    if spec.takes_mask:
        arguments["mask"] = (MaskFile, required)
    if spec.target == "layer":
        return arguments
    arguments |= {"target": (Target, None), "class_": (TargetOption, None)}
    if spec.is_batchable:
        arguments["shard"] = (Annotated[str | None, typer.Option(metavar="PART/PARTS|slurm", help=SHARD)], None)
        arguments |= CLUSTER
    if spec.comparison is not None:
        help = f"Also write {spec.comparison.help} next to each other, as .png."
        arguments["strip"] = (Annotated[Path | None, typer.Option(metavar="FILE", help=help)], None)
    return arguments


def _out(spec: TaskSpec) -> Any:
    metavar, help = ("FILE|FOLDER", FILES + FOLDER) if spec.is_batchable else ("FILE", FILES)
    default = {"feature": "FEATURE.png", "layer": "LAYER.png", "class": "TARGET.png"}[spec.target]
    return Annotated[list[Path] | None, typer.Option(metavar=metavar, help=help, show_default=default)]


def _paint_class(spec: TaskSpec, typed: Typed) -> None:
    """Run a task that paints towards a class, and write its files, or its pictures one by one into a folder."""
    arguments = typed.arguments
    target = arguments["target"] or arguments.get("class_")
    if target is None or (arguments["target"] and arguments.get("class_")):
        raise UnknownNameError(f"{spec.command} needs one class; give it once, as TARGET or with --class.")
    strip: Path | None = arguments.get("strip")
    inputs = [arguments[name] for name in spec.inputs]
    strips = checked_outputs([strip] if strip else [], [".png"], force=typed.force, sources=inputs)
    folder = folder_named(typed.out) if spec.is_batchable else None
    shard: str | None = arguments.get("shard")
    if shard is not None and folder is None:
        raise SaveError("--shard makes many pictures; give a folder with --out, such as --out pictures.")
    source = Path(arguments["picture"]) if spec.is_batchable and spec.takes_picture else None
    spread = Spread.of(arguments) if spec.is_batchable else None
    if spread is not None and (folder is None or shard is not None):
        raise SaveError("--on makes all parts of many pictures; give a folder with --out, and no --shard.")
    if folder is not None:
        if strips:
            raise SaveError("--strip is for one picture; leave it out if --out is a folder.")
        if spread is not None:
            paint_on_cluster(spec, target, folder, typed.model, typed.device, typed.values, source, spread)
            return
        paint_many(spec, target, folder, typed.model, typed.device, typed.values, source, shard)
        return
    if source is not None and source.is_dir():
        raise PictureError(f"{str(source)!r} is a folder; give a folder with --out too, for the results.")
    checked = checked_outputs([*(typed.out or [default_name(target)]), *strips], force=typed.force, sources=inputs)
    outputs = checked[: len(checked) - len(strips)]

    def call(**keywords: Any) -> Trace:
        by_name = dict(zip(spec.inputs, inputs, strict=True))
        return spec.call(class_given(target, keywords["model"].classes), by_name, **keywords)

    trace = typed.paint(spec, call, target)
    for name, value in (spec.report(trace) if spec.report else {}).items():
        typer.echo(f"{name.replace('_', ' ')} {value:.4f}")
    writers = run_writers(trace, outputs)
    if spec.comparison is not None and strips:
        sheet = spec.comparison.sheet(trace, 192)
        writers += [(strips[0], lambda file: sheet.save(file, "PNG"))]
    write_each(writers, force=typed.force)


def _paint_features(spec: TaskSpec, typed: Typed) -> None:
    picture, masks, features = (typed.arguments[name] for name in ("picture", "mask", "feature"))
    if len(masks) != len(features):
        raise PictureError(f"There are {len(masks)} masks and {len(features)} features; give one --mask per --feature.")
    title = ", ".join(features)
    outputs = checked_outputs(typed.out or [default_name(title)], force=typed.force, sources=[picture, *masks])

    def call(**keywords: Any) -> Trace:
        return spec.function(picture, masks, features, **keywords)

    trace = typed.paint(spec, call, title, stages=len(features))
    write_each(run_writers(trace, outputs), force=typed.force)


def _paint_layer(spec: TaskSpec, typed: Typed) -> None:
    arguments, layer = typed.arguments, typed.arguments["layer"]
    sources = [arguments[name] for name in spec.inputs if arguments[name] is not None]
    outputs = checked_outputs(typed.out or [default_name(layer)], force=typed.force, sources=sources)
    trace = typed.paint(spec, lambda **keywords: spec.call(layer, arguments, **keywords), layer)
    write_each(run_writers(trace, outputs), force=typed.force)
