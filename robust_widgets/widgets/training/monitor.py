"""The training monitor: watch a run, pause it, stop it, and continue it."""

from __future__ import annotations

import threading
from typing import Any, cast

from robust_widgets.interface.training_session import (
    LearningState,
    TrainingEnded,
    TrainingEpoch,
    TrainingEvent,
    TrainingNote,
    TrainingPlan,
    TrainingSession,
    TrainingStep,
)
from robust_widgets.widgets.flow_control import Throttle
from robust_widgets.widgets.page_widget import AckEvent, HelloEvent, WholeBox
from robust_widgets.widgets.status_line import StatusLine
from robust_widgets.widgets.training import formatting
from robust_widgets.widgets.training.history import TrainingHistory
from robust_widgets.widgets.training.snapshot import TrainingSnapshot
from robust_widgets.widgets.training.view import (
    Action,
    MonitorEvent,
    MonitorView,
    PressEvent,
    SentPictures,
    accuracy_curves,
    loss_curve,
)

UPDATES_PER_SECOND = 5
# Each update holds all that is new, so any may be skipped except the last. A run may train all night with no page open.
MAX_UPDATES_IN_FLIGHT = 4
OFFERS: dict[LearningState, tuple[Action, ...]] = {
    "idle": ("start",),
    "reading": ("stop",),
    "running": ("pause", "stop"),
    "paused": ("resume", "stop"),
    "done": (),
    "stopped": ("start",),
    "failed": ("start",),
}


