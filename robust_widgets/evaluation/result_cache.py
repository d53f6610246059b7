"""Measurements kept in a file as each is done, so that a run that was stopped measures none of them again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from robust_widgets._files import atomic_write
from robust_widgets.errors import SaveError
from robust_widgets.training.data import PictureSet

FORMAT = "robust-widgets measurements 1"


class Parts:
    """Parts of a measurement by name, each with what it was made of and what was found.

    Args:
        path: a JSON file; read where there is one.

    Raises:
        SaveError: the file is there but is not one of measurements.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._parts: dict[str, dict[str, Any]] = _read(path) if path.exists() else {}

    def get(
        self, name: str, of: dict[str, Any], measure: Callable[[], dict[str, Any]], *, afresh: bool = False
    ) -> dict[str, Any]:
        """What was found, as JSON gives it back: from the file if it was made of just this, else measured now and kept.

        Args:
            name: of the part.
            of: everything that decides it: models, pictures and options.
            measure: makes it.
            afresh: measure it even if it is known.

        Raises:
            SaveError: the file cannot be written; the old one is as it was.
        """
        wanted = json.loads(json.dumps(of))
        known = self._parts.get(name)
        if known is None or known["of"] != wanted or afresh:
            began = time.perf_counter()
            found = measure()
            known = {"of": wanted, "seconds": round(time.perf_counter() - began, 1), "found": found}
            self._parts[name] = known
            text = json.dumps({"format": FORMAT, "parts": self._parts}, indent=1)
            atomic_write(self.path, lambda file: file.write(text.encode()))
        return json.loads(json.dumps(known["found"]))

    def has(self, name: str, of: dict[str, Any]) -> bool:
        """Whether this part is known, made of just this."""
        return name in self._parts and self._parts[name]["of"] == json.loads(json.dumps(of))

    def seconds(self, name: str) -> float:
        """How long a known part took."""
        return float(self._parts[name]["seconds"])


def digest(data: PictureSet) -> str:
    """The first 16 hexadecimal digits of a SHA-256 over the pictures and their labels."""
    found = hashlib.sha256(data.pictures.contiguous().numpy().tobytes())
    found.update(data.labels.numpy().tobytes())
    return found.hexdigest()[:16]


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(path.read_text())
        if content["format"] != FORMAT:
            raise ValueError("another format")
        return {
            str(name): {key: part[key] for key in ("of", "seconds", "found")} for name, part in content["parts"].items()
        }
    except OSError as error:
        raise SaveError(f"{str(path)!r} cannot be read ({error.strerror}); choose another place.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SaveError(
            f"{str(path)!r} is there but holds no measurements of robust-widgets; move it away or name another file."
        ) from None
