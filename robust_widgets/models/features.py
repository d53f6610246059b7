"""The features of a model that can be painted with: a name, classes and a small picture for each unit.

A catalogue is one JSON file beside the model's weights, with the ending ``.features.json``; its thumbnails are one
JPEG sheet inside it. ``robust-widgets features`` makes it.
"""

from __future__ import annotations

import operator
import os

from robust_widgets.errors import UnknownNameError, WeightsError, unknown_name
from robust_widgets.interface.session import Feature
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.feature_catalogue import catalogue_path, read_catalogue
from robust_widgets.models.registry import DEFAULT, load_model


def features(model: RobustClassifier | str | os.PathLike[str] | None = None) -> tuple[Feature, ...]:
    """The catalogue of a model's penultimate layer, the most selective units first.

    Args:
        model: a model, or what :func:`load_model` loads, a name or a file; by default the shipped ``"default"``.

    Returns:
        For each unit its name, index, the classes it fires for and a thumbnail, uint8 (h, w, 3).

    Raises:
        WeightsError: no catalogue was made for the model, it is damaged, or it was made for other weights.
    """
    classifier = model if isinstance(model, RobustClassifier) else load_model(model or DEFAULT)
    if classifier.source is None:
        raise WeightsError(
            f"The model {classifier.card.name!r} was not read from a file, so it has no catalogue of features; "
            "give a unit by its index, or save the model, run 'robust-widgets features' on the file, and load it."
        )
    return read_catalogue(catalogue_path(classifier.source), classifier.fingerprint)


def has_features(model: RobustClassifier) -> bool:
    """Whether a catalogue lies beside the model's weights."""
    return model.source is not None and catalogue_path(model.source).is_file()


def feature_unit(model: RobustClassifier, feature: str | int) -> int:
    """The unit of a feature given by its name in the catalogue (any case), or by index.

    Raises:
        UnknownNameError: no feature has this name; the message names the nearest.
        WeightsError: as `features`.
    """
    if not isinstance(feature, str):
        if isinstance(feature, bool) or not hasattr(feature, "__index__"):
            raise UnknownNameError(f"There is no feature {feature!r}; give a name of the catalogue or a unit's index.")
        return operator.index(feature)
    wanted = feature.strip().casefold()
    if wanted.isdecimal():
        return int(wanted)
    known = {entry.name.casefold(): entry for entry in features(model)}
    if wanted not in known:
        raise UnknownNameError(unknown_name("feature", feature, [entry.name for entry in known.values()]))
    return known[wanted].unit
