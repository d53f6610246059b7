"""Where pictures change their kind: files, PIL, numpy, torch.

Inside the project a picture is float32 in [0, 1], (n, 3, height, width), RGB; on the way to people it is uint8
(n, height, width, 3).
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from robust_widgets.errors import PictureError
from robust_widgets.trace import Pixels

Picture: TypeAlias = "str | os.PathLike[str] | bytes | Image.Image | npt.NDArray[Any] | Tensor"
Mask: TypeAlias = "Picture"
SMALLEST_SIDE = 4
LARGEST_SIDE = 10_000
_LAYOUTS = "(height, width), (height, width, 3 or 4), (3, height, width) or a batch of these"


def to_batch(pictures: Picture | Sequence[Picture], side: int) -> Tensor:
    """Pictures of any kind as one batch for a model.

    A picture that is not square is cropped to its middle square; one of another side is resampled with
    anti-aliasing. Transparency is laid over white. Greyscale becomes RGB. 16-bit pictures keep their depth.

    Args:
        pictures: a path, encoded bytes, PIL image, numpy array (uint8, uint16, or float in [0, 1]) or torch tensor;
            one, a batch of shape (n, ...), or a sequence of them.
        side: side of the result in pixels.

    Returns:
        float32 (n, 3, side, side) in [0, 1].

    Raises:
        PictureError: not a picture, damaged, of an impossible shape or size, or with values that are not pictures'.
    """
    if isinstance(pictures, (list, tuple)):
        if not pictures:
            raise PictureError("The list of pictures is empty; give at least one.")
        return torch.cat([to_batch(picture, side) for picture in pictures])
    return fit(_to_float(pictures), side)  # pyright: ignore[reportArgumentType]


def fit(batch: Tensor, side: int) -> Tensor:
    """The middle square of each picture at another side; float (n, 3, h, w) in [0, 1] -> (n, 3, side, side)."""
    height, width = batch.shape[2:]
    square = min(height, width)
    top, left = (height - square) // 2, (width - square) // 2
    batch = batch[:, :, top : top + square, left : left + square]
    if square == side:
        return batch.contiguous()
    return resize(batch, side, side)


def to_mask(mask: Mask, side: int) -> Tensor:
    """A mask of any kind: True, 1 of 0 and 1, or lighter than middle grey, where a task may paint.

    It is cropped and scaled as a picture of the same shape is, so both stay in register.

    Args:
        mask: anything `to_batch` takes, most often a bool array (h, w).
        side: side of the result in pixels.

    Returns:
        bool (n, 1, side, side).

    Raises:
        PictureError: not a picture, or it marks nothing, or everything.
    """
    if isinstance(mask, Tensor):
        mask = mask.detach().cpu().numpy() if mask.dtype == torch.uint8 else mask
    if isinstance(mask, np.ndarray) and mask.dtype == np.uint8 and mask.size and mask.max() <= 1:
        mask = mask.astype(bool)
    lightness = fit(_to_float(mask), side).mean(1, keepdim=True)
    inside = lightness >= 0.5
    share = inside.float().mean((1, 2, 3))
    if bool((share == 0).any()):
        raise PictureError("The mask is empty; mark the part of the picture that is to be painted.")
    if bool((share == 1).any()):
        raise PictureError("The mask covers the whole picture; leave a part of it unmarked, which stays as it is.")
    return inside


def shape_of(picture: Picture) -> tuple[int, int]:
    """Height and width of one picture of any kind, in pixels; raises as `to_batch`."""
    height, width = _to_float(picture).shape[2:]
    return height, width


def resize(batch: Tensor, height: int, width: int) -> Tensor:
    """Bicubic with anti-aliasing, clamped to [0, 1]; float (n, 3, h, w) -> (n, 3, height, width)."""
    return torch.nn.functional.interpolate(batch, (height, width), mode="bicubic", antialias=True).clamp(0, 1)


def to_pixels(batch: Tensor) -> Pixels:
    """Float (n, 3, h, w) in [0, 1], on any device, as uint8 (n, h, w, 3) in numpy: one copy, rounded."""
    return to_bytes(batch).cpu().numpy()


def to_bytes(batch: Tensor) -> Tensor:
    """As `to_pixels`, still on the device."""
    rounded = batch.detach().mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)
    return rounded.permute(0, 2, 3, 1).contiguous()


def to_pixels_of(picture: Picture, side: int) -> Pixels:
    """One picture of any kind as uint8 (side, side, 3); raises as :func:`to_batch`."""
    return to_pixels(to_batch(picture, side)[:1])[0]


def as_rgb(picture: Image.Image) -> Image.Image:
    """A PIL image as 8-bit RGB at its own size, read as :func:`to_batch` reads it; raises as that does."""
    if picture.mode in ("RGB", "L") and "transparency" not in picture.info:
        return ImageOps.exif_transpose(picture).convert("RGB")
    return Image.fromarray(to_pixels(_to_float(picture))[0])


def _to_float(picture: Picture) -> Tensor:
    """Any picture as float32 (n, 3, h, w) in [0, 1], at its own size."""
    if isinstance(picture, (str, os.PathLike, bytes)):
        return _from_array(_decode(picture), "picture")
    if isinstance(picture, Image.Image):
        try:
            return _from_array(_from_pil(picture), "picture")
        except (OSError, SyntaxError, ValueError) as error:  # PIL reads an opened file only now.
            if isinstance(error, PictureError):
                raise
            raise PictureError(f"The PIL image cannot be read ({error}); give a whole picture that is open.") from None
    if isinstance(picture, Tensor):
        values = picture.detach().cpu().resolve_neg()
        values = values.float() if values.dtype == torch.bfloat16 else values
        return _from_array(values.numpy(), "tensor", channels_first=True)
    if isinstance(picture, np.ndarray):  # pyright: ignore[reportUnnecessaryIsInstance] - callers are not all typed
        return _from_array(picture, "array")
    raise PictureError(
        f"A {type(picture).__name__} is not a picture; give a path, a PIL image, a numpy array or a torch tensor."
    )


def _decode(source: str | os.PathLike[str] | bytes) -> npt.NDArray[Any]:
    if isinstance(source, bytes):
        name, file = "the picture's data", io.BytesIO(source)
    else:
        name, file = repr(os.fspath(source)), Path(source)
        if not file.exists():
            raise PictureError(f"There is no file {name}; give the path of a PNG, JPEG or WebP picture.")
    try:
        with Image.open(file) as opened:
            _check_size(opened.width, opened.height)
            opened.load()
            return _from_pil(opened)
    except UnidentifiedImageError:
        raise PictureError(f"{name} is not a picture that can be read; give a PNG, JPEG or WebP file.") from None
    except Image.DecompressionBombError:
        raise PictureError(f"{name} is too large; a side may have at most {LARGEST_SIDE:,} pixels.") from None
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, PictureError):
            raise
        raise PictureError(f"{name} is damaged or cut off ({error}); give a whole picture file.") from None


def _from_pil(picture: Image.Image) -> npt.NDArray[Any]:
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        values = np.asarray(picture).astype(np.int64)
        return (values.clip(0, 65535) / 65535).astype(np.float32)
    if picture.mode == "F":
        return np.asarray(picture)
    has_alpha = picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info
    return np.asarray(picture.convert("RGBA" if has_alpha else "RGB"))


def _check_size(width: int, height: int) -> None:
    if min(width, height) < SMALLEST_SIDE or max(width, height) > LARGEST_SIDE:
        raise PictureError(
            f"The picture is {width:,} x {height:,} pixels; each side must have {SMALLEST_SIDE} to {LARGEST_SIDE:,}. "
            "Scale or crop it first."
        )


def _from_array(array: npt.NDArray[Any], kind: str, channels_first: bool = False) -> Tensor:
    values = _unit_values(array, kind)
    nhwc = _nhwc(values, kind, channels_first)
    _check_size(nhwc.shape[2], nhwc.shape[1])
    if nhwc.shape[3] == 1:
        nhwc = np.repeat(nhwc, 3, axis=3)
    elif nhwc.shape[3] == 4:
        alpha = nhwc[..., 3:]
        nhwc = nhwc[..., :3] * alpha + (1 - alpha)
    return torch.from_numpy(np.ascontiguousarray(nhwc.transpose(0, 3, 1, 2)))


def _unit_values(array: npt.NDArray[Any], kind: str) -> npt.NDArray[np.float32]:
    if array.dtype == np.uint8:
        return np.divide(array, 255, dtype=np.float32)
    if array.dtype == np.uint16:
        return np.divide(array, 65535, dtype=np.float32)
    if array.dtype == np.bool_:
        return array.astype(np.float32)
    if not np.issubdtype(array.dtype, np.floating):
        raise PictureError(f"The {kind} has values of type {array.dtype}; give uint8, uint16, or floats from 0 to 1.")
    if array.size and not np.isfinite(array).all():
        raise PictureError(f"The {kind} holds NaN or infinite values; every value must be a number from 0 to 1.")
    if array.size and (array.min() < -1e-4 or array.max() > 1 + 1e-4):
        raise PictureError(
            f"The {kind} holds values from {array.min():g} to {array.max():g}; floats must be from 0 to 1 "
            "(divide by 255, or give uint8)."
        )
    return array.astype(np.float32).clip(0, 1)


def _nhwc(values: npt.NDArray[np.float32], kind: str, channels_first: bool) -> npt.NDArray[np.float32]:
    given = values.shape
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim == 3:
        values = values[None]
    if values.ndim == 4 and 0 not in values.shape:
        first, last = values.shape[1] in (1, 3, 4), values.shape[3] in (1, 3, 4)
        if first and (channels_first or not last):
            return values.transpose(0, 2, 3, 1)
        if last:
            return values
    raise PictureError(f"The {kind} has shape {given}; a picture has shape {_LAYOUTS}.")
