"""The file of a model's class pictures: what each class looks like to it, all in one JPEG next to the weights."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from robust_widgets.errors import WeightsError, first_line
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.grid import tile
from robust_widgets.pictures.io import open_picture

SUFFIX = ".classes.jpg"
FORMAT = "robust-widgets classes 1"
SIDE = 64
COLUMNS = 16
QUALITY = 85


def class_pictures_path(weights: Path) -> Path:
    """The class pictures of a weights file."""
    return weights.with_name(weights.stem + SUFFIX)


def class_pictures_content(pictures: Sequence[Pixels], fingerprint: str) -> bytes:
    """The file's content: a sheet of pictures, with its format, their number and the model in the JPEG's comment.

    Args:
        pictures: uint8 (64, 64, 3), one for each class, in the order of the logits.
        fingerprint: of the model that painted them.
    """
    file = io.BytesIO()
    comment = f"{FORMAT}; {len(pictures)}; {fingerprint}"
    sheet = Image.fromarray(tile(np.stack(list(pictures)), COLUMNS))
    sheet.save(file, "JPEG", quality=QUALITY, subsampling=0, comment=comment.encode())
    return file.getvalue()


def read_class_pictures(path: Path, fingerprint: str | None = None) -> tuple[Pixels, ...]:
    """Read the pictures, uint8 (64, 64, 3), in the order of the logits.

    Args:
        path: the file.
        fingerprint: of the model; None to read those of any model.

    Raises:
        WeightsError: the file is missing or damaged, or another model painted the pictures.
    """
    try:
        made_by, pictures = _read(path, path.stat().st_mtime_ns)
    except OSError:
        raise WeightsError(
            f"There are no class pictures {str(path)!r}; make them with 'robust-widgets class-pictures MODEL'."
        ) from None
    if fingerprint is not None and made_by != fingerprint:
        raise WeightsError(
            f"The class pictures {str(path)!r} were painted with other weights; "
            "make them again with 'robust-widgets class-pictures'."
        )
    return pictures


def known_class_pictures(weights: Path | None, count: int, fingerprint: str | None = None) -> tuple[Pixels, ...]:
    """The class pictures next to a weights file; empty if there are none that can be used.

    Args:
        weights: the file; None for a model that was not loaded from one.
        count: the number of classes.
        fingerprint: as `read_class_pictures` takes it.
    """
    if weights is None:
        return ()
    with suppress(WeightsError):
        pictures = read_class_pictures(class_pictures_path(weights), fingerprint)
        return pictures if len(pictures) == count else ()
    return ()


@lru_cache(maxsize=4)
def _read(path: Path, modified: int) -> tuple[str, tuple[Pixels, ...]]:
    del modified  # part of the cache's key
    try:
        with open_picture(io.BytesIO(path.read_bytes()), ["JPEG"]) as opened:
            comment = bytes(opened.info.get("comment", b"")).decode("ascii", "replace")
            sheet = np.asarray(opened.convert("RGB"))
        format_name, count, fingerprint = comment.split("; ")
        places = [(SIDE * (index // COLUMNS), SIDE * (index % COLUMNS)) for index in range(int(count))]
        pictures = tuple(sheet[top : top + SIDE, left : left + SIDE] for top, left in places)
        if format_name != FORMAT or any(picture.shape != (SIDE, SIDE, 3) for picture in pictures):
            raise ValueError("some pictures are missing")
        return fingerprint, pictures
    except OSError:
        raise
    except Exception as error:  # damaged bytes make PIL raise almost anything
        raise WeightsError(
            f"The class pictures {str(path)!r} are damaged ({first_line(error)}); "
            "make them again with 'robust-widgets class-pictures'."
        ) from None
