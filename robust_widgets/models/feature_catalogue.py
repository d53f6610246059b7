"""The file of a feature catalogue: JSON, with all thumbnails in one JPEG."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from robust_widgets._files import atomic_write, checked_json, clean_name
from robust_widgets.errors import WeightsError, first_line
from robust_widgets.interface.session import Feature
from robust_widgets.pictures.grid import tile
from robust_widgets.pictures.io import open_picture

SUFFIX = ".features.json"
FORMAT = "robust-widgets features 1"
COLUMNS = 16


def catalogue_path(weights: Path, layer: str | None = None) -> Path:
    """The catalogue of a weights file, of a layer or of its penultimate one."""
    of_layer = "" if layer is None else f".{clean_name(layer)}"
    return weights.with_name(weights.stem + of_layer + SUFFIX)


def write_catalogue(path: Path, fingerprint: str, entries: Sequence[Feature], data: str = "") -> None:
    """Write a catalogue, atomically.

    Args:
        path: the file.
        fingerprint, entries, data: as :func:`catalogue_content` takes them.

    Raises:
        SaveError: the file cannot be written.
    """
    content = catalogue_content(fingerprint, entries, data)
    atomic_write(path, lambda file: file.write(content))


def catalogue_content(fingerprint: str, entries: Sequence[Feature], data: str = "") -> bytes:
    """A catalogue's file.

    Args:
        fingerprint: of the model it was made for.
        entries: the features, in the catalogue's order; thumbnails are square and of one size.
        data: the pictures that the units were measured on, in words; for people who read the file.
    """
    size = entries[0].thumbnail.shape[0]
    sheet = tile(np.stack([entry.thumbnail for entry in entries]), COLUMNS)
    jpeg = io.BytesIO()
    Image.fromarray(sheet).save(jpeg, "JPEG", quality=80)
    content = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "data": data,
        "side": size,
        "features": [{"name": entry.name, "unit": entry.unit, "classes": list(entry.classes)} for entry in entries],
        "sheet": base64.b64encode(jpeg.getvalue()).decode(),
    }
    return json.dumps(content, indent=0).encode()


def read_catalogue(path: Path, fingerprint: str | None) -> tuple[Feature, ...]:
    """Read a catalogue.

    Args:
        path: the file.
        fingerprint: of the model; None to read the catalogue of any model.

    Raises:
        WeightsError: the file is missing or damaged, or was made for weights with another fingerprint.
    """
    try:
        modified = path.stat().st_mtime_ns
    except OSError:
        raise WeightsError(
            f"There is no feature catalogue {str(path)!r}; make it with 'robust-widgets features MODEL DATA'."
        ) from None
    own_fingerprint, entries = _read(path, modified)
    if fingerprint is not None and own_fingerprint != fingerprint:
        raise WeightsError(
            f"The feature catalogue {str(path)!r} was made for other weights; "
            "make it again with 'robust-widgets features'."
        )
    return entries


@lru_cache(maxsize=4)
def _read(path: Path, modified: int) -> tuple[str, tuple[Feature, ...]]:
    from robust_widgets.models.schema import Catalogue  # pydantic takes a moment to load

    try:
        content = checked_json(Catalogue, path.read_bytes())
        size = content.side
        with open_picture(io.BytesIO(base64.b64decode(content.sheet)), ["JPEG"]) as opened:
            sheet = np.asarray(opened.convert("RGB"))
        entries: list[Feature] = []
        for index, entry in enumerate(content.features):
            top, left = size * (index // COLUMNS), size * (index % COLUMNS)
            thumbnail = sheet[top : top + size, left : left + size]
            if thumbnail.shape != (size, size, 3):
                raise ValueError("some thumbnails are missing")
            entries.append(Feature(entry.name, entry.unit, entry.classes, thumbnail))
        return content.fingerprint, tuple(entries)
    except Exception as error:  # damaged bytes make json, base64 and PIL raise almost anything
        raise WeightsError(
            f"The feature catalogue {str(path)!r} is damaged ({first_line(error)}); "
            "make it again with 'robust-widgets features'."
        ) from None
