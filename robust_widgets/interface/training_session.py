"""The training session protocol: how the monitor watches and controls a training run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from robust_widgets.pictures import Pixels

LearningState = Literal["idle", "reading", "running", "paused", "done", "stopped", "failed"]


@dataclass(frozen=True)
class TrainingPlan:
    """Facts about a run before its first step.

    Attributes:
        name: the model's name.
        classes: class names.
        pictures: number of training pictures.
        epochs, steps: of the whole run.
        first_step: where it continues; 0 for a new run.
        description: architecture, norm and epsilon in a few words.
        out: the file to be written.
    """

    name: str
    classes: tuple[str, ...]
    pictures: int
    epochs: int
    steps: int
    first_step: int
    description: str
    out: str


@dataclass(frozen=True)
class TrainingStep:
    """The numbers of one training step.

    Attributes:
        step: steps made, 1 to ``steps``.
        steps: of the whole run.
        epoch: the epoch of this step, from 1.
        loss: the running mean of the adversarial loss.
        learning_rate: used in this step.
        side: width and height of this step's pictures in pixels.
        seconds: since this run started or resumed.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    learning_rate: float
    side: int
    seconds: float


@dataclass(frozen=True)
class TrainingEpoch:
    """The results of an epoch.

    Attributes:
        epoch, epochs: from 1.
        step: steps made.
        loss: the running mean at its end.
        accuracies: shares in [0, 1] of validation pictures, ``{"clean": ..., "l2 1, 5 steps": ...}``.
        pictures: generated from the same seeds after every epoch with the averaged weights, uint8
            (n, height, width, 3).
        labels: the target class of each picture.
        seconds: since this run started or resumed.
    """

    epoch: int
    epochs: int
    step: int
    loss: float
    accuracies: dict[str, float]
    pictures: Pixels | None = None
    labels: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class TrainingNote:
    """A notice: skipped files, a halved batch, a checkpoint that could not be written."""

    text: str


@dataclass(frozen=True)
class TrainingEnded:
    """The last event of a run, until it starts again.

    Attributes:
        state: ``"done"``, ``"stopped"`` or ``"failed"``.
        message: one sentence.
        details: the traceback of a failed run, else "".
    """

    state: Literal["done", "stopped", "failed"]
    message: str
    details: str = ""


TrainingEvent: TypeAlias = TrainingPlan | TrainingStep | TrainingEpoch | TrainingNote | TrainingEnded
TrainingListener: TypeAlias = Callable[[TrainingEvent], None]


class TrainingSession(Protocol):
    """One training run that can be watched, paused, stopped and resumed.

    Listeners are called on the training thread, one event at a time, in order. Every start ends in exactly one
    `TrainingEnded`. Stopping and closing keep all progress: the next start continues from there.
    """

    @property
    def state(self) -> LearningState: ...

    def start(self, listener: TrainingListener) -> None:
        """Start, or continue a stopped run; returns immediately."""
        ...

    def pause(self) -> None:
        """Pause after the current step, keeping everything in memory."""
        ...

    def resume(self) -> None:
        """Continue after a pause."""
        ...

    def stop(self) -> None:
        """Stop after the current step, with a checkpoint to resume from."""
        ...

    def close(self) -> None:
        """Stop, and end the thread."""
        ...
