"""A model is measured once on a machine: what was found is kept."""

from __future__ import annotations

import contextlib
import dataclasses

from robust_widgets.cache import keep, kept
from robust_widgets.measuring.measure import COUNT, FIRST, GRAIN, GROWTH, HALVINGS, STEPS, SURE, GoOn, measured
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.robustness import Robustness

KIND = "robustness"
METHOD = (1, COUNT, SURE, GRAIN, FIRST, GROWTH, STEPS, HALVINGS)


def robustness_of(model: RobustClassifier, go_on: GoOn = lambda: True) -> Robustness | None:
    """What was measured of this very model on pictures of its own, here or in an earlier process, or is measured now.

    Args:
        model: the classifier.
        go_on: asked before each step of a measurement.

    Returns:
        None if ``go_on`` said no.

    Raises:
        DataError: the model does not become sure of a class by painting.
    """
    key = _key(model)
    with contextlib.suppress(TypeError):  # the fields of another version
        return Robustness(**(kept(KIND, key) or {}))
    found = measured(model, go_on=go_on)
    if found is not None:
        keep(KIND, key, dataclasses.asdict(found))
    return found


def _key(model: RobustClassifier) -> tuple[object, ...]:
    """These weights with this normalisation and size, measured in this way."""
    card = model.card
    return model.fingerprint, card.architecture, card.mean, card.std, card.input_size, METHOD
