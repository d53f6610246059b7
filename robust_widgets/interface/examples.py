"""Examples that a studio begins with: sketches, and a photograph."""

from __future__ import annotations

import importlib.util

import numpy as np

from robust_widgets.errors import PictureError
from robust_widgets.interface.class_search import class_search
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.sketches import SKETCHES, render

PHOTOGRAPH = "chelsea"  # of a cat; scikit-image ships it
# What a photograph of a cat becomes: the first of these that the model knows.
PHOTOGRAPH_TARGETS = ("lion", "tiger", "dog", "bear")


def sketch_names(classes: tuple[str, ...]) -> list[str]:
    """The sketches of classes that a model knows, by name."""
    return [name for name in SKETCHES if class_search(classes).exactly(name)]


def class_of(name: str, classes: tuple[str, ...]) -> str:
    """The model's class that a sketch shows.

    Args:
        name: of the sketch, one of `sketch_names`.
        classes: the model's.
    """
    return classes[class_search(classes).exactly(name)[0]]


def sketch(name: str, side: int) -> Pixels:
    """A sketch by its name, uint8 (side, side, 4)."""
    return render(SKETCHES[name], side)


def has_photograph() -> bool:
    """Whether scikit-image is installed, which ships the photograph."""
    return importlib.util.find_spec("skimage") is not None


def photograph_target(classes: tuple[str, ...]) -> str:
    """A class that the photograph may become; ``""`` if the model knows none that suits it."""
    known = [name for name in PHOTOGRAPH_TARGETS if class_search(classes).exactly(name)]
    return class_of(known[0], classes) if known else ""


def photograph() -> Pixels:
    """A photograph of a cat from scikit-image, uint8 (h, w, 3).

    Raises:
        PictureError: scikit-image is missing, or does not have the photograph on this machine.
    """
    try:
        from skimage import data

        return np.asarray(getattr(data, PHOTOGRAPH)(), dtype=np.uint8)
    except Exception as error:  # newer versions download what they do not ship
        raise PictureError(
            f"The photograph could not be read from scikit-image ({type(error).__name__}); "
            "drop a picture of your own on the canvas."
        ) from error
