"""A session on this machine: one long-lived thread runs the newest request. Only that thread needs torch."""

from __future__ import annotations

import atexit
import queue
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from robust_widgets.errors import StateError
from robust_widgets.interface.explanation import Answer, NoAnswer, Question
from robust_widgets.interface.session import (
    ClassPictureListener,
    Listener,
    LoadedListener,
    ModelInfo,
    ModelLoaded,
    RobustnessListener,
    RunEnded,
    RunRequest,
)
from robust_widgets.models.bundled import BundledModel
from robust_widgets.session.background_import import load_worker
from robust_widgets.session.listeners import tell

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.session.worker import ModelWorker


@dataclass
class _Job:
    run: int
    request: RunRequest
    listener: Listener
    stop: threading.Event = field(default_factory=threading.Event)
    ended: bool = False

    def report_stopped(self) -> None:
        """Report that it was stopped before it began."""
        tell(self.listener, RunEnded(self.run, "stopped"))


@dataclass
class _Query:
    question: Question
    listener: Callable[[Answer], object]


class _WakeUp:
    """A queue entry without a run: somebody wants the model's robustness, or pictures of its classes."""


IDLE = 1.0  # seconds without a request before the robustness is measured, so that the studio is on the page by then
JOIN_TIMEOUT = 10.0  # seconds at exit for the current step, or the current part of the warm-up
HEAD_START = 2.0  # seconds for a studio to appear on the page before importing torch takes the processor
_WARM = object()


_OPEN: weakref.WeakSet[LocalSession] = weakref.WeakSet()


@atexit.register
def _join_all() -> None:
    """Join at exit: a daemon thread inside native code crashes the interpreter."""
    for session in list(_OPEN):
        session.join()


