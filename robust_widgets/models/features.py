"""The features of a model: a name, classes and a thumbnail for each unit of its penultimate layer.

They are listed in a catalogue next to the model's weights, a file ``.features.json`` that ``robust-widgets features``
writes.
"""

from __future__ import annotations

import os

from robust_widgets._bundled import DEFAULT
from robust_widgets.errors import UnknownNameError, WeightsError, short_repr, unknown_name, whole_number
from robust_widgets.interface.session import Feature
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.feature_catalogue import catalogue_path, read_catalogue
from robust_widgets.models.registry import load_model


def model_features(
    model: RobustClassifier | str | os.PathLike[str] | None = None, layer: str | None = None
) -> tuple[Feature, ...]:
    """A model's feature catalogue, the most selective units first.

    Args:
        model: a model, or a name or file for :func:`load_model`; by default the bundled model ``"default"``.
        layer: the layer that ``robust-widgets features --layer`` made a catalogue of; by default the penultimate one.

    Returns:
        For each unit of the layer its name, index, the classes it is active for and a thumbnail,
        uint8 (h, w, 3).

    Raises:
        WeightsError: the model has no catalogue, or it is damaged or was made for other weights.
    """
    classifier = model if isinstance(model, RobustClassifier) else load_model(DEFAULT if model is None else model)
    if classifier.source is None:
        raise WeightsError(
            f"The model {classifier.card.name!r} was not loaded from a file, so it has no feature catalogue; "
            "give a unit's index, or save the model, run 'robust-widgets features' on the file, and load it."
        )
    return read_catalogue(catalogue_path(classifier.source, layer), classifier.fingerprint)


def has_features(model: RobustClassifier) -> bool:
    """Whether there is a catalogue next to the model's weights."""
    return model.source is not None and catalogue_path(model.source).is_file()


def feature_unit(model: RobustClassifier, feature: str | int | Feature) -> int:
    """The index of a feature's unit in the penultimate layer.

    Args:
        model: the model.
        feature: one of `model_features`, its name, in any case, or its index, as a number or a string.

    Raises:
        UnknownNameError: no such feature; the message names the nearest.
        WeightsError: as `model_features`.
    """
    if not isinstance(feature, str):
        unit = whole_number(feature)
        if unit is None or abs(unit) >= 10**9:
            raise UnknownNameError(
                f"There is no feature {short_repr(feature)}; give a name in the catalogue or a unit's index."
            )
        return unit
    name = feature.strip().casefold()
    if name.isdecimal() and len(name) < 10:
        return int(name)
    catalogue = {entry.name.casefold(): entry for entry in model_features(model)}
    if name not in catalogue:
        raise UnknownNameError(unknown_name("feature", feature, [entry.name for entry in catalogue.values()]))
    return catalogue[name].unit
