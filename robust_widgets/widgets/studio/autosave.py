"""Autosave: each studio cell's painting is saved after every change, so it survives a kernel restart.

Only the user who painted may read the files.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from platformdirs import user_state_path

from robust_widgets._files import atomic_write, make_folder
from robust_widgets._files.partials import remove_stale_partials
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.limits import Budget
from robust_widgets.runs.reading import Arrays
from robust_widgets.runs.schema import PIXELS
from robust_widgets.widgets.painting.layers import Undrawn
from robust_widgets.widgets.painting.raster import DEFAULT_SIDE, Raster

VARIABLE = "ROBUST_WIDGETS_STATE"
MAX_AGE_DAYS = 30
LAYERS = {"image": PIXELS[3], "sketch": PIXELS[3], "mask": PIXELS[2]}
LAYERS_BYTES = 3 + 4 + 1  # of a pixel


def state_folder() -> Path:
    """The folder in the environment variable ``ROBUST_WIDGETS_STATE``, or the platform's for application state."""
    path = os.environ.get(VARIABLE)
    return Path(path).expanduser().absolute() if path else user_state_path("robust-widgets")


@dataclass(frozen=True)
class SavedPainting:
    """The layers of a saved painting, and when it was saved, in words."""

    image: Pixels
    sketch: Pixels
    mask: Pixels
    when: str

    def raster(self) -> Raster:
        """A raster to continue with."""
        raster = Raster(len(self.image))
        raster.image, raster.sketch, raster.mask = self.image, self.sketch, self.mask
        if self.sketch[..., 3].any():
            raster.history.keep([Undrawn("pixels")])
        return raster


class Autosave:
    """The saved painting of one studio.

    Args:
        place: identifies the studio, such as a notebook's path and a cell's id.
        folder: where the files are; by default in `state_folder`.
    """

    def __init__(self, place: str, folder: Path | None = None) -> None:
        self._folder = folder or state_folder() / "paintings"
        self._lock = threading.Lock()
        self.path = self._folder / f"{hashlib.sha256(place.encode()).hexdigest()[:24]}.npz"

    def save(self, raster: Raster) -> None:
        """Save the current raster.

        Raises:
            SaveError: the folder is not writable.
        """
        with self._lock:
            make_folder(self._folder, private=True)
            image, sketch, mask = raster.image, raster.sketch, raster.mask
            atomic_write(
                self.path, lambda file: np.savez_compressed(file, image=image, sketch=sketch, mask=mask), private=True
            )

    def load(self, side: int = DEFAULT_SIDE) -> SavedPainting | None:
        """The saved painting; None if there is none or it cannot be read."""
        self._remove_old()
        try:
            with zipfile.ZipFile(self.path) as archive:
                saved = Arrays(archive, Budget(LAYERS_BYTES * side**2), LAYERS)
                image, sketch = saved["image"], saved["sketch"]
                # Older files have no mask.
                mask = saved["mask"] if "mask" in saved else np.zeros((side, side), np.uint8)
            when = datetime.fromtimestamp(self.path.stat().st_mtime).strftime("%d %B, %H:%M")
        except Exception:  # damaged files make zipfile, zlib and numpy raise almost anything
            return None
        shapes = [layer.shape for layer in (image, sketch, mask)]
        fits = shapes == [(side, side, 3), (side, side, 4), (side, side)]
        return SavedPainting(image, sketch, mask, when) if fits else None

    def _remove_old(self) -> None:
        remove_stale_partials(self._folder)
        oldest = time.time() - MAX_AGE_DAYS * 24 * 3600
        for file in self._folder.glob("*.npz"):
            # Another kernel may be removing it, too.
            with contextlib.suppress(OSError):
                if file.stat().st_mtime < oldest:
                    file.unlink()
