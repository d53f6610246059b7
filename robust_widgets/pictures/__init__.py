"""Read, arrange and save pictures."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""Pictures as uint8 (..., height, width, 3), or a mask without the last axis."""

Picture: TypeAlias = "str | os.PathLike[str] | bytes | Image.Image | npt.NDArray[Any] | Tensor"
"""A picture as people give it."""
