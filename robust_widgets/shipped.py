"""Which models ship inside the package, and where their files are. No torch here."""

from __future__ import annotations

from pathlib import Path

BUNDLED = Path(__file__).parent / "models" / "weights"
DEFAULT = "default"


def model_names() -> tuple[str, ...]:
    """The models that ship inside the package."""
    return tuple(sorted(file.stem for file in BUNDLED.glob("*.safetensors")))
