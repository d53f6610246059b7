"""Paths and names of what ships inside the package: the bundled models and the widgets' front end."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parent
STATIC = PACKAGE / "static"
WEIGHTS = PACKAGE / "models" / "weights"
DEFAULT = "default"  # of functions and commands
STUDIO = "photos"  # of a studio: what a new user sees first


def model_names() -> tuple[str, ...]:
    """Names of the bundled models, sorted; `load_model` takes each."""
    return tuple(sorted(file.stem for file in WEIGHTS.glob("*.safetensors")))


def weights_path(name: str) -> Path:
    """The weights file of a bundled model; its card and feature catalogue are next to it.

    Args:
        name: one of `model_names`; other names give a path that does not exist.
    """
    return WEIGHTS / f"{name}.safetensors"


def is_bundled(weights: Path) -> bool:
    """Whether a weights file is one of the bundled models'."""
    return weights.parent == WEIGHTS
