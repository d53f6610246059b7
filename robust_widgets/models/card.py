"""The model card, and reading it from a weights file without the weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open

from robust_widgets._files import checked_json
from robust_widgets.errors import WeightsError
from robust_widgets.interface.robustness import NOT_MEASURED, Robustness, training_claim
from robust_widgets.interface.session import ModelInfo
from robust_widgets.models.loading.file_format import check_header

FORMAT = "robust-widgets 1"


@dataclass(frozen=True)
class ModelCard:
    """Facts about a model, saved with its weights.

    Attributes:
        name: the model's name, for :func:`load_model` if it is a bundled or published one.
        architecture: the network's name; one of ``models.networks.architectures`` for a model of this package.
        classes: class names in the order of the logits.
        input_size: width in pixels of the pictures it was trained on.
        mean: mean of the normalisation for red, green and blue, for pictures in [0, 1].
        std: standard deviation, likewise.
        norm: the norm it was trained to resist, ``"l2"`` or ``"linf"``; ``""`` for a standard model.
        radius: the training epsilon, raw pixels at ``input_size``; 0 for a standard model.
        data: name and licence of the training data.
        accuracies: measured accuracies in [0, 1], for example ``{"clean": 0.63, "l2 1.0, 20 steps": 0.43}``.
        training: the command and settings that trained it.
        measured: the result of :func:`measure_robustness` on this machine; not saved with the weights.
    """

    name: str
    architecture: str
    classes: tuple[str, ...]
    input_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    norm: str = ""
    radius: float = 0.0
    data: str = ""
    accuracies: dict[str, float] = field(default_factory=dict[str, float])
    training: dict[str, Any] = field(default_factory=dict[str, Any])
    measured: Robustness | None = field(default=None, compare=False)

    @property
    def robustness(self) -> str:
        """The measured robustness, in a few words."""
        return self.measured.words if self.measured is not None else NOT_MEASURED

    @property
    def claim(self) -> str:
        """How the model was trained according to the card, in a few words; empty if it doesn't say."""
        if self.norm:
            return training_claim(self.norm, self.radius)
        return "trained without an attack" if self.training or self.accuracies else ""

    def info(self, device: str, **fields: Any) -> ModelInfo:
        """What widgets show about the model.

        Args:
            device: where it runs.
            fields: fields of `ModelInfo` that aren't on the card.
        """
        return ModelInfo(
            self.name, self.classes, self.input_size, device, self.architecture, claim=self.claim, **fields
        )


def is_model_file(path: Path) -> bool:
    """Whether any version of :func:`save_model` wrote this file."""
    try:
        check_header(path)
        with safe_open(path, framework="np") as file:
            return str((file.metadata() or {}).get("format")).startswith("robust-widgets")
    except (OSError, SafetensorError, WeightsError):
        return False


def read_card(path: Path) -> ModelCard:
    """Read the card of a weights file, without the weights.

    Raises:
        WeightsError: the file is missing, damaged, or not a model of this package.
    """
    with open_weights(path) as file:
        return card_in(path, file.metadata())


def open_weights(path: Path, framework: Literal["np", "pt"] = "np") -> Any:
    """Open a weights file, for its metadata and its tensors.

    Args:
        path: the file.
        framework: whether its tensors are read as numpy's, ``"np"``, or torch's, ``"pt"``.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    if not path.is_file():
        raise WeightsError(f"There is no weights file {str(path)!r}; give a .safetensors file or the name of a model.")
    try:
        check_header(path)
        return safe_open(path, framework=framework)
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"The file {str(path)!r} is not a readable safetensors file ({error}); it is damaged or in another format."
        ) from error


def card_in(path: Path, metadata: dict[str, str] | None) -> ModelCard:
    """The card in a file's metadata.

    Args:
        path: the file, for error messages.
        metadata: of the file.

    Raises:
        WeightsError: the file is not a model of this package, or its card is damaged.
    """
    if not metadata or metadata.get("format") != FORMAT:
        raise WeightsError(
            f"The file {str(path)!r} holds weights, but no model card of robust-widgets; "
            "give a file made by 'robust-widgets train'."
        )
    from robust_widgets.models.schema import CardValues  # pydantic takes a moment to load

    try:
        return ModelCard(**dict(checked_json(CardValues, metadata["card"])))
    except (KeyError, ValueError) as error:
        raise WeightsError(f"The model card in {str(path)!r} cannot be read ({error}); the file is damaged.") from error
