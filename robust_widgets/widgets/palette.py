"""The palette of features: a grid of thumbnails to choose one from."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import anywidget
import numpy as np
import traitlets as t
from PIL import Image

from robust_widgets._bundled import STATIC
from robust_widgets.errors import UnknownNameError, unknown_name
from robust_widgets.interface.session import Feature

COLUMNS = 16
TILE = 48


class FeaturePalette(anywidget.AnyWidget):
    """Thumbnails of a model's features, narrowed by typing a class or a name.

    Args:
        features: the model's catalogue.

    Attributes:
        value: the name of the feature chosen; at first the first one's, ``""`` if there is none.
    """

    _esm = STATIC / "palette.js"
    _css = STATIC / "palette.css"

    entries = t.List(t.Dict()).tag(sync=True)
    sheet = t.Bytes().tag(sync=True)
    columns = t.Int(COLUMNS).tag(sync=True)
    value = t.Unicode().tag(sync=True)
    label = t.Unicode("Features").tag(sync=True)

    def __init__(self, features: Sequence[Feature], **traits: Any) -> None:
        super().__init__(
            entries=[{"name": one.name, "classes": list(one.classes)} for one in features],
            sheet=_sheet(features),
            value=features[0].name if features else "",
            **traits,
        )
        self._picked: list[Callable[[str], object]] = []
        self.on_msg(self._receive)

    def on_pick(self, callback: Callable[[str], object]) -> None:
        """Call back with each feature that is picked."""
        self._picked.append(callback)

    @t.validate("value")
    def _check_value(self, proposal: Mapping[str, Any]) -> str:
        names = [str(entry["name"]) for entry in self.entries]
        if proposal["value"] not in ("", *names):
            raise UnknownNameError(unknown_name("feature", str(proposal["value"]), names))
        return str(proposal["value"])

    def _receive(self, _widget: object, content: object, _buffers: object) -> None:
        message = cast("Mapping[str, object]", content) if isinstance(content, Mapping) else {}
        name = message.get("name")
        if message.get("kind") == "pick" and any(entry["name"] == name for entry in self.entries):
            self.value = str(name)
            for callback in self._picked:
                callback(self.value)


def _sheet(features: Sequence[Feature]) -> bytes:
    """All thumbnails in one JPEG, `COLUMNS` in a row."""
    if not features:
        return b""
    rows = -(-len(features) // COLUMNS)
    sheet = np.full((rows * TILE, COLUMNS * TILE, 3), 255, dtype=np.uint8)
    for index, feature in enumerate(features):
        picture = Image.fromarray(feature.thumbnail)
        if picture.size != (TILE, TILE):
            picture = picture.resize((TILE, TILE), Image.Resampling.LANCZOS)
        top, left = TILE * (index // COLUMNS), TILE * (index % COLUMNS)
        sheet[top : top + TILE, left : left + TILE] = np.asarray(picture)
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "JPEG", quality=85, subsampling=0)
    return file.getvalue()
