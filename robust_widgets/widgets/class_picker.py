"""A list of classes that is narrowed by typing."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import ipywidgets

from robust_widgets.errors import UnknownNameError, quoted
from robust_widgets.interface.class_search import class_search
from robust_widgets.widgets.controls import LABEL_WIDTH, MIDDLE


class ClassPicker:
    """A search box above a list; the list shows the classes that match, the best first.

    Args:
        classes: all class names.
        value: the class picked at first; by default the first one.
        synonyms: other names of each class, which are searched too.
    """

    def __init__(
        self,
        classes: tuple[str, ...],
        value: str | None = None,
        synonyms: tuple[tuple[str, ...], ...] = (),
        width: int = MIDDLE,
    ) -> None:
        self.classes = classes
        self._find = class_search(classes, synonyms)
        self._picked: list[Callable[[str], object]] = []
        self.search = ipywidgets.Text(
            placeholder=f"type to search {len(classes)}",
            description="find",
            continuous_update=True,
            style={"description_width": LABEL_WIDTH},
            layout={"width": f"{width - 4}px"},
        )
        self.list = ipywidgets.Select(
            options=classes,
            value=value if value in classes else classes[0],
            rows=5,
            description="class",
            style={"description_width": LABEL_WIDTH},
            layout={"width": f"{width - 4}px", "height": "104px"},
        )
        self.hint = ipywidgets.HTML()
        self.search.observe(self._narrow, "value")
        self.list.observe(self._on_pick, "value")
        self.widget = ipywidgets.VBox([self.search, self.list, self.hint])

    @property
    def value(self) -> str:
        """The class picked.

        Raises:
            UnknownNameError: what was typed matches no class, and none of the nearest was picked; the message names
                them.
        """
        if self.list.value is None:
            raise UnknownNameError(self._find.unknown(self.search.value.strip()))
        return str(self.list.value)

    @value.setter
    def value(self, name: str) -> None:
        if name not in self.classes:
            raise UnknownNameError(self._find.unknown(name))
        self.search.value = ""
        self.list.value = name

    def on_pick(self, callback: Callable[[str], object]) -> None:
        """Call back with each class that is picked."""
        self._picked.append(callback)

    def _narrow(self, _change: Any) -> None:
        typed = self.search.value.strip()
        matches = self._find.find(typed)
        if not matches:
            near = self._find.nearest(typed)
            self._say(f"No class has this name; the nearest are {quoted(near)}.")
            self.list.options, self.list.value = near, None
            return
        best = matches[0]
        self._say(f"{best.name!r} is also called {best.other!r}." if best.other else "")
        found = tuple(match.name for match in matches)
        picked = self.list.value
        self.list.options = found
        self.list.value = picked if picked in found and not typed else best.name

    def _say(self, words: str) -> None:
        self.hint.value = f"<div role='status'>{html.escape(words)}</div>" if words else ""

    def _on_pick(self, change: Any) -> None:
        if change["new"] is not None:
            for callback in self._picked:
                callback(str(change["new"]))
