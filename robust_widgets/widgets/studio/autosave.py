"""Keeps a painting over kernel restarts: a small file for each studio cell, replaced after every change."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from platformdirs import user_state_path

from robust_widgets._files import atomic_write, make_folder
from robust_widgets.pictures import Pixels
from robust_widgets.widgets.painting.raster import DEFAULT_SIDE, Raster

VARIABLE = "ROBUST_WIDGETS_STATE"
KEPT_DAYS = 30
# What a kernel leaves that was killed while it wrote.
PARTIAL_SECONDS = 3600


def state_folder() -> Path:
    """The folder in the environment variable ``ROBUST_WIDGETS_STATE``, or the platform's for application state."""
    path = os.environ.get(VARIABLE)
    return Path(path).expanduser().absolute() if path else user_state_path("robust-widgets")


@dataclass(frozen=True)
class Kept:
    """A painting that was kept: its layers, and when, in words."""

    image: Pixels
    sketch: Pixels
    mask: Pixels
    when: str

    def raster(self) -> Raster:
        """The painting to go on with."""
        raster = Raster(len(self.image))
        raster.image, raster.sketch, raster.mask = self.image, self.sketch, self.mask
        return raster


class Autosave:
    """The kept painting of one place.

    Args:
        place: what names the studio, for example a notebook's path and a cell's id.
        folder: where the files are; by default in `state_folder`.
    """

    def __init__(self, place: str, folder: Path | None = None) -> None:
        self._folder = folder or state_folder() / "paintings"
        self._lock = threading.Lock()
        self.path = self._folder / f"{hashlib.sha256(place.encode()).hexdigest()[:24]}.npz"

    def save(self, raster: Raster) -> None:
        """Keep the raster as it is now.

        Raises:
            SaveError: the folder cannot be written.
        """
        with self._lock:
            make_folder(self._folder)
            image, sketch, mask = raster.image, raster.sketch, raster.mask
            atomic_write(self.path, lambda file: np.savez_compressed(file, image=image, sketch=sketch, mask=mask))

    def load(self, side: int = DEFAULT_SIDE) -> Kept | None:
        """The kept painting; None if there is none that can be read."""
        self._forget_old()
        try:
            with np.load(self.path, allow_pickle=False) as kept:
                image, sketch = kept["image"], kept["sketch"]
                # Paintings of before there were masks have none.
                mask = kept["mask"] if "mask" in kept.files else np.zeros((side, side), np.uint8)
            when = datetime.fromtimestamp(self.path.stat().st_mtime).strftime("%d %B, %H:%M")
        except Exception:  # Damaged bytes make zipfile, zlib and numpy raise almost anything.
            return None
        shapes = [layer.shape for layer in (image, sketch, mask)]
        fits = shapes == [(side, side, 3), (side, side, 4), (side, side)]
        plain = all(layer.dtype == np.uint8 for layer in (image, sketch, mask))
        return Kept(image, sketch, mask, when) if fits and plain else None

    def _forget_old(self) -> None:
        now = time.time()
        for pattern, seconds in (("*.npz", KEPT_DAYS * 24 * 3600), (".*.partial", PARTIAL_SECONDS)):
            for file in self._folder.glob(pattern):
                # Another kernel may be tidying up too.
                with contextlib.suppress(OSError):
                    if file.stat().st_mtime < now - seconds:
                        file.unlink()
