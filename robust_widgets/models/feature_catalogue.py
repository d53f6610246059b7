"""The file that a model's catalogue of features is kept in: JSON, with one JPEG sheet of thumbnails. No torch here."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from robust_widgets._files import atomic_write
from robust_widgets.errors import WeightsError
from robust_widgets.interface.session import Feature

ENDING = ".features.json"
FORMAT = "robust-widgets features 1"
COLUMNS = 16


def catalogue_path(weights: Path) -> Path:
    """Where the catalogue of a weights file is kept."""
    return weights.with_name(weights.stem + ENDING)


def write_catalogue(path: Path, fingerprint: str, entries: Sequence[Feature], data: str = "") -> None:
    """Write a catalogue, whole or not at all.

    Args:
        path: the file.
        fingerprint: of the model it was made for.
        entries: the features, in the catalogue's order.
        data: the pictures that the units were measured on, in words; kept for whoever reads the file.

    Raises:
        SaveError: the file cannot be written.
    """
    side = entries[0].thumbnail.shape[0]
    rows = -(-len(entries) // COLUMNS)
    sheet = np.full((rows * side, COLUMNS * side, 3), 255, dtype=np.uint8)
    for index, entry in enumerate(entries):
        top, left = side * (index // COLUMNS), side * (index % COLUMNS)
        sheet[top : top + side, left : left + side] = entry.thumbnail
    picture = io.BytesIO()
    Image.fromarray(sheet).save(picture, "JPEG", quality=80)
    content = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "data": data,
        "side": side,
        "features": [{"name": one.name, "unit": one.unit, "classes": list(one.classes)} for one in entries],
        "sheet": base64.b64encode(picture.getvalue()).decode(),
    }
    text = json.dumps(content, indent=0).encode()
    atomic_write(path, lambda file: file.write(text))


def read_catalogue(path: Path, fingerprint: str | None) -> tuple[Feature, ...]:
    """Read what `write_catalogue` wrote.

    Args:
        path: the file.
        fingerprint: of the model; None where its weights are not read yet, and what it was made for is not looked at.

    Raises:
        WeightsError: the file is missing or damaged, or was made for weights with another fingerprint.
    """
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        raise WeightsError(
            f"There is no catalogue of features {str(path)!r}; make it with 'robust-widgets features MODEL DATA'."
        ) from None
    made_for, entries = _read(path, changed)
    if fingerprint is not None and made_for != fingerprint:
        raise WeightsError(
            f"The catalogue {str(path)!r} was made for other weights; make it again with 'robust-widgets features'."
        )
    return entries


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> tuple[str, tuple[Feature, ...]]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}")
        side = int(content["side"])
        with Image.open(io.BytesIO(base64.b64decode(content["sheet"]))) as opened:
            sheet = np.asarray(opened.convert("RGB"))
        entries: list[Feature] = []
        for index, entry in enumerate(content["features"]):
            top, left = side * (index // COLUMNS), side * (index % COLUMNS)
            thumbnail = sheet[top : top + side, left : left + side]
            if side < 1 or thumbnail.shape != (side, side, 3):
                raise ValueError("its sheet of thumbnails is too small")
            entries.append(Feature(str(entry["name"]), int(entry["unit"]), tuple(entry["classes"]), thumbnail))
        return str(content["fingerprint"]), tuple(entries)
    except Exception as error:  # Damaged bytes make json, base64 and PIL raise almost anything.
        raise WeightsError(
            f"The catalogue {str(path)!r} is damaged ({error}); make it again with 'robust-widgets features'."
        ) from None
