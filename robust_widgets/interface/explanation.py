"""What the classifier sees in a picture, as values that need no torch, and how a studio asks for them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

from robust_widgets.pictures import Pixels
from robust_widgets.pictures.grid import enlarged, gallery
from robust_widgets.runs.trace import Trace

METHODS: Mapping[str, str] = {
    "gradient": "what a small change of each value does to the class",
    "integrated gradients": "the gradient's mean on the straight line from grey to the picture, times the difference",
    "smoothed gradient": "the gradient's mean over noisy copies (SmoothGrad)",
    "occlusion": "how much the class loses when a patch is covered with grey",
}
DEFAULT_METHOD = "integrated gradients"
STRONGEST = 99  # percentile of the attribution's size that is drawn in full colour
FOR, AGAINST = (214, 64, 16), (24, 96, 208)
DIFFERENCE_LEVELS = 127.5


@dataclass(frozen=True, eq=False)
class Explanation:
    """How much each value of a picture speaks for a class.

    Attributes:
        picture: as the model saw it, uint8 (h, w, 3).
        attribution: for the class where positive, against it where negative, float32 (h, w, 3); its unit is the
            method's.
        target: the class.
        probability: that the model gives the class, 0 to 1.
        method: one of `METHODS`.
        model: the model's name.
    """

    picture: Pixels
    attribution: npt.NDArray[np.float32]
    target: str
    probability: float
    method: str
    model: str

    @property
    def overlay(self) -> Pixels:
        """The picture in grey, orange where it speaks for the class and blue where against it; uint8 (h, w, 3)."""
        total = self.attribution.sum(2)
        strongest = max(float(np.percentile(np.abs(total), STRONGEST)), 1e-20)
        share = np.clip(np.abs(total) / strongest, 0, 1)[:, :, None]
        colour = np.where(total[:, :, None] > 0, np.array(FOR), np.array(AGAINST))
        grey = 96 + 0.6 * self.picture.mean(2, keepdims=True)
        return np.round(grey * (1 - share) + colour * share).astype(np.uint8)

    @property
    def caption(self) -> str:
        """Class, probability, method and model in a line."""
        return f"{self.target} {self.probability:.0%}, {self.method}, {self.model}"

    def image(self, size: int = 256) -> Image.Image:
        """The picture next to its overlay, each ``size`` pixels high."""
        return gallery([self.picture, self.overlay], [self.caption, ""], size=size)

    def _repr_png_(self) -> bytes:
        return png(self.image())

    def __repr__(self) -> str:
        return f"Explanation({self.caption})"


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """The smallest change found that makes a picture another class.

    Attributes:
        trace: the run from the picture to the change; its player has the slider between them.
        source: the class that the model saw first.
        target: the class that it sees in the end.
        epsilon: the length of the change, L2 in pixels at 224.
    """

    trace: Trace
    source: str
    target: str
    epsilon: float

    @property
    def picture(self) -> Pixels:
        """The first picture, uint8 (h, w, 3)."""
        return self.trace[0].pixels[0]

    @property
    def result(self) -> Pixels:
        """The changed picture, uint8 (h, w, 3)."""
        return self.trace[-1].pixels[0]

    @property
    def difference(self) -> Pixels:
        """The change around middle grey, the largest one in full; uint8 (h, w, 3)."""
        change = self.result.astype(np.float64) - self.picture
        largest = max(float(np.abs(change).max()), 1.0)
        return np.round(DIFFERENCE_LEVELS + DIFFERENCE_LEVELS * change / largest).astype(np.uint8)

    @property
    def probability(self) -> float:
        """The probability of the class in the end."""
        return float(self.trace[-1].probability[0])

    def image(self, size: int = 256) -> Image.Image:
        """The picture, the result and the difference side by side, each ``size`` pixels high."""
        end = f"{self.target} {self.probability:.0%}"
        captions = [self.source, end, f"difference, epsilon {self.epsilon:.1f}"]
        return gallery([self.picture, self.result, self.difference], captions, size=size)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """The player of the path."""
        return self.trace._repr_mimebundle_()  # pyright: ignore[reportPrivateUsage]

    def __repr__(self) -> str:
        return f"Counterfactual({self.source} to {self.target}, epsilon {self.epsilon:.1f})"


@dataclass(frozen=True)
class ExplainRequest:
    """Asks for an `Explanation` of a picture, uint8 (h, w, 3); without a target, of the most probable class."""

    picture: Pixels
    method: str = DEFAULT_METHOD
    target: str | None = None


@dataclass(frozen=True)
class CounterfactualRequest:
    """Asks for the `Counterfactual` of a picture, uint8 (h, w, 3)."""

    picture: Pixels
    target: str


@dataclass(frozen=True)
class NoAnswer:
    """Why there is no answer, in a sentence, and the traceback."""

    message: str
    details: str = ""


Question: TypeAlias = ExplainRequest | CounterfactualRequest
Answer: TypeAlias = Explanation | Counterfactual | NoAnswer


@runtime_checkable
class Explainer(Protocol):
    """A session that also answers questions about pictures, between its runs."""

    def ask(self, question: Question, listener: Callable[[Answer], object]) -> None:
        """Call the listener once, on the session's thread, with the answer."""
        ...


def png(image: Image.Image) -> bytes:
    """A picture as a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def shown_large(pixels: Pixels, size: int) -> bytes:
    """Pixels as a PNG at least ``size`` pixels high."""
    return png(enlarged(pixels, size))
