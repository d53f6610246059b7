"""Results of measurements in a file, written as each is done, so that an interrupted run repeats none of them."""

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


class ResultCache:
    """Results by name, each with the inputs that determine it.

    Args:
        path: a JSON file, which is read if it exists.

    Raises:
        SaveError: the file exists but holds something else, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._parts: dict[str, dict[str, Any]] = _read(path) if path.exists() else {}

    def get(
        self, name: str, of: dict[str, Any], measure: Callable[[], dict[str, Any]], *, use_cache: bool = True
    ) -> dict[str, Any]:
        """A result, as JSON returns it: cached if its inputs are the same, else measured and saved.

        Args:
            name: of the result.
            of: all its inputs: models, pictures and options.
            measure: computes it.
            use_cache: False to measure it in any case.

        Raises:
            SaveError: the file cannot be written; the old one is unchanged.
        """
        inputs = json.loads(json.dumps(of))
        part = self._parts.get(name)
        if part is None or part["of"] != inputs or not use_cache:
            start_time = time.perf_counter()
            result = measure()
            part = {"of": inputs, "seconds": round(time.perf_counter() - start_time, 1), "found": result}
            known = _read(self.path) if self.path.exists() else {}  # another process may have measured, too
            self._parts = self._parts | known | {name: part}
            text = json.dumps({"format": FORMAT, "parts": self._parts}, indent=1)
            atomic_write(self.path, lambda file: file.write(text.encode()))
        return json.loads(json.dumps(part["found"]))

    def has(self, name: str, of: dict[str, Any]) -> bool:
        """Whether there is a result of this name with these inputs."""
        return name in self._parts and self._parts[name]["of"] == json.loads(json.dumps(of))

    def seconds(self, name: str) -> float:
        """How long it took to measure a cached result."""
        return float(self._parts[name]["seconds"])


def digest(data: PictureSet) -> str:
    """The first 16 hexadecimal digits of a SHA-256 over the pictures and their labels."""
    content = hashlib.sha256(data.pictures.contiguous().numpy().tobytes())
    content.update(data.labels.numpy().tobytes())
    return content.hexdigest()[:16]


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
            f"{str(path)!r} exists but holds no measurements of robust-widgets; move it, or name another file."
        ) from None
