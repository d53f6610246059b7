"""A loss on the picture as it looks when shifted a little, another way at each step."""

from __future__ import annotations

import torch
from torch import Tensor

from robust_widgets.errors import ParameterError
from robust_widgets.synthesis.objectives.base import Classifier, Objective


class Jitter(Objective):
    """The inner loss of the picture shifted at random by up to ``pixels`` each way, edges mirrored.

    All pictures of a batch are shifted alike. A network sees its own grid of strides and its borders in the same
    place at every step, and paints them; shifted each time, they do not show.

    Args:
        inner: the loss.
        pixels: the largest shift, in pixels of the picture that is optimised.
        seed: decides the shifts; each run makes the same ones.

    Raises:
        ParameterError: ``pixels`` is not a whole number of at least 0.
    """

    def __init__(self, inner: Objective, pixels: int, seed: int = 0) -> None:
        if isinstance(pixels, bool) or not hasattr(pixels, "__index__") or pixels < 0:
            raise ParameterError(f"The shift is {pixels!r} pixels; give a whole number of at least 0.")
        self.inner = inner
        self.pixels = pixels
        self.seed = seed
        self._generator = torch.Generator().manual_seed(seed)
        self._seen: Tensor | None = None
        self._shifted: Tensor | None = None

    def started(self) -> Objective:
        return Jitter(self.inner.started(), self.pixels, self.seed)

    def _shift(self, x: Tensor) -> Tensor:
        """``x`` shifted; the same answer as long as the question is the same tensor."""
        if self._shifted is None or self._seen is not x:
            most = min(self.pixels, x.shape[2] - 1, x.shape[3] - 1)
            down, right = torch.randint(0, 2 * most + 1, (2,), generator=self._generator).tolist()
            padded = torch.nn.functional.pad(x, (most,) * 4, mode="reflect")
            self._seen = x
            self._shifted = padded[:, :, down : down + x.shape[2], right : right + x.shape[3]]
        return self._shifted

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        return self.inner(model, self._shift(x))

    def probability(self, model: Classifier, x: Tensor) -> Tensor | None:
        return self.inner.probability(model, self._shift(x))

    def __repr__(self) -> str:
        return f"Jitter({self.inner!r}, {self.pixels})"
