"""How a widget watches and steers a training run: the interface between the monitor and the trainer. No torch here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from robust_widgets.pictures import Pixels

LearningState = Literal["idle", "reading", "running", "paused", "done", "stopped", "failed"]


@dataclass(frozen=True)
class TrainingPlan:
    """What is known of a run before its first step.

    Attributes:
        name: what the model will call itself.
        classes: class names.
        pictures: number of training pictures.
        epochs, steps: of the whole run.
        first_step: where it goes on; 0 for a new run.
        description: architecture, norm and radius in a few words.
        out: the file that will be written.
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
        step: steps done, 1 to ``steps``.
        steps: of the whole run.
        epoch: the one this step belongs to, from 1.
        loss: the running mean of the adversarial loss.
        learning_rate: used in this step.
        side: side in pixels of the pictures of this step.
        seconds: since this run began or went on.
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
    """What an epoch came to.

    Attributes:
        epoch, epochs: from 1.
        step: steps done.
        loss: the running mean at its end.
        accuracies: shares in [0, 1] of validation pictures, ``{"clean": ..., "l2 1, 5 steps": ...}``.
        pictures: painted by the averaged weights from the same seeds after every epoch, uint8 (n, height, width, 3).
        labels: the class each of them was painted towards.
        seconds: since this run began or went on.
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
    """Something the person should know: skipped files, a halved batch, a checkpoint that could not be written."""

    text: str


@dataclass(frozen=True)
class TrainingEnded:
    """The last event of a run, until it is started again.

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
    """One training run that can be watched, paused, stopped and taken up again.

    Listeners are called on the thread that trains, one event at a time, in order. Every start ends in exactly one
    `TrainingEnded`. A stop and a close keep everything learned so far: the next start goes on from there.
    """

    @property
    def state(self) -> LearningState: ...

    def start(self, listener: TrainingListener) -> None:
        """Begin, or go on from where the run was stopped; returns at once."""
        ...

    def pause(self) -> None:
        """Hold after the step going on, with everything in memory."""
        ...

    def resume(self) -> None:
        """Go on after a pause."""
        ...

    def stop(self) -> None:
        """End after the step going on, with a checkpoint to go on from."""
        ...

    def close(self) -> None:
        """Stop, and give up the thread."""
        ...
