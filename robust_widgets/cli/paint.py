"""``robust-widgets sketch`` and ``robust-widgets generate``: a picture from the shell."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robust_widgets.cli.options import Device, knob_values, with_knobs
from robust_widgets.cli.sentences import in_sentences
from robust_widgets.errors import SaveError, quoted
from robust_widgets.knobs import check_knobs

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.synthesis import Problem
    from robust_widgets.trace import Frame, Trace

ENDINGS = (".png", ".gif", ".npz")

Target = Annotated[str, typer.Argument(metavar="TARGET", help="A class of the model, by name or by index.")]
Out = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Where to write: .png the final pictures, .gif every step, .npz the whole record. May be given again.",
        show_default="TARGET.png",
    ),
]
Model = Annotated[str, typer.Option(help="A shipped model by name, or a .safetensors file.")]


@in_sentences
@with_knobs("sketch_to_image")
def sketch(
    picture: Annotated[str, typer.Argument(metavar="PICTURE", help="The sketch: a PNG, JPEG or WebP file.")],
    target: Target,
    out: Out = None,
    model: Model = "default",
    device: Device = None,
    **knobs: Any,
) -> None:
    """Turn a sketch into a picture of a class."""
    outputs = checked_outputs(out, target)
    knobs = check_knobs("sketch_to_image", knob_values("sketch_to_image", knobs))
    from robust_widgets.tasks.sketch_to_image import sketch_problem

    save(
        record(lambda classifier, index: sketch_problem(classifier, picture, index, knobs), target, model, device),
        outputs,
    )


@in_sentences
@with_knobs("generate")
def generate(target: Target, out: Out = None, model: Model = "default", device: Device = None, **knobs: Any) -> None:
    """Make pictures of a class out of noise in its colours."""
    outputs = checked_outputs(out, target)
    knobs = check_knobs("generate", knob_values("generate", knobs))
    from robust_widgets.tasks.generate import generate_problem

    save(record(lambda classifier, index: generate_problem(classifier, index, knobs), target, model, device), outputs)


def checked_outputs(out: Sequence[Path] | None, target: str) -> list[Path]:
    """The files to write, refused before the work is done if they could not be written after it.

    Raises:
        SaveError: an unknown ending, or a folder that is missing or closed to us.
    """
    outputs = list(out or [Path(re.sub(r"[^\w.-]+", "-", target) + ".png")])
    for path in outputs:
        if path.suffix.lower() not in ENDINGS:
            raise SaveError(f"{str(path)!r} does not end in {quoted(ENDINGS)}; the ending says how a run is written.")
        if not path.parent.is_dir():
            raise SaveError(f"There is no folder {str(path.parent)!r} to write {path.name!r} into; make it first.")
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            raise SaveError(f"{str(path)!r} cannot be written; choose another place.")
    return outputs


def record(
    build: Callable[[RobustClassifier, str | int], Problem], target: str, model: str, device: str | None
) -> Trace:
    """Run what is built for a model and a class, under a progress bar with the probability of that class."""
    from tqdm import tqdm

    from robust_widgets.models.registry import load_model
    from robust_widgets.synthesis import run

    classifier = load_model(model, device=device)
    by_index = target.isdecimal() and target not in classifier.classes
    problem = build(classifier, int(target) if by_index else target)
    with tqdm(total=problem.steps, desc=problem.target, unit="step") as bar:

        def show(frame: Frame) -> None:
            bar.set_postfix(probability=f"{frame.probability.mean():.2f}", refresh=False)
            bar.update(frame.step - bar.n)

        return run(problem, show)


def save(trace: Trace, outputs: Sequence[Path]) -> None:
    """Write every output; one that cannot be written does not cost the others.

    Raises:
        SaveError: what could not be written.
    """
    failures: list[str] = []
    for path in outputs:
        try:
            trace.save(path)
        except SaveError as error:
            failures.append(str(error))
        else:
            typer.echo(f"wrote {path}")
    if failures:
        raise SaveError("\n".join(failures))
