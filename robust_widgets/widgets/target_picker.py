"""Choose what a run paints: a class from a searchable list, or a feature from the palette."""

from __future__ import annotations

from functools import cached_property

import ipywidgets

from robust_widgets.interface.session import ModelInfo, PaintsClasses, Session
from robust_widgets.widgets.class_picker import ClassPicker
from robust_widgets.widgets.palette import FeaturePalette

FIRST_CLASS = "goldfish"
NO_FEATURES = (
    "This model has no feature catalogue. Create one with <code>robust-widgets features MODEL DATA</code>; the studio "
    "shows it when it is opened again."
)


class TargetPicker:
    """The list of classes, or the palette of features.

    Args:
        session: has the model, and may paint pictures of its classes.
    """

    def __init__(self, session: Session) -> None:
        self._model: ModelInfo = session.model
        model = self._model
        self.classes = ClassPicker(model.classes, FIRST_CLASS, model.synonyms, model.class_pictures)
        if isinstance(session, PaintsClasses) and not model.class_pictures:
            self.classes.on_want(lambda classes: session.paint_classes(classes, self.classes.show_picture))
        self._features = False
        self.widget = ipywidgets.VBox([self.classes])

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
        widget: ipywidgets.Widget = self.classes
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
