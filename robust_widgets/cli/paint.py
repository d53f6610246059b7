"""The six tasks from the shell, a command each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robust_widgets.cli.options import Device, Model, knob_values, with_knobs
from robust_widgets.cli.outputs import StepBar, Writer, checked_outputs, default_name, run_writers, write_each
from robust_widgets.cli.sentences import in_sentences
from robust_widgets.errors import PictureError
from robust_widgets.knobs import check_knobs

if TYPE_CHECKING:
    from robust_widgets.trace import Trace

PictureFile = Annotated[str, typer.Argument(metavar="PICTURE", help="A PNG, JPEG or WebP file.")]
MaskFile = Annotated[
    str, typer.Argument(metavar="MASK", help="A picture of the same shape, white where to paint and black elsewhere.")
]
Target = Annotated[str, typer.Argument(metavar="TARGET", help="A class of the model, by name or by index.")]
Out = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Where to write: .png the final pictures, .gif or .mp4 every step, .rwtrace or .npz the whole record. "
        "May be given again.",
        show_default="TARGET.png",
    ),
]


@in_sentences
@with_knobs("generate")
def generate(target: Target, out: Out = None, model: Model = "default", device: Device = None, **knobs: Any) -> None:
    """Make pictures of a class out of noise in its colours."""
    paint_class("generate", [], target, out, model, device, knobs)


@in_sentences
@with_knobs("sketch_to_image")
def sketch(
    picture: PictureFile,
    target: Target,
    out: Out = None,
    model: Model = "default",
    device: Device = None,
    **knobs: Any,
) -> None:
    """Turn a sketch into a picture of a class."""
    paint_class("sketch_to_image", [picture], target, out, model, device, knobs)


@in_sentences
@with_knobs("translate")
def translate(
    picture: PictureFile,
    target: Target,
    out: Out = None,
    model: Model = "default",
    device: Device = None,
    **knobs: Any,
) -> None:
    """Turn a photograph into a picture of another class."""
    paint_class("translate", [picture], target, out, model, device, knobs)


@in_sentences
@with_knobs("super_resolve")
def super_resolve(
    picture: PictureFile,
    target: Target,
    out: Out = None,
    strip: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write low resolution, bicubic and result next to each other, as .png."),
    ] = None,
    model: Model = "default",
    device: Device = None,
    **knobs: Any,
) -> None:
    """Enlarge a small picture with the detail of its class.

    Prints how far the result, made small again, is from the small picture (root mean square, values from 0 to 1).
    """
    strips = checked_outputs([strip] if strip else [], [".png"])

    def writers(trace: Trace) -> list[Writer]:
        from robust_widgets.files import write_whole
        from robust_widgets.reports import comparison_strip, low_resolution_error

        typer.echo(f"low-resolution error {low_resolution_error(trace):.4f}")
        sheet = comparison_strip(trace)
        return [(path, lambda path: write_whole(path, lambda file: sheet.save(file, "PNG"))) for path in strips]

    paint_class("super_resolve", [picture], target, out, model, device, knobs, writers)


@in_sentences
@with_knobs("inpaint")
def inpaint(
    picture: PictureFile,
    mask: MaskFile,
    target: Target,
    out: Out = None,
    model: Model = "default",
    device: Device = None,
    **knobs: Any,
) -> None:
    """Paint the masked part of a picture anew, as a class."""
    paint_class("inpaint", [picture, mask], target, out, model, device, knobs)


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
    **knobs: Any,
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

    trace = paint("paint_features", make, title, model, device, knobs, stages=len(feature))
    write_each(run_writers(trace, outputs))


def paint_class(
    task: str,
    subject: list[str],
    target: str,
    out: list[Path] | None,
    model: str,
    device: str | None,
    knobs: dict[str, Any],
    more: Callable[[Trace], list[Writer]] | None = None,
) -> None:
    """Run a task that ends in a class, and write its files.

    Args:
        task: its name.
        subject: the picture, and the mask where the task has one.
        target: a class by name or index.
        out: the files; they are checked before the run.
        model, device: as the options.
        knobs: the knobs' options.
        more: what else to write, once there is a run.
    """
    outputs = checked_outputs(out or [default_name(target)])

    def make(function: Callable[..., Trace], **rest: Any) -> Trace:
        classes = rest["model"].classes
        by_index = target.isdecimal() and target not in classes
        return function(*subject, int(target) if by_index else target, **rest)

    trace = paint(task, make, target, model, device, knobs)
    write_each([*run_writers(trace, outputs), *(more(trace) if more else [])])


def paint(
    task: str,
    make: Callable[..., Trace],
    title: str,
    model: str,
    device: str | None,
    knobs: dict[str, Any],
    *,
    stages: int = 1,
) -> Trace:
    """Run a task under a progress bar: ``make`` is handed the task's function and its keywords.

    Bad knobs are refused before anything is loaded.
    """
    checked = check_knobs(task, knob_values(task, knobs))
    from robust_widgets import tasks
    from robust_widgets.models.registry import load_model

    classifier = load_model(model, device=device)
    with StepBar(checked["steps"] * stages, title) as bar:
        return make(getattr(tasks, task), model=classifier, on_step=bar.show, **checked)
