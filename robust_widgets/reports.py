"""What a finished run promises and how far it kept it, read from its trace alone. No torch here."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from robust_widgets.errors import TraceError
from robust_widgets.trace import Pixels, Trace


def report(trace: Trace) -> dict[str, float]:
    """The numbers of a run's last frame, means over its pictures.

    Returns:
        ``"steps"``, ``"loss"``, ``"probability"`` (left out where it has no meaning), ``"distance"``, ``"radius"``
        (left out where there is no limit); for super-resolution also ``"low_resolution_error"``, see
        `low_resolution_error`.

    Raises:
        TraceError: the run has no frames yet.
    """
    if not len(trace):
        raise TraceError("This run has no frames yet; let it make at least one.")
    last = trace[-1]
    numbers = {"steps": float(last.step), "loss": trace.mean("loss", -1), "distance": trace.mean("distance", -1)}
    probability = trace.mean("probability", -1)
    if not math.isnan(probability):
        numbers["probability"] = probability
    if trace.radius is not None:
        numbers["radius"] = trace.radius
    if trace.task == "super_resolve":
        numbers["low_resolution_error"] = low_resolution_error(trace)
    return numbers


def low_resolution_error(trace: Trace) -> float:
    """How far a super-resolved picture, scaled down again, is from the picture it was made from.

    Root mean square over all values, in [0, 1] units; each pixel of the low resolution is the mean of its block.

    Raises:
        TraceError: the run is not a super-resolution.
    """
    low = low_resolution(trace).astype(np.float64)
    again = np.stack([_blocks(picture, low.shape[1]) for picture in trace[-1].pixels])
    return float(np.sqrt(np.square((again - low) / 255).mean()))


def low_resolution(trace: Trace) -> Pixels:
    """The low-resolution pictures that a super-resolution began with, uint8 (n, low, low, 3).

    Raises:
        TraceError: the run is not a super-resolution.
    """
    if trace.task != "super_resolve" or not len(trace):
        raise TraceError(f"This run is {trace.task!r}; only a super-resolution has a low-resolution picture.")
    start = trace[0].pixels
    low = low_side(start.shape[1], trace.knobs["factor"])
    # The mean of a block is its one colour, and where a seed laid a grain over the block, nearly so.
    return np.stack([np.round(_blocks(picture, low)).astype(np.uint8) for picture in start])


def low_side(side: int, factor: float) -> int:
    """Side in pixels of the picture that is enlarged ``factor`` times to ``side``, rounded, at least 4."""
    return max(4, round(side / factor))


def comparison_strip(trace: Trace, side: int = 192) -> Image.Image:
    """Low resolution, bicubic enlargement and result next to each other, a row for each picture.

    Args:
        trace: a super-resolution.
        side: of each picture, in pixels.

    Raises:
        TraceError: the run is not a super-resolution.
    """
    gap = 4
    rows = list(zip(low_resolution(trace), trace[-1].pixels, strict=True))
    sheet = Image.new("RGB", (3 * side + 2 * gap, len(rows) * (side + gap) - gap), "white")
    for index, (low, result) in enumerate(rows):
        small = Image.fromarray(low)
        inner = Image.fromarray(result)
        pictures = (
            small.resize((side, side), Image.Resampling.NEAREST),
            small.resize(inner.size, Image.Resampling.BICUBIC).resize((side, side), Image.Resampling.BICUBIC),
            inner.resize((side, side), Image.Resampling.BICUBIC),
        )
        for column, picture in enumerate(pictures):
            sheet.paste(picture, (column * (side + gap), index * (side + gap)))
    return sheet


def _origins(side: int, low: int) -> npt.NDArray[np.int64]:
    """For each low-resolution pixel, the first pixel of its block; nearest upsampling copies it over the block."""
    return np.ceil(np.arange(low) * side / low).astype(np.int64)


def _blocks(picture: Pixels, low: int) -> npt.NDArray[np.float64]:
    """The mean of each low-resolution pixel's block."""
    side = picture.shape[0]
    starts = _origins(side, low)
    sums = np.add.reduceat(np.add.reduceat(picture.astype(np.float64), starts, axis=0), starts, axis=1)
    lengths = np.diff(np.append(starts, side)).astype(np.float64)
    return sums / np.outer(lengths, lengths)[..., None]
