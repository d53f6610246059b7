"""The feature palette: a grid of thumbnails to choose from."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets as t
from PIL import Image

from robust_widgets.errors import UnknownNameError, unknown_name
from robust_widgets.interface.session import Feature
from robust_widgets.widgets.page_widget import STATIC, Message, PageWidget, Remove

COLUMNS = 16
TILE = 48


@dataclass(frozen=True)
class PickEvent:
    """The user selected a feature."""

    name: str


class FeaturePalette(PageWidget[PickEvent]):
    """Thumbnails of a model's features, which can be searched by class or name.

    Args:
        features: the model's catalogue.

    Attributes:
        value: name of the selected feature, initially the first; ``""`` if there are none.
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
            entries=[{"name": feature.name, "classes": list(feature.classes)} for feature in features],
            sheet=_sheet(features),
            value=features[0].name if features else "",
            **traits,
        )
        self.on_event(self._pick)

    def on_pick(self, callback: Callable[[str], object]) -> Remove:
        """Call ``callback(name)`` for each feature that the user selects; returns a function that removes it."""
        return self.on_event(lambda event: callback(event.name))

    def parse(self, message: Message, buffers: Sequence[Any]) -> PickEvent | None:
        del buffers
        name = message.get("name")
        is_feature = any(entry["name"] == name for entry in self.entries)
        return PickEvent(str(name)) if message.get("kind") == "pick" and is_feature else None

    @t.validate("value")
    def _check_value(self, proposal: Mapping[str, Any]) -> str:
        names = [str(entry["name"]) for entry in self.entries]
        if proposal["value"] not in ("", *names):
            raise UnknownNameError(unknown_name("feature", str(proposal["value"]), names))
        return str(proposal["value"])

    def _pick(self, event: PickEvent) -> None:
        self.value = event.name


def _sheet(features: Sequence[Feature]) -> bytes:
    """All thumbnails in one JPEG, `COLUMNS` per row."""
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