class LocalSession:
    """Runs requests on its own daemon thread; the newest wins.

    Args:
        model: the classifier to paint with; a bundled model is loaded on that thread.
    """

    def __init__(self, model: RobustClassifier | BundledModel) -> None:
        self._jobs: queue.SimpleQueue[_Job | _Query | _WakeUp | None] = queue.SimpleQueue()
        self._newest: _Job | None = None
        self._lock = threading.Lock()
        self._robustness_listeners: list[RobustnessListener] = []
        self._wanted: list[tuple[int, ClassPictureListener]] = []
        self._asked: set[int] = set()
        self._runs = 0
        self._closed = False
        self._worker: ModelWorker | None = None
        self._loaded: ModelLoaded | None = None
        self._loaded_listeners: list[LoadedListener] = []
        self._load_at_once = threading.Event()
        if isinstance(model, BundledModel):
            self._bundled, self._info = model, model.info
        else:
            from robust_widgets.session.worker import ModelWorker

            self._worker, self._loaded = ModelWorker(model), ModelLoaded()
            self._info = self._worker.info()
        self._thread = threading.Thread(target=self._work, name="robust-widgets session", daemon=True)
        self._thread.start()
        _OPEN.add(self)

    @property
    def model(self) -> ModelInfo:
        return self._info

    @property
    def loading(self) -> bool:
        return self._loaded is None

    def on_loaded(self, listener: LoadedListener) -> None:
        with self._lock:
            if self._loaded is None:
                self._loaded_listeners.append(listener)
                return
        listener(self._loaded)

    def submit(self, request: RunRequest, listener: Listener) -> int:
        with self._lock:
            if self._closed:
                raise StateError("This session is closed; make a new studio to run again.")
            waiting = self._stop_newest()
            self._runs += 1
            job = _Job(self._runs, request, listener)
            self._newest = job
            self._jobs.put(job)
            self._load_at_once.set()
        if waiting is not None:
            waiting.report_stopped()
        return job.run

    def measure(self, listener: RobustnessListener) -> None:
        robustness = self._worker.robustness if self._worker is not None else None
        if robustness is not None:
            listener(robustness)
            return
        with self._lock:
            self._robustness_listeners.append(listener)
            self._jobs.put(_WakeUp())

    def paint_classes(self, classes: Sequence[int], listener: ClassPictureListener) -> None:
        with self._lock:
            wanted = [index for index in classes if index not in self._asked]
            self._asked.update(wanted)
            self._wanted = [*((index, listener) for index in wanted), *self._wanted]
            self._jobs.put(_WakeUp())

    def ask(self, question: Question, listener: Callable[[Answer], object]) -> None:
        with self._lock:
            if self._closed:
                raise StateError("This session is closed; make a new studio to ask again.")
            self._jobs.put(_Query(question, listener))
            self._load_at_once.set()

    def cancel(self) -> None:
        with self._lock:
            waiting = self._stop_newest()
        if waiting is not None:
            waiting.report_stopped()

    def close(self) -> None:
        self.cancel()
        with self._lock:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
                self._load_at_once.set()

    def join(self) -> None:
        """Close, and wait for the thread, at most `JOIN_TIMEOUT` seconds."""
        self.close()
        self._thread.join(JOIN_TIMEOUT)

    def _stop_newest(self) -> _Job | None:
        """Ask the newest run to stop; return it if it still waits for the model and so has to be reported here."""
        job = self._newest
        if job is None or job.stop.is_set():
            return None
        job.stop.set()
        job.ended = self._loaded is None
        return job if job.ended else None

    def _work(self) -> None:
        if self._worker is None:
            self._load()
        warming = iter(()) if self._worker is None else self._worker.warm_up()
        warm = False
        while True:
            try:
                idle = IDLE if self._robustness_listeners else 0 if self._wanted else None
                job = self._jobs.get(timeout=idle if warm else 0)
            except queue.Empty:
                if warm and self._robustness_listeners:
                    self._measure()
                elif warm:
                    self._paint_class()
                else:
                    warm = next(warming, _WARM) is _WARM
                continue
            if job is None:
                if self._worker is not None:
                    self._worker.close()
                return
            if isinstance(job, _Job) and not job.ended:
                tell(job.listener, self._run(job))
            elif isinstance(job, _Query):
                tell(job.listener, self._answer(job.question))

    def _load(self) -> None:
        self._load_at_once.wait(HEAD_START)
        loaded = ModelLoaded("The studio was closed before its model was loaded.")
        if not self._closed:
            self._worker, loaded = load_worker(self._bundled)
        layers = () if self._worker is None else self._worker.layers()
        with self._lock:
            if self._worker is not None:
                self._info = replace(self._info, device=self._worker.device, layers=layers)
            self._loaded = loaded
            listeners, self._loaded_listeners = self._loaded_listeners, []
        for listener in listeners:
            tell(listener, loaded)

    def _run(self, job: _Job) -> RunEnded:
        if job.stop.is_set():
            return RunEnded(job.run, "stopped")
        if self._worker is None:
            assert self._loaded is not None
            return RunEnded(job.run, "failed", self._loaded.message, self._loaded.details)
        return self._worker.run(job.run, job.request, job.listener, job.stop.is_set)

    def _answer(self, question: Question) -> Answer:
        if self._worker is None:
            assert self._loaded is not None
            return NoAnswer(self._loaded.message, self._loaded.details)
        return self._worker.answer(question)

    def _measure(self) -> None:
        """Measure the robustness and report it; any new job interrupts the measurement."""
        if self._worker is not None and not self._worker.measure(go_on=self._jobs.empty):
            return
        robustness = self._worker.robustness if self._worker is not None else None
        with self._lock:
            listeners, self._robustness_listeners = self._robustness_listeners, []
        for listener in listeners:
            tell(listener, robustness)

    def _paint_class(self) -> None:
        """Paint a class that was asked for and report it; any new job interrupts it, and it is painted later."""
        with self._lock:
            index, listener = self._wanted.pop(0)
        if self._worker is None:
            return
        picture = self._worker.class_picture(index, go_on=self._jobs.empty)
        if picture is None:
            with self._lock:
                self._wanted.append((index, listener))
        elif picture:
            tell(listener, index, picture)
