"""A bundled model that widgets can show before torch is imported."""

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
from robust_widgets.models.class_pictures import known_class_pictures
from robust_widgets.models.feature_catalogue import catalogue_path, read_catalogue
from robust_widgets.models.loading.class_names import synonyms

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier


@dataclass(frozen=True)
class BundledModel:
    """A bundled model that isn't loaded yet.

    Attributes:
        name: one of :func:`robust_widgets.model_names`.
        device: where it will run; None for the fastest device, which isn't known before torch is imported.
    """

    name: str = DEFAULT
    device: str | None = None

    @property
    def path(self) -> Path:
        """The weights file."""
        return weights_path(self.name)

    @cached_property
    def info(self) -> ModelInfo:
        """What widgets show about it.

        Raises:
            WeightsError: its file is damaged.
        """
        card = read_card(self.path)
        features = ()
        if catalogue_path(self.path).is_file():
            with suppress(WeightsError):  # a run that asks for a feature reports it
                features = read_catalogue(catalogue_path(self.path), None)
        return card.info(
            self.device or "",
            source=self.name,
            features=features,
            synonyms=synonyms(card.classes),
            class_pictures=known_class_pictures(self.path, len(card.classes)),
        )

    def load(self) -> RobustClassifier:
        """Load the model, as :func:`robust_widgets.load_model` does.

        Raises:
            WeightsError: its file is damaged.
        """
        from robust_widgets.models.registry import load_model

        return load_model(self.name, device=self.device)
