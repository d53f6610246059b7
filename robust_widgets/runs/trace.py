"""The recorded run: what every view, plot, file and replay is made from. No torch here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from robust_widgets.errors import ParameterError
from robust_widgets.pictures import Pixels

if TYPE_CHECKING:
    import os

    from PIL import Image

METRICS = ("loss", "probability", "distance")


@dataclass(frozen=True)
class Frame:
    """One step of a run.

    Attributes:
        step: 0 for the start, then the number of updates made.
        pixels: the pictures, uint8 (n, height, width, 3).
        loss: that step's loss, float64 (n,).
        probability: that of what was asked for, float64 (n,).
        distance: from the start, in the constraint's norm and raw pixels, float64 (n,).
        seconds: since the run began.
        probabilities: the probability of every class of the model, float32 (n, classes); None where unknown.
        gradient: how strongly the next step pulls at each pixel, uint8 (n, height, width): the gradient's length over
            the channels, 255 where it is largest in the picture. None at the last frame, which no step follows.
    """

    step: int
    pixels: Pixels
    loss: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64]
    distance: npt.NDArray[np.float64]
    seconds: float
    probabilities: npt.NDArray[np.float32] | None = None
    gradient: Pixels | None = None


@dataclass(frozen=True)
class Loading:
    """How a model that was brought is loaded again.

    Attributes:
        source: the file or name that ``load_model`` was given; ``""`` for a network that was made in Python.
        given: the other arguments, by name.
        kind: of a network that was made in Python, its class.
    """

    source: str
    given: dict[str, Any] = field(default_factory=dict[str, Any])
    kind: str = ""


@dataclass
class Trace:
    """The record of one run. It grows while the run goes on; readers on other threads see whole frames only.

    Attributes:
        task: which task made it.
        parameters: every parameter of the run, by name.
        seed: the seed of the run, or None.
        model: the model's name.
        fingerprint: a hash of the model's weights, ``""`` if unknown.
        target: what was asked for, in words.
        classes: the model's class names, in the order of ``Frame.probabilities``.
        radius: the constraint's radius in the unit of ``distance``, or None where there is no limit.
        inputs: what a studio handed in: ``"picture"`` uint8 (h, w, 3) and ``"mask"`` uint8 (h, w), where there is one.
        loading: how its model is loaded again, where that was brought; it stays in memory, since a path is nobody
            else's business, so a run that was read back from a file does not know it.
    """

    task: str
    parameters: dict[str, Any]
    seed: int | None = None
    model: str = ""
    fingerprint: str = ""
    target: str = ""
    classes: tuple[str, ...] = ()
    radius: float | None = None
    inputs: dict[str, Pixels] = field(default_factory=dict[str, Pixels], repr=False)
    loading: Loading | None = field(default=None, repr=False, compare=False)
    _recorded: list[Frame] = field(default_factory=list["Frame"], repr=False)

    def append(self, frame: Frame) -> None:
        """Record one more frame."""
        self._recorded.append(frame)

    def __len__(self) -> int:
        """How many frames are recorded; one more than the steps made."""
        return len(self._recorded)

    def __getitem__(self, index: int) -> Frame:
        return self._recorded[index]

    @property
    def task_in_words(self) -> str:
        """The task as a person reads it; a `Problem` that somebody built has none of ours."""
        return "own problem" if self.task == "problem" else self.task.replace("_", " ")

    @property
    def frames(self) -> Pixels:
        """All pictures, uint8 (steps + 1, n, height, width, 3)."""
        self._require_frames()
        return np.stack([frame.pixels for frame in self._recorded])

    @property
    def metrics(self) -> dict[str, npt.NDArray[np.float64]]:
        """``"loss"``, ``"probability"`` and ``"distance"``, each float64 (steps + 1, n)."""
        self._require_frames()
        recorded = list(self._recorded)
        return {name: np.stack([getattr(frame, name) for frame in recorded]) for name in METRICS}

    @property
    def seconds(self) -> npt.NDArray[np.float64]:
        """When each frame was made, in seconds since the run began; (steps + 1,)."""
        return np.array([frame.seconds for frame in self._recorded])

    @property
    def pictures(self) -> list[Image.Image]:
        """The final pictures."""
        from PIL import Image

        self._require_frames()
        return [Image.fromarray(pixels) for pixels in self._recorded[-1].pixels]

    def mean(self, metric: str, index: int) -> float:
        """The mean of a metric over the batch at one frame; NaN where it has no meaning."""
        return float(np.mean(getattr(self._recorded[index], metric)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run to a file; the ending says how.

        ``.png`` the final pictures, ``.gif`` and ``.mp4`` all steps as an animation, ``.rwtrace`` the whole record,
        which JupyterLab plays without a kernel, and ``.npz`` the same as plain arrays; :func:`load_trace` reads
        both back.

        Raises:
            SaveError: another ending, or the file cannot be written. The run stays in memory.
        """
        from robust_widgets.runs.files import save_trace

        self._require_frames()
        save_trace(self, path)

    def _require_frames(self) -> None:
        if not self._recorded:
            raise ParameterError("This run has no frames yet; let it make at least one.")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """A player that needs no kernel, and a strip of steps where scripts do not run."""
        from robust_widgets.runs.notebook import mime_bundle

        return mime_bundle([self]) if self._recorded else {"text/plain": repr(self)}

    def __repr__(self) -> str:
        if not self._recorded:
            return f"Trace({self.task}, no frames yet)"
        last = self._recorded[-1]
        probability = float(np.mean(last.probability))
        reached = "" if math.isnan(probability) else f", probability {probability:.2f}"
        target = f" {self.target!r}" if self.target else ""
        return (
            f"Trace({self.task}{target}, {len(last.pixels)} of {last.pixels.shape[1]} x {last.pixels.shape[2]} px, "
            f"{last.step} steps, loss {float(np.mean(last.loss)):.3f}{reached})"
        )
