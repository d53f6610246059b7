"""What a run is asked for: a class from the list, or a feature from the palette, as the task wants."""

from __future__ import annotations

import ipywidgets

from robust_widgets.session import ModelInfo
from robust_widgets.widgets.class_picker import ClassPicker
from robust_widgets.widgets.palette import FeaturePalette
from robust_widgets.widgets.studio.tasks import FACES

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
        self.palette = FeaturePalette(model.features)
        self._features: ipywidgets.Widget = self.palette if model.features else ipywidgets.HTML(NO_FEATURES)
        self.widget = ipywidgets.VBox([self.classes.widget])

    def show_for(self, task: str) -> None:
        """Show what the task chooses from; the other keeps its choice."""
        self.widget.children = [self._features if FACES[task].feature else self.classes.widget]

    def value(self, task: str) -> str:
        """The class or feature chosen.

        Raises:
            UnknownNameError: what was typed is no class.
        """
        return self.palette.value if FACES[task].feature else self.classes.value
