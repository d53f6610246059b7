"""The class picker: a search field above a grid of the classes' pictures, best match first."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
import traitlets as t
from PIL import Image

from robust_widgets.errors import UnknownNameError, quoted
from robust_widgets.interface.class_search import class_search
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.grid import tile
from robust_widgets.widgets.page_widget import STATIC, HelloEvent, Message, PageWidget, is_count

COLUMNS = 16


@dataclass(frozen=True)
class WantEvent:
    """These classes came into view and have no picture yet."""

    classes: tuple[int, ...]


PickerEvent: TypeAlias = HelloEvent | WantEvent


class ClassPicker(PageWidget[PickerEvent]):
    """Classes as pictures, which can be searched.

    Args:
        classes: all class names.
        value: the class selected at first; by default the first one.
        synonyms: other names of each class, also searched.
        pictures: of each class, uint8 (h, w, 3), all of one size; none by default.

    Attributes:
        matching: indices of the classes that match the search, best first.
        search: what was typed.
        selected: the selected class; ``""`` if the text matches none.
        hint: a sentence about the search, or ``""``.
        painting: whether pictures can be asked for by `on_want`.
    """

    _esm = STATIC / "classes.js"
    _css = STATIC / "classes.css"

    names = t.List(t.Unicode()).tag(sync=True)
    matching = t.List(t.Int()).tag(sync=True)
    search = t.Unicode().tag(sync=True)
    selected = t.Unicode().tag(sync=True)
    hint = t.Unicode().tag(sync=True)
    sheet = t.Bytes().tag(sync=True)
    columns = t.Int(COLUMNS).tag(sync=True)
    painting = t.Bool(False).tag(sync=True)

    def __init__(
        self,
        classes: tuple[str, ...],
        value: str | None = None,
        synonyms: tuple[tuple[str, ...], ...] = (),
        pictures: Sequence[Pixels] = (),
    ) -> None:
        self.classes = classes
        self._search = class_search(classes, synonyms)
        self._painted: dict[int, bytes] = {}
        self._on_want: list[Callable[[tuple[int, ...]], object]] = []
        super().__init__(
            names=list(classes),
            matching=list(range(len(classes))),
            selected=value if value in classes else classes[0],
            sheet=_sheet(pictures),
        )
        self.observe(self._narrow, "search")
        self.on_event(self._answer)

    @property
    def value(self) -> str:
        """The selected class.

        Raises:
            UnknownNameError: the text matches no class and no suggestion was selected; the message lists suggestions.
        """
        if not self.selected:
            raise UnknownNameError(self._search.unknown(self.search.strip()))
        return self.selected

    @value.setter
    def value(self, name: str) -> None:
        if name not in self.classes:
            raise UnknownNameError(self._search.unknown(name))
        self.search = ""
        self.selected = name

    def on_pick(self, callback: Callable[[str], object]) -> None:
        """Call ``callback(name)`` for each class that is selected."""
        self.observe(lambda change: callback(change["new"]) if change["new"] else None, "selected")

    def on_want(self, callback: Callable[[tuple[int, ...]], object]) -> None:
        """Call ``callback(classes)`` with the indices of classes that came into view and have no picture."""
        self._on_want.append(callback)
        self.painting = True

    def show_picture(self, index: int, jpeg: bytes) -> None:
        """Show the picture of a class, a JPEG file, from now on; may be called on any thread."""
        self._painted[index] = jpeg
        self._send_picture(index)

    def parse(self, message: Message, buffers: Sequence[Any]) -> PickerEvent | None:
        del buffers
        if message.get("kind") == "hello":
            return HelloEvent()
        classes = message.get("classes")
        if message.get("kind") != "want" or not isinstance(classes, list):
            return None
        wanted = [index for index in cast("list[object]", classes)[: len(self.classes)] if is_count(index)]
        return WantEvent(tuple(index for index in wanted if index < len(self.classes)))

    @t.validate("selected")
    def _check_selected(self, proposal: dict[str, Any]) -> str:
        name = str(proposal["value"])
        if name and name not in self.classes:
            raise UnknownNameError(self._search.unknown(name))
        return name

    def _answer(self, event: PickerEvent) -> None:
        if isinstance(event, HelloEvent):
            for index in list(self._painted):
                self._send_picture(index)
            return
        missing = tuple(index for index in event.classes if index not in self._painted)
        for callback in self._on_want if missing else ():
            callback(missing)

    def _send_picture(self, index: int) -> None:
        self.send({"kind": "picture", "index": index}, buffers=[self._painted[index]])

    def _narrow(self, _change: Any) -> None:
        typed = self.search.strip()
        matches = self._search.find(typed)
        with self.hold_sync():
            if not matches:
                near = self._search.nearest(typed)
                self.hint = f"No class has this name; the closest are {quoted(near)}."
                self.matching, self.selected = [self.classes.index(name) for name in near], ""
                return
            best = matches[0]
            self.hint = f"{best.name!r} is also called {best.other!r}." if best.other else ""
            self.matching = [match.index for match in matches]
            names = {match.name for match in matches}
            self.selected = self.selected if self.selected in names and not typed else best.name


def _sheet(pictures: Sequence[Pixels]) -> bytes:
    """All pictures in one JPEG, `COLUMNS` per row; empty if there are none."""
    if not pictures:
        return b""
    file = io.BytesIO()
    Image.fromarray(tile(np.stack(list(pictures)), COLUMNS)).save(file, "JPEG", quality=90, subsampling=0)
    return file.getvalue()
