"""Convert pictures to tensors and back.

Computations use float32 in [0, 1], (n, 3, height, width), RGB; files and widgets use uint8 (n, height, width, 3).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robust_widgets._deprecated import renamed_keywords
from robust_widgets.errors import PictureError, at_least
from robust_widgets.pictures import Picture as Picture
from robust_widgets.pictures import Pixels

Mask: TypeAlias = "Picture"


@contextmanager
def plain_torch(*, autocast: bool = False) -> Generator[None]:
    """torch as this package uses it, within any ``with`` block of the caller: tensors that gradients can pass through,
    made on the CPU, and no lower precision, unless ``autocast`` keeps it. Also a decorator.
    """
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if torch.empty(0).device.type != "cpu":
            stack.enter_context(torch.device("cpu"))
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind) and not autocast:
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


@renamed_keywords(side="size")
def to_batch(pictures: Picture | Iterable[Picture], size: int) -> Tensor:
    """Read pictures of any kind into one batch for a model.

    Pictures are cropped to their middle square and resized with anti-aliasing. Transparency is composited on white.
    Greyscale becomes RGB. 16-bit pictures keep their depth.

    Args:
        pictures: a path, encoded bytes, PIL image, numpy array (uint8, uint16, or float in [0, 1]) or torch tensor;
            one, a batch of shape (n, ...), or several of them. Also a run, a frame, or a saved picture.
        size: width and height of the result in pixels.

    Returns:
        float32 (n, 3, size, size) in [0, 1].

    Raises:
        PictureError: not a picture, damaged, of an impossible shape or size, or with values out of range.
    """
    side = at_least(1, size=size)
    if isinstance(pictures, (list, tuple, Iterator)):
        batches = [to_batch(picture, side) for picture in pictures]
        if not batches:
            raise PictureError("The list of pictures is empty; give at least one.")
        return torch.cat(batches)
    return fit(_to_float(pictures), side)  # pyright: ignore[reportArgumentType]


def fit(batch: Tensor, size: int) -> Tensor:
    """Resize the middle square of each picture; float (n, 3, h, w) in [0, 1] -> (n, 3, size, size)."""
    height, width = batch.shape[2:]
    square = min(height, width)
    top, left = (height - square) // 2, (width - square) // 2
    batch = batch[:, :, top : top + square, left : left + square]
    if square == size:
        return batch.contiguous()
    return resize(batch, size, size)


@renamed_keywords(side="size")
def to_mask(mask: Mask | Sequence[Mask], size: int) -> Tensor:
    """Read a mask of any kind. A task may paint where it is True, 1 of 0 and 1, or lighter than middle grey.

    Of a picture with transparent parts, the opaque ones are marked; of a picture of a few flat colours, all but black;
    of any other in colour, what is bright. Strokes that are thinner than a pixel of the result are marked, too.
    It is cropped and resized like a picture of the same shape, so both stay aligned.

    Args:
        mask: anything `to_batch` takes, most often a bool array (h, w), or (n, h, w) for several; or a list of them.
            Whole numbers may have any type, and be 0 and 1 or up to 255; a nested list of numbers is an array.
        size: width and height of the result in pixels.

    Returns:
        bool (n, 1, size, size).

    Raises:
        PictureError: not a picture, or it marks nothing or everything.
    """
    from robust_widgets.pictures.masks import mask_levels

    return fit_masks(mask_levels(mask), size)


def fit_masks(levels: Sequence[npt.NDArray[np.float32]], size: int) -> Tensor:
    """Masks at the size of a run, from what `mask_levels` gives; raises as `to_mask`."""
    from robust_widgets.pictures.masks import marked

    side = at_least(1, size=size)
    fitted = (fit(torch.from_numpy(values[:, None]), side).numpy() for values in levels)
    return torch.cat([torch.from_numpy(marked(*pair)) for pair in zip(levels, fitted, strict=True)])


def shape_of(picture: Picture) -> tuple[int, int]:
    """Height and width of a picture of any kind, in pixels; raises like `to_batch`."""
    from robust_widgets.pictures.io import size_of

    return size_of(picture)


def resize(batch: Tensor, height: int, width: int) -> Tensor:
    """Resize, bicubic with anti-aliasing, clamped to [0, 1]; float (n, 3, h, w) -> (n, 3, height, width)."""
    return torch.nn.functional.interpolate(batch, (height, width), mode="bicubic", antialias=True).clamp(0, 1)


def to_pixels(batch: Tensor) -> Pixels:
    """Round a batch to pixels: float (n, 3, h, w) in [0, 1] on any device -> NumPy uint8 (n, h, w, 3)."""
    return to_bytes(batch).cpu().numpy()


def from_pixels(pixels: Pixels) -> Tensor:
    """The inverse of `to_pixels`: uint8 (n, h, w, 3) in numpy as float32 (n, 3, h, w) in [0, 1]."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def to_bytes(batch: Tensor) -> Tensor:
    """Like `to_pixels`, but as a tensor on the same device."""
    rounded = batch.detach().mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)
    return rounded.permute(0, 2, 3, 1).contiguous()


def _to_float(picture: Picture) -> Tensor:
    """Read a picture, of files only the middle square, as float32 (n, 3, h, w) in [0, 1]."""
    from robust_widgets.pictures.io import to_array  # when the first one is read: the step loop needs none

    return torch.from_numpy(np.ascontiguousarray(to_array(picture, square=True).transpose(0, 3, 1, 2)))
