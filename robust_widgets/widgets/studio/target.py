"""What a run is asked for: a class from the list, or a feature from the palette, as the task wants."""

from __future__ import annotations

from functools import cached_property

import ipywidgets

from robust_widgets.interface.session import ModelInfo
from robust_widgets.widgets.class_picker import ClassPicker
from robust_widgets.widgets.palette import FeaturePalette
from robust_widgets.widgets.studio.tasks import TASK_UI

FIRST_CLASS = "goldfish"
NO_FEATURES = (
    "This model has no catalogue of features. <code>robust-widgets features MODEL DATA</code> makes one, and the "
    "studio shows it the next time it opens."
)


class TargetPicker:
    """The list of classes, or the palette of features.

    Args:
        model: what the session knows of its model.
    """

    def __init__(self, model: ModelInfo) -> None:
        self.classes = ClassPicker(model.classes, FIRST_CLASS, model.synonyms)
        self._model = model
        self.widget = ipywidgets.VBox([self.classes.widget])

    @cached_property
    def palette(self) -> FeaturePalette:
        """The features, made when they are first looked at: their pictures are many."""
        return FeaturePalette(self._model.features)

    def show_for(self, task: str) -> None:
        """Show what the task chooses from; the other keeps its choice."""
        shown: ipywidgets.Widget = self.classes.widget
        if TASK_UI[task].feature:
            shown = self.palette if self._model.features else ipywidgets.HTML(NO_FEATURES)
        self.widget.children = [shown]

    def value(self, task: str) -> str:
        """The class or feature chosen.

        Raises:
            UnknownNameError: what was typed is no class.
        """
        return self.palette.value if TASK_UI[task].feature else self.classes.value
