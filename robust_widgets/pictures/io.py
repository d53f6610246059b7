"""Read pictures of every kind as NumPy arrays. Without torch, because a studio opens before torch is loaded."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from robust_widgets.errors import PictureError, first_line
from robust_widgets.pictures import Pixels

if TYPE_CHECKING:
    from torch import Tensor

Picture: TypeAlias = "str | os.PathLike[str] | bytes | Image.Image | npt.NDArray[Any] | Tensor"
SMALLEST_SIDE = 4
LARGEST_SIDE = 10_000
_LAYOUTS = "(height, width), (height, width, 3 or 4), (3, height, width) or a batch of these"


def to_array(picture: Picture) -> npt.NDArray[np.float32]:
    """Read a picture of any kind, or a batch, at its own size; float32 (n, height, width, 3) in [0, 1].

    Transparency is composited on white. Greyscale becomes RGB. 16-bit pictures keep their depth.

    Args:
        picture: a path, encoded bytes, PIL image, numpy array (uint8, uint16, or float in [0, 1]) or torch tensor.

    Raises:
        PictureError: not a picture, damaged, of an impossible shape or size, or with values out of range.
    """
    if isinstance(picture, (str, os.PathLike, bytes)):
        return _from_array(_decode(picture), "picture")
    if isinstance(picture, Image.Image):
        try:
            return _from_array(_from_pil(picture), "picture")
        except (OSError, SyntaxError, ValueError) as error:  # PIL reads opened files lazily
            if isinstance(error, PictureError):
                raise
            raise PictureError(
                f"The PIL image cannot be read ({first_line(error)}); give one whose file is open and complete."
            ) from None
    if isinstance(picture, np.ndarray):
        return _from_array(picture, "array")
    torch = sys.modules.get("torch")  # whoever has a tensor has loaded it
    if torch is not None and isinstance(picture, torch.Tensor):
        values = picture.detach().cpu().resolve_neg()
        values = values.float() if values.dtype == torch.bfloat16 else values
        return _from_array(values.numpy(), "tensor", channels_first=True)
    raise PictureError(
        f"A {type(picture).__name__} is not a picture; give a path, a PIL image, a numpy array or a torch tensor."
    )


def to_square_pixels(picture: Picture | Sequence[Picture], size: int) -> Pixels:
    """One picture of any kind, or the first of several, as uint8 (size, size, 3).

    Crops, scales and raises like :func:`robust_widgets.pictures.tensors.to_batch`.
    """
    if isinstance(picture, (list, tuple)):
        if not picture:
            raise PictureError("The list of pictures is empty; give at least one.")
        return to_square_pixels(picture[0], size)
    return _to_uint8(_fit(to_array(picture)[0], size))  # pyright: ignore[reportArgumentType]


def as_rgb(picture: Image.Image) -> Image.Image:
    """A PIL image as 8-bit RGB at its own size; reads and raises like :func:`to_array`."""
    if picture.mode in ("RGB", "L") and "transparency" not in picture.info:
        return ImageOps.exif_transpose(picture).convert("RGB")
    return Image.fromarray(_to_uint8(to_array(picture)[0]))


def _fit(picture: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    """Resize the middle square, bicubic with anti-aliasing; (h, w, 3) -> (size, size, 3)."""
    height, width = picture.shape[:2]
    square = min(height, width)
    top, left = (height - square) // 2, (width - square) // 2
    picture = picture[top : top + square, left : left + square]
    if square == size:
        return picture
    # Resize float channels one by one: on 8-bit images PIL clips overshoot between its two passes.
    channels = [
        Image.fromarray(np.ascontiguousarray(picture[..., channel])).resize((size, size), Image.Resampling.BICUBIC)
        for channel in range(3)
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def _to_uint8(picture: npt.NDArray[np.float32]) -> Pixels:
    return (picture * 255 + 0.5).clip(0, 255).astype(np.uint8)


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
        raise PictureError(f"{name} is not a picture in a known format; give a PNG, JPEG or WebP file.") from None
    except Image.DecompressionBombError:
        raise PictureError(f"{name} is too large; a side may have at most {LARGEST_SIDE:,} pixels.") from None
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, PictureError):
            raise
        raise PictureError(
            f"{name} is damaged or incomplete ({first_line(error)}); give a complete picture file."
        ) from None


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


def _from_array(array: npt.NDArray[Any], kind: str, channels_first: bool = False) -> npt.NDArray[np.float32]:
    values = _unit_values(array, kind)
    nhwc = _nhwc(values, kind, channels_first)
    _check_size(nhwc.shape[2], nhwc.shape[1])
    if nhwc.shape[3] == 1:
        return np.repeat(nhwc, 3, axis=3)
    if nhwc.shape[3] == 4:
        alpha = nhwc[..., 3:]
        return nhwc[..., :3] * alpha + (1 - alpha)
    return nhwc


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
    shape = values.shape
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
    raise PictureError(f"The {kind} has shape {shape}; a picture has shape {_LAYOUTS}.")
