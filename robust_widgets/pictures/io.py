"""Read pictures of every kind as NumPy arrays. Without torch, because a studio opens before torch is loaded."""

from __future__ import annotations

import io
import math
import os
import sys
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from robust_widgets.errors import PictureError, first_line, short_repr
from robust_widgets.pictures import Picture as Picture
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.files import as_path
from robust_widgets.pictures.limits import LARGEST_FLOAT_SIDE, SMALLEST_SIDE, is_too_large, sides_in_words

# Pillow's names of the formats that are opened, anywhere. Others are left out because nobody paints with them, and some
# because they are programs: PostScript starts Ghostscript. A JPEG may hold several pictures (MPO); its first is read.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
_LAYOUTS = "(height, width), (height, width, 3 or 4), (3, height, width) or a batch of these"


def open_picture(file: str | os.PathLike[str] | IO[bytes], formats: Sequence[str] = FORMATS) -> Image.Image:
    """Open a picture without decoding it. Every picture from elsewhere is opened here.

    Args:
        file: a path, or an open file.
        formats: Pillow's names of the formats to try.

    Raises:
        PictureError: it is too large.
        UnidentifiedImageError: it has another format.
        OSError, SyntaxError, ValueError: it cannot be opened, or is damaged.
    """
    if isinstance(file, (str, os.PathLike)) and Path(file).exists() and not Path(file).is_file():
        # Opening a pipe would wait for its other end.
        raise PictureError(f"{os.fspath(file)!r} is not a file; give the path of a PNG, JPEG or WebP picture.")
    try:
        picture = Image.open(file, formats=tuple(formats))
    except KeyError:  # an older Pillow without AVIF, the last of the list, so it is none of the others
        raise UnidentifiedImageError(f"cannot identify {file!r}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(f"The picture is too large; pictures have {sides_in_words()}.") from None
    if is_too_large(picture.width, picture.height):
        picture.close()
        raise PictureError(_of_impossible_size(picture.width, picture.height))
    return picture


def to_array(picture: Picture, *, square: bool = False) -> npt.NDArray[np.float32]:
    """Read a picture of any kind, or a batch, at its own size; float32 (n, height, width, 3) in [0, 1].

    Transparency is composited on white. Greyscale becomes RGB. 16-bit pictures keep their depth. Where the values tell
    that another one than the largest of 8 or 16 bits is white, a warning says so.

    Args:
        picture: a path, encoded bytes, PIL image, numpy array (uint8, uint16, or float in [0, 1]) or torch tensor.
        square: read only the middle square of a file or PIL image, and reduce it if it is larger than any use needs.

    Raises:
        PictureError: not a picture, damaged, of an impossible shape or size, or with values out of range.
    """
    return _on_white(to_layers(picture, square=square, reduce=square))


def _on_white(layers: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if layers.shape[3] == 1:
        return np.repeat(layers, 3, axis=3)
    if layers.shape[3] == 4:
        alpha = layers[..., 3:]
        return layers[..., :3] * alpha + (1 - alpha)
    return layers


def to_layers(picture: Picture, *, square: bool = False, reduce: bool = False) -> npt.NDArray[np.float32]:
    """Like :func:`to_array`, with greyscale and transparency as they are: (n, height, width, 1, 3 or 4).

    Args:
        picture: as for :func:`to_array`.
        square: read only the middle square of a file or PIL image.
        reduce: reduce a file or PIL image that is larger than any use needs.
    """
    picture = getattr(picture, "pixels", picture)  # of a run, a frame or a saved picture
    if isinstance(picture, (str, os.PathLike, bytes)):
        return _from_array(_decode(picture, square, reduce), "picture")
    if isinstance(picture, Image.Image):
        try:
            return _from_array(_from_pil(picture, square=square, reduce=reduce), "picture")
        except (PictureError, MemoryError):
            raise
        except Exception as error:  # PIL reads opened files lazily, and damaged bytes make it raise almost anything
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
    return _to_uint8(_fit(to_array(picture, square=True)[0], size))  # pyright: ignore[reportArgumentType]


def size_of(picture: Picture) -> tuple[int, int]:
    """Height and width of a picture of any kind, in pixels; raises like :func:`to_array`."""
    if isinstance(picture, (str, os.PathLike, bytes)):
        name, file = _named(picture)
        with _sentences(name), open_picture(file) as opened:
            height, width = opened.height, opened.width
            return (width, height) if _orientation(opened) in SIDEWAYS else (height, width)
    height, width = to_array(picture).shape[1:3]
    return height, width


def as_rgb(picture: Image.Image) -> Image.Image:
    """A PIL image as 8-bit RGB; reads and raises like :func:`to_array`.

    At its own size, unless it is very large and has transparency or more than 8 bits; then it is reduced.
    """
    if picture.mode in ("RGB", "L") and "transparency" not in picture.info:
        upright = _upright(picture)
        return upright if upright.mode == "RGB" else upright.convert("RGB")
    return Image.fromarray(_to_uint8(_on_white(_from_array(_from_pil(picture, reduce=True), "picture"))[0]))


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


def _decode(source: str | os.PathLike[str] | bytes, square: bool, reduce: bool) -> npt.NDArray[Any]:
    name, file = _named(source)
    with _sentences(name), open_picture(file) as opened:
        return _from_pil(opened, square=square, reduce=reduce)


def _named(source: str | os.PathLike[str] | bytes) -> tuple[str, Path | IO[bytes]]:
    """How a sentence calls a picture file, and the file."""
    if isinstance(source, bytes):
        return "the picture's data", io.BytesIO(source)
    name = short_repr(os.fspath(source))
    if not os.fspath(source):
        raise PictureError("The path of the picture is empty; give that of a PNG, JPEG or WebP picture.")
    path = as_path(source)
    with _sentences(name):
        if path.is_dir():
            raise PictureError(f"{name} is a folder; give the path of one picture in it.")
    return name, path


@contextmanager
def _sentences(name: str) -> Generator[None]:
    """Turn what Pillow raises into sentences about a file."""
    try:
        yield
    except UnidentifiedImageError:
        raise PictureError(f"{name} is not a picture in a known format; give a PNG, JPEG or WebP file.") from None
    except (PictureError, MemoryError):
        raise
    except FileNotFoundError:
        raise PictureError(f"There is no file {name}; give the path of a PNG, JPEG or WebP picture.") from None
    except Exception as error:  # damaged bytes make Pillow raise almost anything
        if getattr(error, "errno", None):  # the system's error, not Pillow's
            raise PictureError(
                f"{name} cannot be read ({first_line(error)}); check the file's name and its permissions."
            ) from None
        raise PictureError(
            f"{name} is damaged or incomplete ({first_line(error)}); give a complete picture file."
        ) from None


SIDEWAYS = range(5, 9)  # the EXIF orientations that exchange width and height


def _orientation(picture: Image.Image) -> int:
    value: object = picture.getexif().get(ExifTags.Base.Orientation)
    return value if isinstance(value, int) else 1


def _upright(picture: Image.Image) -> Image.Image:
    """The picture as its EXIF orientation wants it; itself, not a copy, if it is upright."""
    return ImageOps.exif_transpose(picture) if _orientation(picture) != 1 else picture


def _from_pil(picture: Image.Image, *, square: bool = False, reduce: bool = False) -> npt.NDArray[Any]:
    _check_size(picture.width, picture.height)
    picture = _upright(picture)
    side = min(picture.size)
    if square and picture.size != (side, side):
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        picture = picture.crop((left, top, left + side, top + side))
    has_alpha = picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info
    mode = _mode(picture.mode, has_alpha)
    picture = picture if picture.mode == mode else picture.convert(mode)
    factor = math.ceil(math.sqrt(picture.width * picture.height) / LARGEST_FLOAT_SIDE)
    if reduce and factor > 1:
        picture = picture.reduce(factor)
    values = np.asarray(picture)
    return _integer_levels(values) if mode == "I" else _float_levels(values) if mode == "F" else values


# A file of more than 8 bits does not say which value is white: cameras and scanners store 10, 12 or 14 bits in 16, and
# anything in 32.
BITS = (8, 10, 12, 14, 16)
ROUNDING = 1e-4


def _integer_levels(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Integers of 16 or 32 bits as float32 in [0, 1].

    White is the largest value of the fewest bits that hold them all, which is said unless it is 16.
    """
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    if low >= 0 and (high <= 1 or 2 ** BITS[-2] <= high < 2 ** BITS[-1]):
        return np.divide(values, 2 ** BITS[-1] - 1, dtype=np.float32)
    return _scaled(values, low, high)


def _float_levels(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Floats of a picture file in [0, 1]; those of another range are scaled as integers are, and it is said.

    Values that are not finite are left for the caller to refuse.
    """
    if not values.size or not np.isfinite(values).all():
        return values
    low, high = float(values.min()), float(values.max())
    return values if low >= -ROUNDING and high <= 1 + ROUNDING else _scaled(values, low, high)


def _scaled(values: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.float32]:
    bits = next((bits for bits in BITS if high < 2**bits), None)
    black, white = min(low, 0.0), float(high)
    if low >= 0 and bits is not None:
        white = float(2**bits - 1)
        _say(f"A picture holds values up to {high:,.7g}; it is read as {bits}-bit, with {white:,.0f} as white.")
    else:
        _say(
            f"A picture holds values from {low:,.7g} to {high:,.7g}; {black:,.7g} is read as black and {white:,.7g} as "
            "white."
        )
    levels = np.subtract(values, black, dtype=np.float32)
    levels /= max(white - black, 1e-12)
    return levels.clip(0, 1, out=levels)


def _say(sentence: str) -> None:
    warnings.warn(sentence, UserWarning, stacklevel=5)


def _mode(mode: str, has_alpha: bool) -> str:
    """The mode in which a PIL image of this mode is read."""
    if mode.startswith("I"):
        return "I"
    return "F" if mode == "F" else "RGBA" if has_alpha else "RGB"


def _check_size(width: int, height: int) -> None:
    if min(width, height) < SMALLEST_SIDE or is_too_large(width, height):
        raise PictureError(_of_impossible_size(width, height))


def _of_impossible_size(width: int, height: int) -> str:
    return f"The picture is {width:,} x {height:,} pixels; pictures have {sides_in_words()}. Scale or crop it first."


def _from_array(array: npt.NDArray[Any], kind: str, channels_first: bool = False) -> npt.NDArray[np.float32]:
    values = _unit_values(array, kind)
    nhwc = _nhwc(values, kind, channels_first)
    _check_size(nhwc.shape[2], nhwc.shape[1])
    return nhwc


def _unit_values(array: npt.NDArray[Any], kind: str) -> npt.NDArray[np.float32]:
    if array.dtype == np.uint8:
        return np.divide(array, 255, dtype=np.float32)
    if array.dtype == np.uint16:
        return _integer_levels(array)
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
