"""What a finished run promises and how far it kept it, read from its trace alone. No torch here."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from robust_widgets.errors import TraceError
from robust_widgets.pictures import Pixels
from robust_widgets.runs.trace import Trace


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

    Root mean square over all values, in [0, 1] units. Scaled down is what comes nearest to the picture when it is
    enlarged as the start was; for an enlargement by nearest neighbour, the mean of each block.

    Raises:
        TraceError: the run is not a super-resolution.
    """
    low = low_resolution(trace).astype(np.float64)
    again = _scaled_down(trace, trace[-1].pixels)
    return float(np.sqrt(np.square((again - low) / 255).mean()))


def low_resolution(trace: Trace) -> Pixels:
    """The low-resolution pictures that a super-resolution began with, uint8 (n, low, low, 3).

    Raises:
        TraceError: the run is not a super-resolution.
    """
    if trace.task != "super_resolve" or not len(trace):
        raise TraceError(f"This run is {trace.task!r}; only a super-resolution has a low-resolution picture.")
    # What was enlarged is found again but for rounding, and for a grain, which nearly cancels out.
    return np.clip(np.round(_scaled_down(trace, trace[0].pixels)), 0, 255).astype(np.uint8)


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


def _scaled_down(trace: Trace, pictures: Pixels) -> npt.NDArray[np.float64]:
    """By least squares, the small pictures that come nearest to these when enlarged as the run's start was."""
    side = pictures.shape[1]
    enlarging = _enlarging(
        side, low_side(side, trace.parameters["factor"]), trace.parameters.get("enlargement", "nearest")
    )
    back = np.linalg.pinv(enlarging)
    return np.einsum("ir,nrck,jc->nijk", back, pictures.astype(np.float64), back, optimize=True)


def _enlarging(side: int, low: int, enlargement: str) -> npt.NDArray[np.float64]:
    """What each of ``low`` pixels in a row gives to each of ``side`` pixels; float64 (side, low)."""
    if enlargement == "nearest":
        return np.eye(low)[np.arange(side) * low // side]
    one = Image.fromarray(np.eye(low, dtype=np.float32))
    return np.asarray(one.resize((low, side), Image.Resampling.BICUBIC), dtype=np.float64)
