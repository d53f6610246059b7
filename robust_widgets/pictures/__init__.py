"""Read, arrange and save pictures."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""Pictures as uint8 (..., height, width, 3), or a mask without the last axis."""