class TrainingMonitorWidget(WholeBox):
    """Curves, and pictures painted by the model so far, while a session trains.

    Events arrive on the training thread and are only recorded there; the page is updated at its own rate.

    Args:
        session: trains the model; closed with the widget.
        title: the heading; by default the model's name.

    Attributes:
        session: as passed.
        plan: what is trained; None before the first start.
        epochs: all epochs, oldest first, with their pictures.
        notes: the messages of the run, oldest first.
    """

    def __init__(self, session: TrainingSession, *, title: str = "") -> None:
        self.session = session
        self.status = StatusLine()
        self.view = MonitorView()
        self._title = title
        # Messages of the page arrive on the kernel's thread, events on the session's. Never call the session with the
        # lock held: it may wait for its thread, and that thread for the lock.
        self._lock = threading.RLock()
        self._history = TrainingHistory()
        self._state: LearningState = session.state
        self._stopping = False
        self._announcement = ""
        self._ended = threading.Event()
        if self._state not in ("reading", "running", "paused"):
            self._ended.set()
        self._sent_pictures = SentPictures()
        self._throttle = Throttle(
            self._send_update, UPDATES_PER_SECOND, MAX_UPDATES_IN_FLIGHT, lock=self._lock, timer=threading.Timer
        )
        self.snapshot = TrainingSnapshot(self._copy_history)
        self.view.on_event(self.status.guard(self._on_event))
        self.status.widget.observe(lambda _: self._update_now(), "value")
        super().__init__([self.view], layout={"max_width": "100%"})

    @property
    def state(self) -> LearningState:
        """The state; "paused" from the moment pause is requested, although the current step still finishes."""
        return self._state

    @property
    def offers(self) -> tuple[Action, ...]:
        """The buttons that work now."""
        return () if self._stopping or self.closed else OFFERS[self._state]

    @property
    def plan(self) -> TrainingPlan | None:
        return self._history.plan

    @property
    def steps(self) -> list[TrainingStep]:
        """The steps so far, oldest first; at most 400 of a long run, including the first and the newest."""
        with self._lock:
            return self._history.steps

    @property
    def epochs(self) -> list[TrainingEpoch]:
        with self._lock:
            return list(self._history.epochs)

    @property
    def notes(self) -> list[str]:
        with self._lock:
            return list(self._history.notes)

    def history(self) -> dict[str, list[dict[str, Any]]]:
        """The numbers, for your own plots: ``pandas.DataFrame(monitor.history()["epochs"])``.

        Returns:
            ``"steps"``: rows with step, steps, epoch, loss, learning_rate, side and seconds, thinned as `steps` is.
            ``"epochs"``: rows with epoch, step, loss, seconds and a column for each accuracy, in [0, 1].
        """
        with self._lock:
            return self._history.table()

    def start(self) -> None:
        """Start, or continue a stopped run; returns at once. Does nothing while a run is active."""
        with self._lock:
            if "start" not in OFFERS[self._state]:
                return
            before, self._state = self._state, "reading"
            self._stopping = False
            self._ended.clear()
            self._announcement = "Reading the pictures."
            self.status.clear()
            self._update_now()
        try:
            self.session.start(self.status.guard(self._listen))
        except BaseException:
            with self._lock:
                self._state = before
                self._ended.set()
                self._update_now()
            raise

    def pause(self) -> None:
        """Pause after the current step."""
        if self._switch("running", "paused", "Paused; Resume continues at once."):
            self.session.pause()

    def resume(self) -> None:
        """Continue after a pause."""
        if self._switch("paused", "running", "Training continues."):
            self.session.resume()

    def stop(self) -> None:
        """Stop after the current step. Everything learned so far is saved; `start` continues from there."""
        with self._lock:
            if "stop" not in self.offers:
                return
            self._stopping = True
            self._update_now()
        self.session.stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended, for scripts; while a cell waits, the buttons do not respond.

        Args:
            timeout: in seconds; by default unlimited.

        Returns:
            Whether the run has ended; True if it was never started.
        """
        return self._ended.wait(timeout)

    @property
    def closed(self) -> bool:
        """Whether the widget was closed; nothing on the page responds any more."""
        return self.comm is None

    def close(self) -> None:
        """Stop, save everything learned so far, and remove the widget from the page."""
        self.session.close()
        self._throttle.close()
        super().close()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        bundle = cast("dict[str, Any]", self._repr_mimebundle_())
        display({**bundle, "text/plain": "A training monitor. Run this cell to train."}, raw=True)
        self.snapshot.show()

    def _switch(self, before: LearningState, after: LearningState, announcement: str) -> bool:
        with self._lock:
            if self._state != before or self._stopping:
                return False
            self._state, self._announcement = after, announcement
            self._history.eta.pause()
            self._update_now()
            return True

    def _listen(self, event: TrainingEvent) -> None:
        with self._lock:
            self._history.add(event)
            match event:
                case TrainingPlan():
                    self._state = "running"
                    self._announcement = f"Training: {formatting.describe(event)}."
                    self._update_now()
                case TrainingStep():
                    self._throttle.request()
                case TrainingEpoch():
                    self._announcement = formatting.epoch_sentence(event)
                    self._throttle.request()
                case TrainingNote():
                    earlier = "\n".join(reversed(self._history.notes[:-1]))
                    self.status.show(event.text, "warning", earlier)
                case TrainingEnded():
                    self._end(event)

    def _end(self, event: TrainingEnded) -> None:
        self._state, self._stopping = event.state, False
        self._announcement = event.message
        if event.state == "failed":
            self.status.show(event.message, "error", event.details)
        self._update_now()
        self._ended.set()
        self.snapshot.refresh()

    def _on_event(self, event: MonitorEvent) -> None:
        match event:
            case HelloEvent():
                with self._lock:
                    self._sent_pictures.forget()
                    self._throttle.reconnect()
                    self._update_now()
            case AckEvent(sequence=sequence):
                self._throttle.acknowledge(sequence)
            case PressEvent(action=action):
                if action in self.offers:
                    getattr(self, action)()

    @property
    def _state_text(self) -> str:
        """The state in words, or how the run ended."""
        if self._stopping:
            return "stopping after this step"
        ended = self._history.ended
        if self._state in ("done", "stopped") and ended is not None and ended.message:
            return ended.message
        return formatting.STATES[self._state]

    def _copy_history(self) -> tuple[TrainingHistory, str]:
        """A copy of the history for another thread, and its title."""
        with self._lock:
            return self._history.copy(), self._heading

    @property
    def _heading(self) -> str:
        plan = self._history.plan
        return self._title or (plan.name if plan is not None else "") or "A training run"

    def _update_now(self) -> None:
        """Update the page without delay: the user waits for it, or the run has ended."""
        with self._lock:
            self._throttle.request()
            self._throttle.flush()

    def _send_update(self, sequence: int) -> None:
        history, plan = self._history, self._history.plan
        rows, pictures = self._sent_pictures.message(history.epochs)
        newest = history.newest
        content = {
            "kind": "update",
            "sequence": sequence,
            "state": self._state,
            "title": self._heading,
            "words": self._state_text,
            "about": formatting.describe(plan) if plan is not None else "",
            "classes": ", ".join(plan.classes) if plan is not None else "",
            "offers": list(self.offers),
            "start": "Continue" if self._state in ("stopped", "failed") and history.step else "Start",
            "step": history.step,
            "steps": newest.steps if newest is not None else plan.steps if plan is not None else 0,
            "progress": formatting.progress(history, self._state),
            "announcement": self._announcement,
            "notice": self.status.widget.value,
            "loss": loss_curve(history),
            "accuracies": accuracy_curves(history),
            **rows,
        }
        self.view.send(content, pictures)
