"""What a mask of any kind marks. Without torch; :func:`robust_widgets.to_mask` brings it to the size of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from robust_widgets.errors import PictureError
from robust_widgets.pictures.io import Picture, to_layers

Levels: TypeAlias = npt.NDArray[np.float32]
MIDDLE = 0.5
COLOURED = 0.25  # difference between channels that no greyscale picture has after JPEG
FLAT_COLOURS = 32  # a drawing of labels has no more colours
THIN = 1 / 16  # of a pixel, that a stroke covers
CHANNELS = (1, 3, 4)


def mask_levels(mask: Picture | Sequence[Picture]) -> list[Levels]:
    """How much each pixel of a mask is marked, from 0 to 1, at the mask's own size.

    Args:
        mask: one or several of anything that `to_layers` takes; also (n, h, w) for several, whole numbers of any type,
            and nested lists of numbers (h, w).

    Returns:
        For each mask, float32 (n, height, width).

    Raises:
        PictureError: one of them is not a picture.
    """
    masks = list(mask) if isinstance(mask, (list, tuple, Iterator)) else [mask]
    if masks and all(isinstance(row, (list, tuple)) and _is_numbers(row) for row in masks):
        masks = [_as_array(masks)]
    if not masks:
        raise PictureError("The list of masks is empty; give at least one.")
    pictures = [to_layers(_with_channel(picture), reduce=True) for picture in masks]
    return [np.stack([_levels(layers) for layers in batch]) for batch in pictures]


def marked(levels: Levels, fitted: Levels) -> npt.NDArray[np.bool_]:
    """Where a task may paint: `inside`, which is neither nothing nor everything.

    Raises:
        PictureError: a mask marks nothing or everything.
    """
    painted = inside(levels, fitted)
    for whole, own in zip(levels, painted[:, 0], strict=True):
        _check(whole, own)
    return painted


def inside(levels: Levels, fitted: Levels) -> npt.NDArray[np.bool_]:
    """What is marked by half, and strokes that are thinner than a pixel.

    Args:
        levels: what `mask_levels` gives, (n, height, width).
        fitted: its middle square at the size of a run, (n, 1, size, size).

    Returns:
        bool (n, 1, size, size).
    """
    painted = fitted >= MIDDLE
    height, width = levels.shape[1:]
    side, size = min(height, width), fitted.shape[-1]
    top, left = (height - side) // 2, (width - side) // 2
    for whole, square, own in zip(levels, fitted[:, 0], painted[:, 0], strict=True):
        if side > size:
            # A stroke's pixels stand alone; the faint edge of something larger touches it and stays out.
            reached = _largest(whole[top : top + side, left : left + side], size) >= MIDDLE
            own |= reached & (square >= THIN) & ~_widened(own)
            if not own.any() and reached.any():
                own |= reached & (square >= square.max() / 2)
    return painted


def _check(whole: Levels, inside: npt.NDArray[np.bool_]) -> None:
    if not inside.any():
        if whole.max() < MIDDLE:
            raise PictureError(
                "The mask is empty: nothing in it is lighter than middle grey; mark the part of the picture to paint."
            )
        raise PictureError(
            "The mask is empty in the middle square of the picture, and a task uses no more of it; mark something "
            "there, or crop the picture and the mask to what should be painted."
        )
    if inside.all():
        part = "picture" if whole.min() >= MIDDLE else "middle square of the picture, and a task uses no more of it"
        raise PictureError(f"The mask covers the whole {part}; leave a part of it unmarked; that part stays unchanged.")


def _is_numbers(row: Sequence[Any]) -> bool:
    return bool(row) and all(isinstance(value, (bool, int, float)) for value in row)


def _as_array(rows: Sequence[Any]) -> npt.NDArray[Any]:
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1:
        raise PictureError(f"The rows of the mask have {lengths[0]} to {lengths[-1]} values; give rows of one length.")
    return np.array(rows)


def _whole_numbers(mask: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Whole numbers of a type that no picture has: 0 and 1, or levels up to 255."""
    if mask.dtype.kind not in "iu" or (mask.dtype.itemsize == 1 and mask.dtype.kind == "u") or not mask.size:
        return mask
    low, high = mask.min(), mask.max()
    return mask.astype(np.bool_ if high <= 1 else np.uint8) if low >= 0 and high <= 255 else mask


def _with_channel(mask: Any) -> Any:
    """An array or tensor (n, h, w) as (n, 1, h, w), whole numbers as levels; anything else unchanged."""
    torch = sys.modules.get("torch")
    is_tensor = torch is not None and isinstance(mask, torch.Tensor)
    if isinstance(mask, np.ndarray):
        mask = _whole_numbers(mask)
    elif torch is not None and isinstance(mask, torch.Tensor) and not mask.is_floating_point():
        mask = torch.from_numpy(_whole_numbers(mask.detach().cpu().numpy()))
    if not (is_tensor or isinstance(mask, np.ndarray)) or mask.ndim != 3 or mask.shape[2] in CHANNELS:
        return mask
    is_bool = str(mask.dtype).endswith("bool")  # no picture is: its three planes are masks
    return mask[:, None] if is_bool or mask.shape[0] not in CHANNELS else mask


def _levels(layers: Levels) -> Levels:
    """How much each pixel is marked; (h, w, 1, 3 or 4) in [0, 1] -> (h, w)."""
    if layers.shape[2] == 4 and layers[..., 3].min() < MIDDLE:  # strokes on a transparent layer
        return layers[..., 3]
    lightness = layers[..., :3].mean(-1)
    levels = lightness if layers.shape[2] == 1 else _of_colours(layers[..., :3], lightness)
    low, high = levels.min(), levels.max()
    # The numbers 0 and 1, saved as levels of a picture; or two classes.
    if 0 < high <= 1 / 255 or (low == 0 < high < MIDDLE and bool(np.all((levels == 0) | (levels == high)))):
        return levels / high
    return levels


def _of_colours(colours: Levels, lightness: Levels) -> Levels:
    """Colours on black: every colour of a few flat ones is marked, else the bright ones."""
    brightest = colours.max(-1)
    if (brightest - colours.min(-1)).max() < COLOURED or brightest.min() >= MIDDLE:
        return lightness
    bytes_ = (colours * 255).round().astype(np.uint32)
    packed = bytes_[..., 0] << 16 | bytes_[..., 1] << 8 | bytes_[..., 2]
    if brightest.min() == 0 and len(np.unique(packed)) <= FLAT_COLOURS:
        return (brightest > 0).astype(np.float32)
    return brightest


def _largest(levels: Levels, size: int) -> Levels:
    """The largest value in each of ``size`` x ``size`` cells; (side, side), side > size -> (size, size)."""
    edges = np.arange(size) * levels.shape[0] // size
    return np.maximum.reduceat(np.maximum.reduceat(levels, edges, axis=0), edges, axis=1)


def _widened(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """With the eight neighbours of each pixel."""
    padded = np.pad(inside, 1)
    height, width = inside.shape
    return np.logical_or.reduce([padded[i : i + height, j : j + width] for i in range(3) for j in range(3)])
