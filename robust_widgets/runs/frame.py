"""One step of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robust_widgets.pictures import Pixels


@dataclass(frozen=True)
class Frame:
    """One step of a run.

    Attributes:
        step: 0 for the start, then the number of updates so far.
        pixels: the pictures, uint8 (n, height, width, 3).
        loss: the loss at this step, float64 (n,).
        probability: of the target, float64 (n,).
        distance: from the start, in the constraint's norm and raw pixels, float64 (n,).
        seconds: since the run began.
        probabilities: of every class of the model, float32 (n, classes); None where unknown.
        gradient: magnitude of the gradient at each pixel, uint8 (n, height, width): its length over the channels,
            scaled so that the largest of a picture is 255. None for the last frame, because no step follows it.
    """

    step: int
    pixels: Pixels
    loss: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64]
    distance: npt.NDArray[np.float64]
    seconds: float
    probabilities: npt.NDArray[np.float32] | None = None
    gradient: Pixels | None = None
