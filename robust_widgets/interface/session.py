"""The session protocol: how widgets ask for runs, wherever those are computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from robust_widgets.interface.robustness import Robustness
from robust_widgets.pictures import Pixels
from robust_widgets.runs.record import Frame, LoadSpec
from robust_widgets.runs.trace import Trace

RunState = Literal["done", "stopped", "failed"]


@dataclass(frozen=True)
class Feature:
    """One unit of a model's penultimate layer that can be painted with.

    Attributes:
        name: its name in the catalogue.
        unit: its index in the penultimate layer.
        classes: the classes that excite it most, strongest first.
        thumbnail: a picture that maximises it, uint8 (h, w, 3).
    """

    name: str
    unit: int
    classes: tuple[str, ...]
    thumbnail: Pixels

    def __index__(self) -> int:
        """Its unit, so that a feature is taken wherever a unit's index is."""
        return self.unit

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Layer:
    """One layer of a model's network.

    Attributes:
        name: what it is asked for by, such as ``"stage2"``; a further call of the same module is ``"relu#2"``.
        kind: the class of its module.
        channels: how many channels it returns.
        height, width: of what it returns for a picture of the model's input size; 1 for a vector.
    """

    name: str
    kind: str
    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class ModelInfo:
    """What widgets show of a model.

    Attributes:
        name: the model's name.
        classes: class names in the order of the logits.
        input_size: width and height in pixels of its training pictures.
        device: where it runs; ``""`` while the model is being loaded.
        description: its architecture, in a word.
        claim: how it was trained, according to its file; ``""`` if unknown.
        source: the argument that makes ``load_model`` load it; ``""`` if it was made in Python.
        loading: how ``load_model`` loads it again, if it is external.
        features: its catalogue, if there is one.
        synonyms: other names of each class, in the order of the logits; empty if unknown.
        class_pictures: what each class looks like to the model, uint8 (h, w, 3), in the order of the logits; empty if
            they were not painted ahead.
        layers: of its network, in the order of a pass; empty while the model is being loaded.
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
    class_pictures: tuple[Pixels, ...] = field(default=(), compare=False, repr=False)
    layers: tuple[Layer, ...] = ()


@dataclass(frozen=True)
class RunRequest:
    """What a run should do.

    Attributes:
        task: a task's name.
        target: the target class; for feature painting, the feature; for a dream, the layer.
        parameters: the task's parameters by name.
        picture: uint8 (height, width, 3), for tasks that start from one.
        mask: uint8 (height, width) of the picture's size, 255 where the task may paint, for tasks with a mask.
        start: uint8 (n, height, width, 3), to continue from instead of the task's own start; epsilon is measured
            from here.
    """

    task: str
    target: str
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    picture: Pixels | None = None
    mask: Pixels | None = None
    start: Pixels | None = None


@dataclass(frozen=True)
class RunStarted:
    """A run has started; its trace grows from now on."""

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
        message: one sentence if the run failed or there is something to say, else "".
        details: the traceback of a failed run, else "".
    """

    run: int
    state: RunState
    message: str = ""
    details: str = ""


@dataclass(frozen=True)
class ModelLoaded:
    """The model is loaded, or could not be loaded.

    Attributes:
        message: one sentence if it could not be loaded, else "".
        details: the traceback of that, else "".
    """

    message: str = ""
    details: str = ""


RunEvent: TypeAlias = RunStarted | FrameMade | RunEnded
Listener: TypeAlias = Callable[[RunEvent], None]
LoadedListener: TypeAlias = Callable[[ModelLoaded], object]
RobustnessListener: TypeAlias = Callable[["Robustness | None"], object]
ClassPictureListener: TypeAlias = Callable[[int, bytes], object]


class Session(Protocol):
    """Runs one request at a time; the newest wins.

    Listeners are called on the worker's thread, one event at a time, in order. Every submitted run gets exactly one
    `RunEnded`.
    """

    @property
    def model(self) -> ModelInfo: ...

    @property
    def loading(self) -> bool:
        """Whether the model is still being loaded; requests submitted meanwhile start when it is ready."""
        ...

    def on_loaded(self, listener: LoadedListener) -> None:
        """Call the listener once when the model is loaded or has failed to load; now, if that has happened."""
        ...

    def submit(self, request: RunRequest, listener: Listener) -> int:
        """Start a run, cancelling the current one; returns its number immediately."""
        ...

    def cancel(self) -> None:
        """Stop the current run within one step; does nothing if there is none."""
        ...

    def measure(self, listener: RobustnessListener) -> None:
        """Report how robust the model is: now if known, else once it has been measured between runs.

        The listener gets None if that cannot be measured without photographs.
        """
        ...

    def close(self) -> None:
        """Cancel, and release all resources. A closed session takes no more requests."""
        ...


@runtime_checkable
class PaintsClasses(Protocol):
    """What a session may also do: paint small pictures of the model's classes, for the class picker."""

    def paint_classes(self, classes: Sequence[int], listener: ClassPictureListener) -> None:
        """Call ``listener(index, jpeg)`` with the picture of each of these classes, painted between runs.

        The classes asked for last come first.
        """
        ...


@runtime_checkable
class MovableSession(Protocol):
    """A session on a server, which can move to this machine."""

    @property
    def problem(self) -> str:
        """Why nothing can be painted on the server, in a sentence; ``""`` where it can."""
        ...

    def paint_here(self) -> None:
        """Run everything on this machine from now on.

        Raises:
            StateError: this machine's model has other classes.
        """
        ...
