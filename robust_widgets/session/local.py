"""A session on this machine: one long-lived worker thread runs the newest request. Only that thread needs torch."""

from __future__ import annotations

import atexit
import queue
import threading
import traceback
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from robust_widgets.errors import RobustWidgetsError, StateError
from robust_widgets.interface.session import (
    Listener,
    LoadedListener,
    ModelInfo,
    ModelLoaded,
    RobustnessListener,
    RunEnded,
    RunRequest,
)
from robust_widgets.models.bundled import BundledModel
from robust_widgets.session.import_lock import imported_alone

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.session.worker import Painter


@dataclass
class _Job:
    run: int
    request: RunRequest
    listener: Listener
    stop: threading.Event = field(default_factory=threading.Event)
    ended: bool = False

    def end(self) -> None:
        """Tell that it was stopped before it began."""
        _quietly(self.listener, RunEnded(self.run, "stopped"))


class _Wake:
    """Nothing to run, but something to see to."""


IDLE = 1.0  # seconds without a request before the model is measured, so that a studio is on the page by then
DONE = object()
LAST_PATIENCE = 10.0  # seconds at the end of the process for a step, or for what is made once
HEAD_START = 2.0  # seconds for a studio to come onto the page, before loading torch takes the machine


_OPEN: weakref.WeakSet[LocalSession] = weakref.WeakSet()


@atexit.register
def _finish() -> None:
    """A thread that Python leaves behind in the middle of a library's code takes the process down with an error."""
    for session in list(_OPEN):
        session.finish()


class LocalSession:
    """Runs requests on a daemon thread of its own; the newest wins.

    Args:
        model: the classifier to paint with; a bundled one is loaded on that thread.
    """

    def __init__(self, model: RobustClassifier | BundledModel) -> None:
        self._jobs: queue.SimpleQueue[_Job | _Wake | None] = queue.SimpleQueue()
        self._newest: _Job | None = None
        self._lock = threading.Lock()
        self._to_measure: list[RobustnessListener] = []
        self._runs = 0
        self._closed = False
        self._painter: Painter | None = None
        self._loaded: ModelLoaded | None = None
        self._on_loaded: list[LoadedListener] = []
        self._hurry = threading.Event()
        if isinstance(model, BundledModel):
            self._bundled, self._info = model, model.info
        else:
            from robust_widgets.session.worker import Painter

            self._painter, self._loaded = Painter(model), ModelLoaded()
            self._info = self._painter.info()
        self._worker = threading.Thread(target=self._work, name="robust-widgets session", daemon=True)
        self._worker.start()
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
                self._on_loaded.append(listener)
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
            self._hurry.set()
        if waiting is not None:
            waiting.end()
        return job.run

    def measure(self, listener: RobustnessListener) -> None:
        known = self._painter.robustness if self._painter is not None else None
        if known is not None:
            listener(known)
            return
        with self._lock:
            self._to_measure.append(listener)
            self._jobs.put(_Wake())

    def cancel(self) -> None:
        with self._lock:
            waiting = self._stop_newest()
        if waiting is not None:
            waiting.end()

    def close(self) -> None:
        self.cancel()
        with self._lock:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
                self._hurry.set()

    def finish(self) -> None:
        """Close, and wait until what goes on has stopped, but not for ever."""
        self.close()
        self._worker.join(LAST_PATIENCE)

    def _stop_newest(self) -> _Job | None:
        """Have the newest run stop; it is answered if it still waits for the model, and so ends at once."""
        job = self._newest
        if job is None or job.stop.is_set():
            return None
        job.stop.set()
        job.ended = self._loaded is None
        return job if job.ended else None

    def _work(self) -> None:
        if self._painter is None:
            self._load()
        warming = iter(()) if self._painter is None else self._painter.warm_up()
        warm = False
        while True:
            try:
                job = self._jobs.get(timeout=(IDLE if self._to_measure else None) if warm else 0)
            except queue.Empty:
                if warm:
                    self._measure()
                else:
                    warm = next(warming, DONE) is DONE
                continue
            if job is None:
                return
            if isinstance(job, _Job) and not job.ended:
                _quietly(job.listener, self._run(job))

    def _load(self) -> None:
        self._hurry.wait(HEAD_START)
        closed = ModelLoaded("The studio was closed before its model was loaded.")
        loaded = closed if self._closed else self._load_now()
        with self._lock:
            if self._painter is not None:
                self._info = replace(self._info, device=self._painter.device)
            self._loaded = loaded
            listeners, self._on_loaded = self._on_loaded, []
        for listener in listeners:
            _quietly(listener, loaded)

    def _load_now(self) -> ModelLoaded:
        try:
            with imported_alone("torch", "torchvision", "robust_widgets"):
                import torch  # noqa: F401 # pyright: ignore[reportUnusedImport] - first, so that what follows holds no lock while torch is waited for

                from robust_widgets.session.worker import Painter
            self._painter = Painter(self._bundled.load())
        except RobustWidgetsError as error:
            return ModelLoaded(str(error), traceback.format_exc())
        except Exception as error:
            reason = " ".join(str(error).split()).rstrip(".")
            sentence = (
                f"The model could not be loaded ({type(error).__name__}: {reason}); restart the kernel to try again."
            )
            return ModelLoaded(sentence, traceback.format_exc())
        return ModelLoaded()

    def _run(self, job: _Job) -> RunEnded:
        if job.stop.is_set():
            return RunEnded(job.run, "stopped")
        if self._painter is None:
            assert self._loaded is not None
            return RunEnded(job.run, "failed", self._loaded.message, self._loaded.details)
        return self._painter.run(job.run, job.request, job.listener, job.stop.is_set)

    def _measure(self) -> None:
        """Measure how robust the model is, and tell; anything that is asked for meanwhile goes before."""
        if self._painter is not None and not self._painter.measure(go_on=self._jobs.empty):
            return
        found = self._painter.robustness if self._painter is not None else None
        with self._lock:
            listeners, self._to_measure = self._to_measure, []
        for listener in listeners:
            _quietly(listener, found)


def _quietly(listener: Callable[[Any], object], event: object) -> None:
    """Deliver the last event; a listener that fails even there must not end the worker."""
    try:
        listener(event)
    except Exception:
        traceback.print_exc()
