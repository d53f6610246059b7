"""The six tasks from the shell, a command each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robust_widgets.cli.batch import folder_named, paint_many, pictures_in
from robust_widgets.cli.error_handling import in_sentences
from robust_widgets.cli.options import Device, Model, class_given, knob_values, with_knobs
from robust_widgets.cli.outputs import StepBar, Writer, checked_outputs, default_name, run_writers, write_each
from robust_widgets.errors import PictureError, SaveError, UnknownNameError
from robust_widgets.interface.parameters import check_parameters

if TYPE_CHECKING:
    from robust_widgets.runs.trace import Trace

PictureFile = Annotated[str, typer.Argument(metavar="PICTURE", help="A PNG, JPEG or WebP file.")]
MaskFile = Annotated[
    str, typer.Argument(metavar="MASK", help="A picture of the same shape, white where to paint and black elsewhere.")
]
Target = Annotated[str, typer.Argument(metavar="TARGET", help="A class of the model, by name or by index.")]
PictureOrFolder = Annotated[
    str, typer.Argument(metavar="PICTURE", help="A PNG, JPEG or WebP file, or a folder of them where --out is one too.")
]
FILES = (
    "Where to write: .png the final pictures, .gif or .mp4 every step, .rwtrace or .npz the whole record. "
    "May be given again."
)
Out = Annotated[list[Path] | None, typer.Option(metavar="FILE", help=FILES, show_default="TARGET.png")]
OutOrFolder = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE|FOLDER",
        help=f"{FILES} A name without an ending is a folder: each picture becomes a PNG in it as soon as it is made.",
        show_default="TARGET.png",
    ),
]


@in_sentences
@with_knobs("generate")
def generate(
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="A class of the model, by name or by index.")
    ] = None,
    class_: Annotated[str | None, typer.Option("--class", metavar="TARGET", help="The same as TARGET.")] = None,
    out: OutOrFolder = None,
    model: Model = "default",
    device: Device = None,
    **parameters: Any,
) -> None:
    """Make pictures of a class out of noise in its colours.

    Into a folder they are written one by one, any number of them: --n 1000 --out mushrooms. The same command goes on
    where it was broken off.
    """
    given = target or class_
    if given is None or (target and class_):
        raise UnknownNameError("generate makes pictures of one class; name it once, as TARGET or with --class.")
    paint_class("generate", [], given, out, model, device, parameters)


@in_sentences
@with_knobs("sketch_to_image")
def sketch(
    picture: PictureOrFolder,
    target: Target,
    out: OutOrFolder = None,
    model: Model = "default",
    device: Device = None,
    **parameters: Any,
) -> None:
    """Turn a sketch into a picture of a class."""
    paint_class("sketch_to_image", [picture], target, out, model, device, parameters)


@in_sentences
@with_knobs("translate")
def translate(
    picture: PictureOrFolder,
    target: Target,
    out: OutOrFolder = None,
    model: Model = "default",
    device: Device = None,
    **parameters: Any,
) -> None:
    """Turn a photograph into a picture of another class."""
    paint_class("translate", [picture], target, out, model, device, parameters)


@in_sentences
@with_knobs("super_resolve")
def super_resolve(
    picture: PictureOrFolder,
    target: Target,
    out: OutOrFolder = None,
    strip: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write low resolution, bicubic and result next to each other, as .png."),
    ] = None,
    model: Model = "default",
    device: Device = None,
    **parameters: Any,
) -> None:
    """Enlarge a small picture with the detail of its class.

    Prints how far the result, made small again, is from the small picture (root mean square, values from 0 to 1).
    """
    strips = checked_outputs([strip] if strip else [], [".png"])
    if strips and folder_named(out or []):
        raise SaveError("--strip is for one picture; leave it out where --out is a folder.")

    def writers(trace: Trace) -> list[Writer]:
        from robust_widgets._files import atomic_write
        from robust_widgets.interface.report import comparison_strip, low_resolution_error

        typer.echo(f"low-resolution error {low_resolution_error(trace):.4f}")
        sheet = comparison_strip(trace)
        return [(path, lambda path: atomic_write(path, lambda file: sheet.save(file, "PNG"))) for path in strips]

    paint_class("super_resolve", [picture], target, out, model, device, parameters, writers)


@in_sentences
@with_knobs("inpaint")
def inpaint(
    picture: PictureFile,
    mask: MaskFile,
    target: Target,
    out: Out = None,
    model: Model = "default",
    device: Device = None,
    **parameters: Any,
) -> None:
    """Paint the masked part of a picture anew, as a class."""
    paint_class("inpaint", [picture, mask], target, out, model, device, parameters)


@in_sentences
@with_knobs("paint_features")
def paint_features(
    picture: PictureFile,
    mask: Annotated[
        list[str],
        typer.Option(
            metavar="MASK",
            help="Where to paint: a picture of the same shape, white there and black elsewhere. Give it again for each "
            "further feature.",
        ),
    ],
    feature: Annotated[
        list[str],
        typer.Option(
            metavar="FEATURE",
            help="What to paint: a name that 'robust-widgets features MODEL' lists, or a unit's index. Features are "
            "painted in the order given, each into the mask in the same place of that order.",
        ),
    ],
    out: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Where to write, by ending as for the other tasks. May be given again.",
            show_default="FEATURE.png",
        ),
    ] = None,
    model: Model = "default",
    device: Device = None,
    **parameters: Any,
) -> None:
    """Paint features of the model into parts of a picture.

    A feature is a unit of the model's penultimate layer.
    For example: --mask sky.png --feature "shore 2" --mask meadow.png --feature "hoofed 1"
    """
    if len(mask) != len(feature):
        raise PictureError(f"There are {len(mask)} masks and {len(feature)} features; give one --mask a --feature.")
    title = ", ".join(feature)
    outputs = checked_outputs(out or [default_name(title)])

    def make(function: Callable[..., Trace], **rest: Any) -> Trace:
        return function(picture, mask, feature, **rest)

    trace = paint("paint_features", make, title, model, device, parameters, stages=len(feature))
    write_each(run_writers(trace, outputs))


def paint_class(
    task: str,
    subject: list[str],
    target: str,
    out: list[Path] | None,
    model: str,
    device: str | None,
    parameters: dict[str, Any],
    more: Callable[[Trace], list[Writer]] | None = None,
) -> None:
    """Run a task that ends in a class, and write its files, or one after the other into a folder.

    Args:
        task: its name.
        subject: the picture, or the folder of them, and the mask where the task has one.
        target: a class by name or index.
        out: the files, which are checked before the run, or the folder.
        model, device: as the options.
        parameters: the parameters' options.
        more: what else to write, once there is a run.
    """
    folder = folder_named(out or []) if len(subject) < 2 else None
    source = Path(subject[0]) if subject else None
    if folder is not None:
        pictures = None if source is None else pictures_in(source) if source.is_dir() else [source]
        paint_many(task, target, folder, model, device, parameters, pictures)
        return
    if source is not None and source.is_dir() and len(subject) < 2:
        raise PictureError(f"{str(source)!r} is a folder; name one with --out too, for what is made of its pictures.")
    outputs = checked_outputs(out or [default_name(target)])

    def make(function: Callable[..., Trace], **rest: Any) -> Trace:
        return function(*subject, class_given(target, rest["model"].classes), **rest)

    trace = paint(task, make, target, model, device, parameters)
    write_each([*run_writers(trace, outputs), *(more(trace) if more else [])])


def paint(
    task: str,
    make: Callable[..., Trace],
    title: str,
    model: str,
    device: str | None,
    parameters: dict[str, Any],
    *,
    stages: int = 1,
) -> Trace:
    """Run a task under a progress bar: ``make`` is handed the task's function and its keywords.

    Bad parameters are refused before anything is loaded.
    """
    checked = check_parameters(task, knob_values(task, parameters))
    from robust_widgets import tasks
    from robust_widgets.models.registry import load_model

    classifier = load_model(model, device=device)
    with StepBar(checked["steps"] * stages, title) as bar:
        return make(getattr(tasks, task), model=classifier, on_step=bar.show, **checked)
