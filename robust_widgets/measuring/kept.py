"""Measurements are kept, so that a model is measured once on a machine."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from pathlib import Path

from robust_widgets.errors import RobustWidgetsError
from robust_widgets.files import make_folder, write_whole
from robust_widgets.measuring.measure import COUNT, FIRST, GRAIN, GROWTH, HALVINGS, STEPS, SURE
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.published.cache import cache_folder
from robust_widgets.robustness import Robustness

METHOD = (1, COUNT, SURE, GRAIN, FIRST, GROWTH, STEPS, HALVINGS)


def kept_robustness(model: RobustClassifier) -> Robustness | None:
    """What was measured of this very model on pictures of its own, here or in an earlier process."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Robustness(**json.loads(_place(model).read_text("utf-8")))
    return None


def keep_robustness(model: RobustClassifier, found: Robustness) -> None:
    """Keep a measurement; where nothing can be written, it is made again next time."""
    text = json.dumps(dataclasses.asdict(found))
    with contextlib.suppress(RobustWidgetsError):
        make_folder(_place(model).parent)
        write_whole(_place(model), lambda file: file.write(text.encode()))


def _place(model: RobustClassifier) -> Path:
    """A file for these weights with this normalisation and size, measured in this way."""
    card = model.card
    key = repr((model.fingerprint, card.architecture, card.mean, card.std, card.input_size, METHOD))
    return cache_folder() / "robustness" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"
