"""How a widget asks for runs: the one interface between what people see and where the work is done. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from robust_widgets.interface.robustness import Robustness
from robust_widgets.pictures import Pixels
from robust_widgets.runs.record import Frame, LoadSpec
from robust_widgets.runs.trace import Trace

RunState = Literal["done", "stopped", "failed"]


@dataclass(frozen=True)
class Feature:
    """One unit of a model's penultimate layer that can be painted with.

    Attributes:
        name: what the catalogue calls it.
        unit: its index in the penultimate layer.
        classes: the classes it fires for, the strongest first.
        thumbnail: a picture that maximises it, uint8 (h, w, 3).
    """

    name: str
    unit: int
    classes: tuple[str, ...]
    thumbnail: Pixels


@dataclass(frozen=True)
class ModelInfo:
    """What a widget shows of a model.

    Attributes:
        name: what the model calls itself.
        classes: class names in the order of the logits.
        input_size: side in pixels of the pictures it was trained on.
        device: where it runs; ``""`` while that is not known, because the model is being loaded.
        description: its architecture, in a word.
        claim: how its file says it was trained; ``""`` where it does not say.
        source: what ``load_model`` loads it by; ``""`` where it was made in Python.
        loading: how ``load_model`` loads it again, where it was brought.
        features: its catalogue, where there is one.
        synonyms: other names of each class, in the order of the logits; empty where none are known.
    """

    name: str
    classes: tuple[str, ...]
    input_size: int
    device: str = "cpu"
    description: str = ""
    claim: str = ""
    source: str = ""
    loading: LoadSpec | None = None
    features: tuple[Feature, ...] = ()
    synonyms: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class RunRequest:
    """What a run is asked to do.

    Attributes:
        task: a task's name.
        target: the class asked for; for feature painting, the feature.
        parameters: the task's parameters by name.
        picture: uint8 (height, width, 3), for tasks that start from one.
        mask: uint8 (height, width) of the picture's size, 255 where the task may paint, for tasks that need one.
        start: uint8 (n, height, width, 3), to go on from instead of from where the task itself would start; epsilon is
            then measured from here.
    """

    task: str
    target: str
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    picture: Pixels | None = None
    mask: Pixels | None = None
    start: Pixels | None = None


@dataclass(frozen=True)
class RunStarted:
    """A run began; its trace grows from now on."""

    run: int
    trace: Trace
    steps: int


@dataclass(frozen=True)
class FrameMade:
    """A frame was recorded in the run's trace."""

    run: int
    frame: Frame


@dataclass(frozen=True)
class RunEnded:
    """The last event of a run.

    Attributes:
        state: ``"done"``, ``"stopped"`` or ``"failed"``.
        message: one sentence for a failed run, and for one of which there is something to say; else "".
        details: the traceback of a failed run, else "".
    """

    run: int
    state: RunState
    message: str = ""
    details: str = ""


@dataclass(frozen=True)
class ModelLoaded:
    """The model is there, or cannot be had.

    Attributes:
        message: one sentence where it could not be loaded, else "".
        details: the traceback of that, else "".
    """

    message: str = ""
    details: str = ""


RunEvent: TypeAlias = RunStarted | FrameMade | RunEnded
Listener: TypeAlias = Callable[[RunEvent], None]
LoadedListener: TypeAlias = Callable[[ModelLoaded], object]
RobustnessListener: TypeAlias = Callable[["Robustness | None"], object]


class Session(Protocol):
    """Runs one request at a time; the newest wins.

    Listeners are called on whatever thread the work is done on, one event at a time, in order. Every run that was
    submitted gets exactly one `RunEnded`.
    """

    @property
    def model(self) -> ModelInfo: ...

    @property
    def loading(self) -> bool:
        """Whether the model is still on its way; what is submitted meanwhile begins when it is there."""
        ...

    def on_loaded(self, listener: LoadedListener) -> None:
        """Tell once that the model is there, or cannot be had: at once where that is known already."""
        ...

    def submit(self, request: RunRequest, listener: Listener) -> int:
        """Start a run, cancelling the one going on; returns its number at once."""
        ...

    def cancel(self) -> None:
        """Stop the run going on, within one step; nothing happens if there is none."""
        ...

    def measure(self, listener: RobustnessListener) -> None:
        """Tell how robust the model is: at once where it is known, else once it was measured, while no run goes on.

        The listener gets None where it cannot be measured without photographs.
        """
        ...

    def close(self) -> None:
        """Cancel, and give up the resources. A closed session takes no more requests."""
        ...
