"""Keeps a painting over kernel restarts: a small file for each studio cell, replaced after every change."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from platformdirs import user_state_path

from robust_widgets.files import make_folder, write_whole
from robust_widgets.trace import Pixels
from robust_widgets.widgets.painting.raster import DEFAULT_SIDE, Raster

KEPT_DAYS = 30


@dataclass(frozen=True)
class Kept:
    """A painting that was kept: both layers, and when, in words."""

    image: Pixels
    sketch: Pixels
    when: str


class Autosave:
    """The kept painting of one place.

    Args:
        place: what names the studio, for example a notebook's path and a cell's id.
        folder: where the files are; by default the platform's folder for application state.
    """

    def __init__(self, place: str, folder: Path | None = None) -> None:
        self._folder = folder or user_state_path("robust-widgets") / "paintings"
        self._lock = threading.Lock()
        self.path = self._folder / f"{hashlib.sha256(place.encode()).hexdigest()[:24]}.npz"

    def save(self, raster: Raster) -> None:
        """Keep the raster as it is now.

        Raises:
            SaveError: the folder cannot be written.
        """
        with self._lock:
            make_folder(self._folder)
            write_whole(self.path, lambda file: np.savez_compressed(file, image=raster.image, sketch=raster.sketch))

    def load(self, side: int = DEFAULT_SIDE) -> Kept | None:
        """The kept painting; None if there is none that can be read."""
        self._forget_old()
        try:
            with np.load(self.path, allow_pickle=False) as kept:
                image, sketch = kept["image"], kept["sketch"]
            when = datetime.fromtimestamp(self.path.stat().st_mtime).strftime("%d %B, %H:%M")
        except Exception:  # Damaged bytes make zipfile, zlib and numpy raise almost anything.
            return None
        fits = image.shape == (side, side, 3) and sketch.shape == (side, side, 4)
        return Kept(image, sketch, when) if fits and image.dtype == sketch.dtype == np.uint8 else None

    def _forget_old(self) -> None:
        oldest = time.time() - KEPT_DAYS * 24 * 3600
        try:
            for file in self._folder.glob("*.npz"):
                if file.stat().st_mtime < oldest:
                    file.unlink()
        except OSError:
            return
