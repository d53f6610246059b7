"""A session on this machine: one long-lived worker thread runs the newest request."""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from robust_widgets.errors import RobustWidgetsError, WeightsError
from robust_widgets.measuring.kept import robustness_of
from robust_widgets.models.catalogue import features, has_features
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.registry import source_of
from robust_widgets.session import (
    FrameMade,
    Listener,
    ModelInfo,
    RobustnessListener,
    RunEnded,
    RunRequest,
    RunStarted,
)
from robust_widgets.synthesis import iterate, new_trace
from robust_widgets.tasks import build_problem


@dataclass
class _Job:
    run: int
    request: RunRequest
    listener: Listener
    stop: threading.Event = field(default_factory=threading.Event)


class _Wake:
    """Nothing to run, but something to see to."""


IDLE = 1.0  # seconds without a request before the model is measured, so that a studio is on the page by then


class LocalSession:
    """Runs requests on a daemon thread of its own; the newest wins.

    Args:
        model: the classifier to paint with.
    """

    def __init__(self, model: RobustClassifier) -> None:
        self._classifier = model
        self._info = ModelInfo(
            model.card.name,
            model.classes,
            model.input_size,
            str(model.device),
            model.card.architecture,
            claim=model.card.claim,
            source=source_of(model),
            loading=model.loading,
            synonyms=model.synonyms,
        )
        self._features_read = False
        self._jobs: queue.SimpleQueue[_Job | _Wake | None] = queue.SimpleQueue()
        self._newest: _Job | None = None
        self._lock = threading.Lock()
        self._to_measure: list[RobustnessListener] = []
        self._runs = 0
        self._closed = False
        self._worker = threading.Thread(target=self._work, name="robust-widgets session", daemon=True)
        self._worker.start()

    @property
    def model(self) -> ModelInfo:
        """What a widget shows of the model; the catalogue of its features is read when first asked for."""
        if not self._features_read:
            if has_features(self._classifier):
                with suppress(WeightsError):  # a run with a feature by name says what is wrong with the catalogue
                    self._info = replace(self._info, features=features(self._classifier))
            self._features_read = True
        return self._info

    def submit(self, request: RunRequest, listener: Listener) -> int:
        with self._lock:
            if self._closed:
                raise RobustWidgetsError("This session is closed; make a new studio to run again.")
            if self._newest is not None:
                self._newest.stop.set()
            self._runs += 1
            job = _Job(self._runs, request, listener)
            self._newest = job
            self._jobs.put(job)
            return job.run

    def measure(self, listener: RobustnessListener) -> None:
        if self._classifier.card.measured is not None:
            listener(self._classifier.card.measured)
            return
        with self._lock:
            self._to_measure.append(listener)
            self._jobs.put(_Wake())

    def cancel(self) -> None:
        with self._lock:
            if self._newest is not None:
                self._newest.stop.set()

    def close(self) -> None:
        with self._lock:
            if self._newest is not None:
                self._newest.stop.set()
            if not self._closed:
                self._closed = True
                self._jobs.put(None)

    def _work(self) -> None:
        with suppress(Exception):  # a network that fails says so when it runs
            self._classifier.warm_up()
        while True:
            try:
                job = self._jobs.get(timeout=IDLE if self._to_measure else None)
            except queue.Empty:
                self._measure()
                continue
            if job is None:
                return
            if isinstance(job, _Job):
                _quietly(job.listener, self._run(job))

    def _measure(self) -> None:
        """Measure how robust the model is, and tell; anything that is asked for meanwhile goes before."""
        model = self._classifier
        try:
            found = model.card.measured or robustness_of(model, go_on=self._jobs.empty)
            if found is None:
                return
        except Exception:  # A network of somebody's own may fail in any way here, and will say so when it runs.
            found = None
        else:
            model.card = replace(model.card, measured=found)
        with self._lock:
            listeners, self._to_measure = self._to_measure, []
        for listener in listeners:
            _quietly(listener, found)

    def _run(self, job: _Job) -> RunEnded:
        try:
            if job.stop.is_set():
                return RunEnded(job.run, "stopped")
            problem = build_problem(self._classifier, job.request)
            trace = new_trace(problem)
            for name in ("picture", "mask", "start"):
                given = getattr(job.request, name)
                if given is not None:
                    trace.inputs[name] = given.copy()
            job.listener(RunStarted(job.run, trace, problem.steps))
            for frame in iterate(problem):
                trace.append(frame)
                job.listener(FrameMade(job.run, frame))
                if job.stop.is_set() and frame.step < problem.steps:
                    return RunEnded(job.run, "stopped")
            return RunEnded(job.run, "done")
        except RobustWidgetsError as error:
            return RunEnded(job.run, "failed", str(error), traceback.format_exc())
        except Exception as error:
            reason = " ".join(str(error).split()).rstrip(".")
            sentence = f"The run broke off ({type(error).__name__}: {reason}); the details hold the traceback."
            return RunEnded(job.run, "failed", sentence, traceback.format_exc())


def _quietly(listener: Callable[[Any], object], event: object) -> None:
    """Deliver the last event; a listener that fails even there must not end the worker."""
    try:
        listener(event)
    except Exception:
        traceback.print_exc()
