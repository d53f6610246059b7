"""Small pictures enlarged with the detail of their class (paper, section 3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
from PIL import Image

from robust_widgets._deprecated import renamed_keywords
from robust_widgets.errors import ParameterError, TraceError
from robust_widgets.interface.parameters import (
    CONSTRAINT,
    ENLARGEMENT,
    EPSILON,
    FACTOR,
    NOISE_SEED,
    SIZE,
    STEP_SIZE,
    STEPS,
)
from robust_widgets.interface.tasks import Comparison, TaskSpec
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.limits import LARGEST_INPUT
from robust_widgets.runs.trace import Trace, require_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.pictures.tensors import Picture
    from robust_widgets.runs.record import Frame
    from robust_widgets.synthesis.problem import Problem


class Parameters(TypedDict, total=False):
    """The keywords."""

    factor: Annotated[float, FACTOR]
    # Small pictures need more than the paper's epsilon of 8 to leave their start.
    steps: Annotated[int, STEPS]
    epsilon: Annotated[float, EPSILON.with_default(20)]
    step_size: Annotated[float, STEP_SIZE]
    seed: Annotated[int | None, NOISE_SEED]
    enlargement: Annotated[str, ENLARGEMENT]
    constraint: Annotated[str, CONSTRAINT]
    size: Annotated[int | None, SIZE]


def super_resolve(
    picture: Picture | Sequence[Picture],
    target: str | int,
    *,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_step: Callable[[Frame], object] | None = None,
    **parameters: Unpack[Parameters],
) -> Trace:
    """Enlarge a small picture with the detail of its class.

    The picture is scaled to ``size / factor`` pixels, where size is the model's input size unless given, and enlarged
    again; then each step lowers the cross-entropy of the class. So a picture of exactly that small size is used
    unchanged, and a larger one is scaled down first.
    `robust_widgets.comparison_strip` puts low resolution, bicubic enlargement and result next to each other, and
    `robust_widgets.report` says how close the result, scaled down again, is to the small picture.

    Args:
        picture: the small picture, as :func:`robust_widgets.to_batch` takes it; one or a batch.
        target: what the picture shows: a class of the model, by name or index.
        factor: how many times the small picture is enlarged in width and height; 7 and 8 in the paper, at 224 pixels.
        steps: gradient steps; 40 or 50 in the paper, and more here for the larger epsilon.
        epsilon: L2 limit on the distance from the start, in pixels at 224; the paper's 8 and 15 change small pictures
            too little. Under Linf, levels of 255.
        step_size: L2 length of a step, in pixels at 224; 1 in the paper. Under Linf, levels of 255.
        constraint: ``"l2"``, ``"linf"`` or ``"none"``.
        enlargement: how the start is enlarged: ``"bicubic"``, or ``"nearest"`` as in the paper, whose blocks the steps
            sharpen into a grid at 64 pixels.
        seed: seeds smooth noise (deviation 0.009) that is added to the start; without it the steps weave a
            regular mesh where the start is smooth. None, as in the paper, adds none.
        size: width and height in pixels of the result; None is the model's own. A larger size is painted coarse
            to fine: at the model's own size first, then at each double of it with a smaller epsilon.
        model: a model, or what :func:`load_model` loads: a name or a file. By default the bundled ``"default"``.
        device: where to run; by default the fastest device.
        on_step: called with each :class:`Frame`; returning False stops the run.

    Returns:
        The run: ``frames`` uint8 (steps + 1, n, size, size, 3), ``metrics``, ``pictures``.

    Raises:
        PictureError: the picture cannot be read.
        UnknownNameError: no such class or parameter; the message names the nearest.
        ParameterError: a value out of range.
    """
    from robust_widgets.tasks.running.run import run_task

    return run_task(SPEC, target, parameters, picture=picture, model=model, device=device, on_step=on_step)


def problem(
    model: RobustClassifier, picture: Picture | Sequence[Picture], target: str | int, parameters: dict[str, Any]
) -> Problem:
    """The problem of a run."""
    from robust_widgets.pictures.tensors import resize, to_batch
    from robust_widgets.tasks.running.problems import size_of, towards_class, with_noise

    size = size_of(model, parameters)
    small = to_batch(picture, low_size(size, parameters["factor"]))
    start = resize(small, size, size) if parameters["enlargement"] == "bicubic" else _nearest(small, size)
    return towards_class(SPEC.name, model, with_noise(start, parameters["seed"]), target, parameters)


def _nearest(small: torch.Tensor, size: int) -> torch.Tensor:
    """Enlarged by nearest neighbour; float (n, 3, low, low) -> (n, 3, size, size)."""
    import torch

    # With integers: torch's own nearest upsampling rounds some origins down by one at odd factors.
    origin = torch.arange(size) * small.shape[-1] // size
    return small[:, :, origin][:, :, :, origin]


def low_resolution_error(trace: Trace) -> float:
    """How far the result of a super-resolution, scaled down again, is from the small picture.

    Root mean square over all values, in [0, 1]. The result is scaled down by least squares, to the small picture that
    comes nearest to it when enlarged as the start was; for nearest neighbour, that is the mean of each block.

    Raises:
        TraceError: the run is not a super-resolution.
    """
    low = low_resolution(trace).astype(np.float64)
    again = _scaled_down(trace, trace[-1].pixels)
    return float(np.sqrt(np.square((again - low) / 255).mean()))


def _caption(trace: Trace) -> str:
    return (
        "Low resolution, bicubic, result. Downsampled, the result differs from the low-resolution input by "
        f"{low_resolution_error(trace):.3f} (RMS, 0 to 1)."
    )


def low_resolution(trace: Trace) -> Pixels:
    """The low-resolution pictures that a super-resolution started from, uint8 (n, low, low, 3).

    Raises:
        TraceError: the run is not a super-resolution.
    """
    require_run(trace)
    if trace.task != "super_resolve" or not len(trace):
        raise TraceError(f"This run is {trace.task!r}; only a super-resolution has a low-resolution picture.")
    height, width = trace[0].pixels.shape[1:3]
    try:
        FACTOR.check(trace.parameters.get("factor"))
        ENLARGEMENT.check(trace.parameters.get("enlargement", "nearest"))
    except ParameterError as error:
        sentence = f"This run does not tell its low-resolution picture: {error}"
        raise TraceError(sentence) from None
    if height != width or width > LARGEST_INPUT:
        raise TraceError(
            f"This run has pictures of {width:,} x {height:,} pixels; those of a super-resolution are square, and at "
            f"most {LARGEST_INPUT:,} wide."
        )
    # Exact but for rounding and for the noise of the start, which nearly cancels out.
    return np.clip(np.round(_scaled_down(trace, trace[0].pixels)), 0, 255).astype(np.uint8)


def low_size(size: int, factor: float) -> int:
    """Width in pixels of the picture that is enlarged ``factor`` times to ``size``, rounded, at least 4."""
    return max(4, round(size / factor))


@renamed_keywords(side="size")
def comparison_strip(trace: Trace, size: int = 192) -> Image.Image:
    """Low resolution, bicubic enlargement and result next to each other, a row for each picture.

    Args:
        trace: a super-resolution.
        size: width of each picture in pixels.

    Raises:
        TraceError: the run is not a super-resolution.
    """
    gap = 4
    rows = list(zip(low_resolution(trace), trace[-1].pixels, strict=True))
    sheet = Image.new("RGB", (3 * size + 2 * gap, len(rows) * (size + gap) - gap), "white")
    for index, (low, result) in enumerate(rows):
        small = Image.fromarray(low)
        inner = Image.fromarray(result)
        pictures = (
            small.resize((size, size), Image.Resampling.NEAREST),
            small.resize(inner.size, Image.Resampling.BICUBIC).resize((size, size), Image.Resampling.BICUBIC),
            inner.resize((size, size), Image.Resampling.BICUBIC),
        )
        for column, picture in enumerate(pictures):
            sheet.paste(picture, (column * (size + gap), index * (size + gap)))
    return sheet


def _scaled_down(trace: Trace, pictures: Pixels) -> npt.NDArray[np.float64]:
    """The small pictures that come nearest to these, by least squares, when enlarged as the run's start was."""
    size = pictures.shape[1]
    low = low_size(size, trace.parameters["factor"])
    inverse = np.linalg.pinv(_enlarging_matrix(size, low, trace.parameters.get("enlargement", "nearest")))
    return np.einsum("ir,nrck,jc->nijk", inverse, pictures.astype(np.float64), inverse, optimize=True)


def _enlarging_matrix(size: int, low: int, enlargement: str) -> npt.NDArray[np.float64]:
    """The weight of each of ``low`` pixels in a row for each of ``size`` pixels; float64 (size, low)."""
    if enlargement == "nearest":
        return np.eye(low)[np.arange(size) * low // size]
    unit = Image.fromarray(np.eye(low, dtype=np.float32))
    return np.asarray(unit.resize((low, size), Image.Resampling.BICUBIC), dtype=np.float64)


SPEC = TaskSpec(
    function=super_resolve,
    keywords=Parameters,
    problem=problem,
    label="Super-resolve",
    hint="Load a picture; it is scaled down, then enlarged with the detail of its class.",
    order=4,
    shows_class=True,
    command_help="Prints the low resolution error: how far the result, scaled down again, is from the small picture "
    "(root mean square, values from 0 to 1).",
    report=lambda trace: {"low_resolution_error": low_resolution_error(trace)},
    comparison=Comparison(comparison_strip, "low resolution, bicubic and result", _caption),
    paper={"steps": 40, "epsilon": 8, "step_size": 1},
)
