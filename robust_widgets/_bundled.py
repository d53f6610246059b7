"""Files that ship inside the package: the bundled models and the widgets' front end."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parent
BUNDLED = PACKAGE / "models" / "weights"
STATIC = PACKAGE / "static"
DEFAULT = "default"


def model_names() -> tuple[str, ...]:
    """Names of the bundled models, sorted; `load_model` takes each."""
    return tuple(sorted(file.stem for file in BUNDLED.glob("*.safetensors")))


def weights_path(name: str) -> Path:
    """The weights file of a bundled model; its card and feature catalogue lie next to it.

    Args:
        name: one of `model_names`; other names give a path that does not exist.
    """
    return BUNDLED / f"{name}.safetensors"
