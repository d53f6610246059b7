"""Where downloads and measurements are kept. No torch here."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

VARIABLE = "ROBUST_WIDGETS_CACHE"


def cache_folder() -> Path:
    """The platform's folder for caches, or the one that the environment variable ``ROBUST_WIDGETS_CACHE`` names."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser().absolute() if named else user_cache_path("robust-widgets")
