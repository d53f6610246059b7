"""How a widget asks for runs: the one interface between what people see and where the work is done. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from robust_widgets.errors import RobustWidgetsError
from robust_widgets.interface.robustness import Robustness
from robust_widgets.pictures import Pixels
from robust_widgets.runs.trace import Frame, Loading, Trace

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
    loading: Loading | None = None
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


class FakeSession:
    """A session without a model, for tests and for building widgets: it fades the start to grey, when told to.

    `submit` makes the first frame; `advance` makes more; `fail` ends the run with an error.

    Args:
        classes: the class names it pretends to know.
        input_size: side of its pictures in pixels.
        loading: whether its model is on its way until `load` is called.
    """

    def __init__(
        self, classes: tuple[str, ...] = ("dog", "cat", "goldfish"), input_size: int = 16, *, loading: bool = False
    ) -> None:
        self._model = ModelInfo("fake", classes, input_size, "" if loading else "cpu", "no model")
        self._loaded = None if loading else ModelLoaded()
        self._to_tell: list[LoadedListener] = []
        self.requests: list[RunRequest] = []
        self.to_measure: list[RobustnessListener] = []
        self.closed = False
        self._run = 0
        self._listener: Listener | None = None
        self._trace: Trace | None = None
        self._steps = 0

    @property
    def model(self) -> ModelInfo:
        return self._model

    @property
    def loading(self) -> bool:
        return self._loaded is None

    def on_loaded(self, listener: LoadedListener) -> None:
        if self._loaded is None:
            self._to_tell.append(listener)
        else:
            listener(self._loaded)

    def load(self, message: str = "", details: str = "") -> None:
        """The model is there, or with a message cannot be had; the run that waited for it begins, or fails."""
        self._loaded = ModelLoaded(message, details)
        self._model = replace(self._model, device="" if message else "cpu")
        for listener in self._to_tell:
            listener(self._loaded)
        if self._listener is not None:
            self._begin()

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return self._listener is not None

    def submit(self, request: RunRequest, listener: Listener) -> int:
        if self.closed:
            raise RobustWidgetsError("This session is closed; make a new studio to run again.")
        self.cancel()
        self.requests.append(request)
        self._run += 1
        self._listener = listener
        if not self.loading:
            self._begin()
        return self._run

    def _begin(self) -> None:
        assert self._listener is not None and self._loaded is not None
        if self._loaded.message:
            self.fail(self._loaded.message, self._loaded.details)
            return
        request = self.requests[-1]
        self._steps = int(request.parameters.get("steps", 10))
        self._trace = Trace(
            request.task,
            dict(request.parameters),
            request.parameters.get("seed"),
            "fake",
            target=request.target,
            classes=self._model.classes,
            radius=float(request.parameters.get("epsilon", 40)),
        )
        given = {"picture": request.picture, "mask": request.mask, "start": request.start}
        self._trace.inputs.update({name: values.copy() for name, values in given.items() if values is not None})
        self._listener(RunStarted(self._run, self._trace, self._steps))
        self._emit(0)

    def advance(self, steps: int = 1) -> None:
        """Make this many more frames, ending the run after its last."""
        for _ in range(steps):
            if self._trace is None or self._listener is None:
                return
            self._emit(len(self._trace))

    def fail(self, message: str, details: str = "") -> None:
        """End the run with an error."""
        self._end("failed", message, details)

    def measure(self, listener: RobustnessListener) -> None:
        """Keep the listener in ``to_measure``, for whoever tells it something."""
        self.to_measure.append(listener)

    def cancel(self) -> None:
        self._end("stopped")

    def close(self) -> None:
        self.cancel()
        self.closed = True

    def _emit(self, step: int) -> None:
        assert self._trace is not None and self._listener is not None
        side, request = self._model.input_size, self.requests[-1]
        count = int(request.parameters.get("n", 1))
        share = step / self._steps
        start = np.zeros((count, side, side, 3)) if request.picture is None else _thumbnail(request.picture, side)[None]
        pixels = np.round(start * (1 - share) + 128 * share).astype(np.uint8)
        numbers = {"loss": 3 * (1 - share), "probability": share, "distance": float(step)}
        arrays = {name: np.full(len(pixels), value) for name, value in numbers.items()}
        others = np.full((len(pixels), len(self._model.classes)), (1 - share) / max(1, len(self._model.classes) - 1))
        others[:, 0] = share
        gradient = np.zeros((len(pixels), side, side), np.uint8)
        gradient[:, : side // 2] = 255
        frame = Frame(
            step=step,
            pixels=pixels,
            seconds=step / 50,
            probabilities=others.astype(np.float32),
            gradient=gradient if step < self._steps else None,
            **arrays,
        )
        self._trace.append(frame)
        self._listener(FrameMade(self._run, frame))
        if step >= self._steps:
            self._end("done")

    def _end(self, state: RunState, message: str = "", details: str = "") -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener(RunEnded(self._run, state, message, details))


def _thumbnail(picture: Pixels, side: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    rows = np.linspace(0, picture.shape[0] - 1, side).round().astype(int)
    columns = np.linspace(0, picture.shape[1] - 1, side).round().astype(int)
    return picture[rows][:, columns].astype(np.float64)
