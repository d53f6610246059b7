"""Choose what a run paints: a class from a searchable list, or a feature from the palette."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import cached_property
from typing import Any

import ipywidgets

from robust_widgets.errors import UnknownNameError, quoted
from robust_widgets.interface.class_search import class_search
from robust_widgets.interface.session import ModelInfo
from robust_widgets.widgets.controls import LABEL_WIDTH, MIDDLE
from robust_widgets.widgets.palette import FeaturePalette

FIRST_CLASS = "goldfish"
NO_FEATURES = (
    "This model has no feature catalogue. Create one with <code>robust-widgets features MODEL DATA</code>; the studio "
    "shows it when it is opened again."
)


class ClassPicker:
    """A search box above the list of matching classes, best match first.

    Args:
        classes: all class names.
        value: the class selected at first; by default the first one.
        synonyms: other names of each class, also searched.
        width: in CSS pixels.
    """

    def __init__(
        self,
        classes: tuple[str, ...],
        value: str | None = None,
        synonyms: tuple[tuple[str, ...], ...] = (),
        width: int = MIDDLE,
    ) -> None:
        self.classes = classes
        self._search = class_search(classes, synonyms)
        self._callbacks: list[Callable[[str], object]] = []
        self.search = ipywidgets.Text(
            placeholder=f"search {len(classes)} classes",
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
        """The selected class.

        Raises:
            UnknownNameError: the text matches no class and no suggestion was selected; the message lists suggestions.
        """
        if self.list.value is None:
            raise UnknownNameError(self._search.unknown(self.search.value.strip()))
        return str(self.list.value)

    @value.setter
    def value(self, name: str) -> None:
        if name not in self.classes:
            raise UnknownNameError(self._search.unknown(name))
        self.search.value = ""
        self.list.value = name

    def on_pick(self, callback: Callable[[str], object]) -> None:
        """Call ``callback(name)`` for each class that is selected."""
        self._callbacks.append(callback)

    def _narrow(self, _change: Any) -> None:
        typed = self.search.value.strip()
        matches = self._search.find(typed)
        if not matches:
            near = self._search.nearest(typed)
            self._show_hint(f"No class has this name; the closest are {quoted(near)}.")
            self.list.options, self.list.value = near, None
            return
        best = matches[0]
        self._show_hint(f"{best.name!r} is also called {best.other!r}." if best.other else "")
        names = tuple(match.name for match in matches)
        selected = self.list.value
        self.list.options = names
        self.list.value = selected if selected in names and not typed else best.name

    def _show_hint(self, text: str) -> None:
        self.hint.value = f"<div role='status'>{html.escape(text)}</div>" if text else ""

    def _on_pick(self, change: Any) -> None:
        if change["new"] is not None:
            for callback in self._callbacks:
                callback(str(change["new"]))


class TargetPicker:
    """The list of classes, or the palette of features.

    Args:
        model: the session's model.
    """

    def __init__(self, model: ModelInfo) -> None:
        self.classes = ClassPicker(model.classes, FIRST_CLASS, model.synonyms)
        self._model = model
        self._features = False
        self.widget = ipywidgets.VBox([self.classes.widget])

    @cached_property
    def palette(self) -> FeaturePalette:
        """The features; created on first use, because of their many thumbnails."""
        return FeaturePalette(self._model.features)

    @cached_property
    def _no_features(self) -> ipywidgets.HTML:
        return ipywidgets.HTML(NO_FEATURES)

    def show(self, *, features: bool) -> None:
        """Show the palette of features, or the list of classes; each keeps its selection."""
        self._features = features
        widget: ipywidgets.Widget = self.classes.widget
        if features:
            widget = self.palette if self._model.features else self._no_features
        self.widget.children = [widget]

    @property
    def value(self) -> str:
        """The selected class or feature.

        Raises:
            UnknownNameError: the text in the search box matches no class.
        """
        return self.palette.value if self._features else self.classes.value
