"""Choose what a run paints: a class from a searchable list, a feature from the palette, or a layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import ipywidgets

from robust_widgets.interface.session import Layer, ModelInfo, PaintsClasses, Session
from robust_widgets.interface.tasks import Target
from robust_widgets.widgets.class_picker import ClassPicker
from robust_widgets.widgets.controls import LABEL_WIDTH, MIDDLE
from robust_widgets.widgets.palette import FeaturePalette

FIRST_CLASS = "goldfish"
NO_FEATURES = (
    "This model has no feature catalogue. Create one with <code>robust-widgets features MODEL DATA</code>; the studio "
    "shows it when it is opened again."
)


class LayerPicker:
    """A list of the layers of a network, each with its number of channels and its size.

    Args:
        layers: of the model; none while it is being loaded.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.channels: dict[str, int] = {}
        self.list = ipywidgets.Dropdown(
            options=[("the model is being loaded", "")],
            description="layer",
            tooltip="Whose channels the picture is for: early layers see colours and edges, later ones parts of things",
            style={"description_width": LABEL_WIDTH},
            layout={"width": f"{MIDDLE - 4}px"},
        )
        self.show(layers)

    def show(self, layers: Sequence[Layer]) -> None:
        """Offer these layers; at first, the one two thirds on the way through the network is selected."""
        self.channels = {layer.name: layer.channels for layer in layers}
        if layers:
            large = [layer for layer in layers if layer.height > 1] or layers
            places = [layer for layer in large if "." not in layer.name] or large  # not the parts of another one
            self.list.options = [
                (f"{layer.name}: {layer.channels} of {layer.height} x {layer.width}", layer.name) for layer in layers
            ]
            self.list.value = places[2 * (len(places) - 1) // 3].name

    def on_pick(self, callback: Callable[[], object]) -> None:
        """Call ``callback()`` for each layer that is selected."""
        self.list.observe(lambda _: callback(), "value")

    @property
    def count(self) -> int:
        """The number of channels of the selected layer; 1 while none is known."""
        return self.channels.get(self.value, 1)

    @property
    def value(self) -> str:
        """The name of the selected layer; ``""`` while none is known."""
        return str(self.list.value)

    @value.setter
    def value(self, name: str) -> None:
        if name in self.channels:
            self.list.value = name


class TargetPicker:
    """The list of classes, the palette of features, or the list of layers.

    Args:
        session: has the model, and may paint pictures of its classes.
    """

    def __init__(self, session: Session) -> None:
        self._model: ModelInfo = session.model
        model = self._model
        self.classes = ClassPicker(model.classes, FIRST_CLASS, model.synonyms, model.class_pictures)
        if isinstance(session, PaintsClasses) and not model.class_pictures:
            self.classes.on_want(lambda classes: session.paint_classes(classes, self.classes.show_picture))
        self.layers = LayerPicker(model.layers)
        self._kind: Target = "class"
        self.widget = ipywidgets.VBox([self.classes])

    @cached_property
    def palette(self) -> FeaturePalette:
        """The features; created on first use, because of their many thumbnails."""
        return FeaturePalette(self._model.features)

    @cached_property
    def _no_features(self) -> ipywidgets.HTML:
        return ipywidgets.HTML(NO_FEATURES)

    def show(self, kind: Target) -> None:
        """Show the list of classes, the palette of features or the list of layers; each keeps its selection."""
        self._kind = kind
        widget: ipywidgets.Widget = self.layers.list if kind == "layer" else self.classes
        if kind == "feature":
            widget = self.palette if self._model.features else self._no_features
        self.widget.children = [widget]

    @property
    def value(self) -> str:
        """The selected class, feature or layer.

        Raises:
            UnknownNameError: the text in the search box matches no class.
        """
        if self._kind == "layer":
            return self.layers.value
        return self.palette.value if self._kind == "feature" else self.classes.value
