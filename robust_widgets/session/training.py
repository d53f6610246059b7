"""A training session on this machine: one thread trains, and can be paused, stopped and resumed."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from contextlib import closing

from robust_widgets.errors import RobustWidgetsError
from robust_widgets.interface.training_session import (
    LearningState,
    TrainingEnded,
    TrainingEvent,
    TrainingListener,
    TrainingNote,
)
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.session.listeners import unexpected
from robust_widgets.training.trainer import TrainingRun

BUSY: tuple[LearningState, ...] = ("reading", "running", "paused")
STOPPED = "Stopped. Everything learned so far is saved; Start continues from here."


class LocalTraining:
    """Trains on its own daemon thread.

    Args:
        prepare: reads the data and sets up the run, on that thread; its argument is a function that shows the user a
            sentence.
    """

    def __init__(self, prepare: Callable[[Callable[[str], object]], TrainingRun]) -> None:
        self._prepare = prepare
        self._run: TrainingRun | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._unpaused = threading.Event()
        self._lock = threading.Lock()
        self._state: LearningState = "idle"

    @property
    def state(self) -> LearningState:
        return self._state

    @property
    def model(self) -> RobustClassifier | None:
        """The model, once training has finished."""
        return self._run.model if self._run is not None else None

    def start(self, listener: TrainingListener) -> None:
        with self._lock:
            if self._state in BUSY:
                return
            last = self._thread
            self._stop.clear()
            self._unpaused.set()
            self._state = "reading"
            self._thread = threading.Thread(
                target=self._work, args=(listener, last), name="robust-widgets training", daemon=True
            )
            self._thread.start()

    def pause(self) -> None:
        with self._lock:
            if self._state == "running":
                self._unpaused.clear()
                self._state = "paused"

    def resume(self) -> None:
        with self._lock:
            if self._state == "paused":
                self._state = "running"
                self._unpaused.set()

    def stop(self) -> None:
        self._stop.set()
        self._unpaused.set()

    def close(self) -> None:
        self.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=60)

    def _work(self, listener: TrainingListener, last: threading.Thread | None) -> None:
        if last is not None:
            last.join()  # it may still be reporting its end
        try:
            ended = self._train(listener)
        except RobustWidgetsError as error:
            self._run = None  # the next start continues from the last checkpoint
            ended = TrainingEnded("failed", str(error), traceback.format_exc())
        except Exception as error:
            self._run = None
            sentence = unexpected("Training failed", error)
            ended = TrainingEnded("failed", sentence, traceback.format_exc())
        with self._lock:
            self._state = ended.state
        listener(ended)

    def _train(self, listener: TrainingListener) -> TrainingEnded:
        if self._run is None or self._run.model is not None:
            self._run = self._prepare(lambda text: listener(TrainingNote(text)))
        run = self._run
        if self._stop.is_set():
            return TrainingEnded("stopped", STOPPED)
        with self._lock:
            self._state = "running"
        ended: TrainingEvent | None = None
        with closing(run.events()) as events:
            for event in events:
                if isinstance(event, TrainingEnded):
                    ended = event
                elif event is not None:
                    listener(event)
                self._unpaused.wait()
                if self._stop.is_set() and ended is None:
                    break
        for note in run.take_notes():
            listener(note)
        return ended or TrainingEnded("stopped", STOPPED)
