"""A shipped model, of which everything that a person sees is known before torch is loaded. No torch here."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from robust_widgets._bundled import DEFAULT, weights_path
from robust_widgets.errors import WeightsError
from robust_widgets.interface.session import ModelInfo
from robust_widgets.models.card import read_card
from robust_widgets.models.feature_catalogue import catalogue_path, read_catalogue
from robust_widgets.models.loading.class_names import synonyms

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier


@dataclass(frozen=True)
class BundledModel:
    """A model of :func:`robust_widgets.model_names` that is not loaded yet.

    Attributes:
        name: which.
        device: where it is to run; None for the fastest device, which is not known before torch is loaded.
    """

    name: str = DEFAULT
    device: str | None = None

    @property
    def path(self) -> Path:
        """Its weights file."""
        return weights_path(self.name)

    @cached_property
    def info(self) -> ModelInfo:
        """What a widget shows of it.

        Raises:
            WeightsError: its file is damaged.
        """
        card = read_card(self.path)
        features = ()
        if catalogue_path(self.path).is_file():
            with suppress(WeightsError):  # a run with a feature by name says what is wrong with the catalogue
                features = read_catalogue(catalogue_path(self.path), None)
        known = synonyms(card.classes)
        return card.shown(self.device or "", source=self.name, features=features, synonyms=known)

    def load(self) -> RobustClassifier:
        """The model itself, as :func:`robust_widgets.load_model` loads it.

        Raises:
            WeightsError: its file is damaged.
        """
        from robust_widgets.models.registry import load_model

        return load_model(self.name, device=self.device)
