"""What the files next to a model's weights may hold: its card, and its feature catalogue."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from robust_widgets.pictures.limits import LARGEST_INPUT, LONGEST_NAME
from robust_widgets.runs.schema import Checked, Classes, Number, Scalar, Text

Colour = Annotated[tuple[Number, Number, Number], Field(strict=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Deviation = Annotated[tuple[Positive, Positive, Positive], Field(strict=False)]
Words = Annotated[str, Field(max_length=100 * LONGEST_NAME)]


class CardValues(Checked):
    """The card in a weights file; see :class:`robust_widgets.models.card.ModelCard`. Newer fields are left out."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    name: Text
    architecture: Text
    classes: Annotated[Classes, Field(min_length=1)]
    input_size: Annotated[int, Field(ge=1, le=LARGEST_INPUT)]
    mean: Colour
    std: Deviation
    norm: Literal["", "l2", "linf"] = ""
    radius: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    data: Words = ""
    accuracies: dict[Text, Number] = Field(default_factory=dict[str, float])
    training: dict[Text, Scalar] = Field(default_factory=dict[str, Any])


class CatalogueEntry(Checked):
    """A feature in a catalogue."""

    name: Text
    unit: Annotated[int, Field(ge=0, lt=2**31)]
    classes: Classes


class Catalogue(Checked):
    """A feature catalogue."""

    format: Literal["robust-widgets features 1"]
    fingerprint: Annotated[str, Field(max_length=128)]
    side: Annotated[int, Field(ge=1, le=LARGEST_INPUT)]
    features: Annotated[tuple[CatalogueEntry, ...], Field(strict=False)]
    sheet: str
