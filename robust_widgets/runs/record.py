"""The data of a run: its frames, and everything that decided them."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from robust_widgets._deprecated import renamed_attribute
from robust_widgets.errors import StateError
from robust_widgets.pictures import Pixels
from robust_widgets.runs.frame import Frame as Frame

METRICS = ("loss", "probability", "distance")


@dataclass(frozen=True)
class LoadSpec:
    """How to load an external model again.

    Attributes:
        source: the file or name that ``load_model`` was called with; ``""`` for a network made in Python.
        arguments: the other arguments, by name.
        kind: the class of a network made in Python.
    """

    source: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    kind: str = ""


@dataclass
class RunRecord:
    """The record of one run. It grows during the run; readers on other threads only ever see whole frames.

    Attributes:
        task: name of the task.
        parameters: every parameter of the run, by name.
        seed: the seed of the run, or None.
        model: the model's name.
        fingerprint: a hash of the model's weights, ``""`` if unknown.
        target: the target class or feature, in words.
        classes: the model's class names, in the order of ``Frame.probabilities``.
        radius: the constraint's epsilon in the unit of ``distance``, or None if there is no limit.
        inputs: what a studio handed in: ``"picture"`` uint8 (h, w, 3) and ``"mask"`` uint8 (h, w), if there is one.
        loading: how to load the model again, if it is external. Kept in memory only, because paths are private; a run
            read from a file has none.
        sources: the files of pictures and masks that the run was made from; kept in memory only, too.
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
    loading: LoadSpec | None = field(default=None, repr=False, compare=False)
    sources: tuple[str, ...] = field(default=(), repr=False, compare=False)
    _recorded: list[Frame] = field(default_factory=list["Frame"], repr=False)

    def append(self, frame: Frame) -> None:
        """Record one more frame."""
        self._recorded.append(frame)

    def so_far(self) -> Self:
        """The run as it is now: a copy that does not grow, with the same frames."""
        now = copy.copy(self)
        now._recorded = list(self._recorded)
        return now

    def __len__(self) -> int:
        """Number of recorded frames: one more than the steps made."""
        return len(self._recorded)

    def __getitem__(self, index: int) -> Frame:
        return self._recorded[index]

    knobs = renamed_attribute("knobs", "parameters")

    @property
    def task_in_words(self) -> str:
        """The task as people read it; a `Problem` of somebody's own has no task name."""
        return "own problem" if self.task == "problem" else self.task.replace("_", " ")

    @property
    def pixels(self) -> Pixels:
        """The final pictures, uint8 (n, height, width, 3): those of the last frame."""
        self.require_frames()
        return self._recorded[-1].pixels

    @property
    def frames(self) -> Pixels:
        """All pictures, uint8 (steps + 1, n, height, width, 3)."""
        self.require_frames()
        return np.stack([frame.pixels for frame in self._recorded])

    @property
    def metrics(self) -> dict[str, npt.NDArray[np.float64]]:
        """``"loss"``, ``"probability"`` and ``"distance"``, each float64 (steps + 1, n)."""
        self.require_frames()
        recorded = list(self._recorded)
        return {name: np.stack([getattr(frame, name) for frame in recorded]) for name in METRICS}

    @property
    def seconds(self) -> npt.NDArray[np.float64]:
        """When each frame was made, in seconds since the run began; (steps + 1,)."""
        return np.array([frame.seconds for frame in self._recorded])

    def mean(self, metric: str, index: int) -> float:
        """The mean of a metric over the batch at one frame; NaN if it has no meaning."""
        return float(np.mean(getattr(self._recorded[index], metric)))

    def require_frames(self) -> None:
        """Check that there is something to show or save.

        Raises:
            StateError: there are no frames yet.
        """
        if not self._recorded:
            raise StateError("This run has no frames yet; let it make at least one.")

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
