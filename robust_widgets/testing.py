"""Fake sessions for tests, docs and widget development: no model, no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from robust_widgets.errors import StateError
from robust_widgets.interface.explanation import Answer, Question
from robust_widgets.interface.session import (
    ClassPictureListener,
    FrameMade,
    Layer,
    Listener,
    LoadedListener,
    ModelInfo,
    ModelLoaded,
    RobustnessListener,
    RunEnded,
    RunRequest,
    RunStarted,
    RunState,
)
from robust_widgets.interface.training_session import (
    LearningState,
    TrainingEnded,
    TrainingEvent,
    TrainingListener,
    TrainingPlan,
    TrainingStep,
)
from robust_widgets.pictures import Pixels
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace


class FakeSession:
    """A session without a model: each run fades its start picture to grey, one step per call of `advance`.

    `submit` emits the first frame, `advance` emits more, and `fail` ends the run with an error.

    Args:
        classes: class names of the model it stands for.
        input_size: width of its pictures in pixels.
        loading: whether the model counts as loading until `load` is called.

    Attributes:
        requests: everything that was submitted, in order.
        measure_listeners: the listeners passed to `measure`; a test calls them.
        questions: what was asked, each with its listener; a test calls it.
        class_requests: the classes asked of `paint_classes`, and the listener of each; a test calls them.
        closed: whether `close` was called.
    """

    def __init__(
        self, classes: tuple[str, ...] = ("dog", "cat", "goldfish"), input_size: int = 16, *, loading: bool = False
    ) -> None:
        layers = (Layer("conv1", "Conv2d", 4, input_size, input_size), Layer("head", "Linear", len(classes), 1, 1))
        self._model = ModelInfo(
            "fake", classes, input_size, "" if loading else "cpu", "no model", layers=() if loading else layers
        )
        self._layers = layers
        self._loaded = None if loading else ModelLoaded()
        self._loaded_listeners: list[LoadedListener] = []
        self.requests: list[RunRequest] = []
        self.measure_listeners: list[RobustnessListener] = []
        self.questions: list[tuple[Question, Callable[[Answer], object]]] = []
        self.class_requests: list[tuple[int, ClassPictureListener]] = []
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
            self._loaded_listeners.append(listener)
        else:
            listener(self._loaded)

    def load(self, message: str = "", details: str = "") -> None:
        """Finish loading, or fail to load if there is a message; a run that was waiting starts, or fails."""
        self._loaded = ModelLoaded(message, details)
        self._model = replace(self._model, device="" if message else "cpu", layers=() if message else self._layers)
        for listener in self._loaded_listeners:
            listener(self._loaded)
        if self._listener is not None:
            self._start_run()

    @property
    def running(self) -> bool:
        """Whether a run has been submitted and has not ended."""
        return self._listener is not None

    def submit(self, request: RunRequest, listener: Listener) -> int:
        if self.closed:
            raise StateError("This session is closed; make a new studio to run again.")
        self.cancel()
        self.requests.append(request)
        self._run += 1
        self._listener = listener
        if not self.loading:
            self._start_run()
        return self._run

    def _start_run(self) -> None:
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
        inputs = {"picture": request.picture, "mask": request.mask, "start": request.start}
        self._trace.inputs.update({name: pixels.copy() for name, pixels in inputs.items() if pixels is not None})
        self._listener(RunStarted(self._run, self._trace, self._steps))
        self._emit(0)

    def advance(self, steps: int = 1) -> None:
        """Emit this many more frames; the run ends after its last step."""
        for _ in range(steps):
            if self._trace is None or self._listener is None:
                return
            self._emit(len(self._trace))

    def fail(self, message: str, details: str = "") -> None:
        """End the run with an error."""
        self._end("failed", message, details)

    def ask(self, question: Question, listener: Callable[[Answer], object]) -> None:
        """Add the question to ``questions``."""
        self.questions.append((question, listener))

    def measure(self, listener: RobustnessListener) -> None:
        """Add the listener to ``measure_listeners``."""
        self.measure_listeners.append(listener)

    def paint_classes(self, classes: Sequence[int], listener: ClassPictureListener) -> None:
        """Add the classes and the listener to ``class_requests``."""
        self.class_requests.extend((index, listener) for index in classes)

    def cancel(self) -> None:
        self._end("stopped")

    def close(self) -> None:
        self.cancel()
        self.closed = True

    def _emit(self, step: int) -> None:
        assert self._trace is not None and self._listener is not None
        size, request = self._model.input_size, self.requests[-1]
        n = int(request.parameters.get("n", 1))
        progress = step / self._steps
        start = np.zeros((n, size, size, 3)) if request.picture is None else _thumbnail(request.picture, size)[None]
        pixels = np.round(start * (1 - progress) + 128 * progress).astype(np.uint8)
        metrics = {"loss": 3 * (1 - progress), "probability": progress, "distance": float(step)}
        arrays = {name: np.full(len(pixels), value) for name, value in metrics.items()}
        classes = len(self._model.classes)
        probabilities = np.full((len(pixels), classes), (1 - progress) / max(1, classes - 1))
        probabilities[:, 0] = progress
        gradient = np.zeros((len(pixels), size, size), np.uint8)
        gradient[:, : size // 2] = 255
        frame = Frame(
            step=step,
            pixels=pixels,
            seconds=step / 50,
            probabilities=probabilities.astype(np.float32),
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


def _thumbnail(picture: Pixels, size: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    rows = np.linspace(0, picture.shape[0] - 1, size).round().astype(int)
    columns = np.linspace(0, picture.shape[1] - 1, size).round().astype(int)
    return picture[rows][:, columns].astype(np.float64)


@dataclass
class FakeTrainingSession:
    """A training session that trains nothing.

    `start` emits ``plan``, starting at the last step emitted; `emit` passes any event to the listener.

    Attributes:
        plan: the run it stands for.
        calls: the names of the methods called, in order.
    """

    plan: TrainingPlan = field(
        default_factory=lambda: TrainingPlan(
            "fake", ("dog", "cat"), 100, 2, 8, 0, "no network, l2 1", "fake.safetensors"
        )
    )
    calls: list[str] = field(default_factory=list[str])
    state: LearningState = "idle"
    _listener: TrainingListener | None = None
    _step: int = 0

    def start(self, listener: TrainingListener) -> None:
        self.calls.append("start")
        self.state = "running"
        self._listener = listener
        listener(replace(self.plan, first_step=max(self.plan.first_step, self._step)))

    def pause(self) -> None:
        self.calls.append("pause")
        self.state = "paused"

    def resume(self) -> None:
        self.calls.append("resume")
        self.state = "running"

    def stop(self) -> None:
        self.calls.append("stop")
        self._end()

    def close(self) -> None:
        self.calls.append("close")
        self._end()

    def emit(self, event: TrainingEvent) -> None:
        """Pass an event to the listener."""
        if isinstance(event, TrainingEnded):
            self.state = event.state
        if isinstance(event, TrainingStep):
            self._step = event.step
        if self._listener is not None:
            self._listener(event)

    def _end(self) -> None:
        if self.state in ("running", "paused"):
            self.emit(TrainingEnded("stopped", f"Stopped at step {self._step}; start continues from here."))
