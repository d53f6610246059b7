"""The training monitor: watch a run learn, pause it, stop it, and take it up again."""

from __future__ import annotations

import threading
from typing import Any, cast

import ipywidgets

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
from robust_widgets.widgets.status_line import Notice
from robust_widgets.widgets.training import formatting as words
from robust_widgets.widgets.training.history import TrainingRecord
from robust_widgets.widgets.training.snapshot import TrainingKeepsake
from robust_widgets.widgets.training.throttle import Updates
from robust_widgets.widgets.training.view import (
    AckEvent,
    Action,
    Gallery,
    HelloEvent,
    MonitorView,
    PressEvent,
    accuracy_curves,
    loss_curve,
    parse_event,
)

OFFERS: dict[LearningState, tuple[Action, ...]] = {
    "idle": ("start",),
    "reading": ("stop",),
    "running": ("pause", "stop"),
    "paused": ("resume", "stop"),
    "done": (),
    "stopped": ("start",),
    "failed": ("start",),
}


class TrainingMonitorWidget(ipywidgets.VBox):
    """Curves, and pictures painted by what has been learned so far, while a session trains.

    Events come on the thread that trains and are only noted there; the browser is told in its own time.

    Args:
        session: what trains; closed with the widget.
        title: the heading; by default the name of what is trained.

    Attributes:
        session: the one given.
        plan: what is trained; None before the first start.
        epochs: all epochs, oldest first, with their pictures.
        notes: what the run had to say, oldest first.
    """

    def __init__(self, session: TrainingSession, *, title: str = "") -> None:
        self.session = session
        self.notice = Notice()
        self.view = MonitorView()
        self._title = title
        # The browser's messages come on the kernel's thread, events on the session's. The session is never called with
        # the lock held: it may wait for its thread, and that for the lock.
        self._lock = threading.RLock()
        self._record = TrainingRecord()
        self._state: LearningState = session.state
        self._stopping = False
        self._announcement = ""
        self._ended = threading.Event()
        if self._state not in ("reading", "running", "paused"):
            self._ended.set()
        self._gallery = Gallery()
        self._updates = Updates(self._send_update, self._lock)
        self.keepsake = TrainingKeepsake(self._snapshot)
        self.view.on_msg(self.notice.guard(self._receive))
        self.notice.widget.observe(lambda _: self._updates.now(), "value")
        super().__init__([self.view], layout={"max_width": "100%"})

    @property
    def state(self) -> LearningState:
        """How far it is; "paused" from the moment that pause is asked for, though the step going on is finished."""
        return self._state

    @property
    def offers(self) -> tuple[Action, ...]:
        """What the buttons do now."""
        return () if self._stopping or self.closed else OFFERS[self._state]

    @property
    def plan(self) -> TrainingPlan | None:
        return self._record.plan

    @property
    def steps(self) -> list[TrainingStep]:
        """The steps so far, oldest first; of a long run at most 400, the first and the newest among them."""
        with self._lock:
            return self._record.steps

    @property
    def epochs(self) -> list[TrainingEpoch]:
        with self._lock:
            return list(self._record.epochs)

    @property
    def notes(self) -> list[str]:
        with self._lock:
            return list(self._record.notes)

    def history(self) -> dict[str, list[dict[str, Any]]]:
        """The numbers for plots of your own: ``pandas.DataFrame(monitor.history()["epochs"])``.

        Returns:
            ``"steps"``: rows with step, steps, epoch, loss, learning_rate, side and seconds, thinned as `steps` is.
            ``"epochs"``: rows with epoch, step, loss, seconds and a column for each accuracy, as shares in [0, 1].
        """
        with self._lock:
            return self._record.history()

    def start(self) -> None:
        """Begin, or go on from where it was stopped; returns at once. Nothing happens while it goes on already."""
        with self._lock:
            if "start" not in OFFERS[self._state]:
                return
            before, self._state = self._state, "reading"
            self._stopping = False
            self._ended.clear()
            self._announcement = "Reading the pictures."
            self.notice.clear()
            self._updates.now()
        try:
            self.session.start(self.notice.guard(self._listen))
        except BaseException:
            with self._lock:
                self._state = before
                self._ended.set()
                self._updates.now()
            raise

    def pause(self) -> None:
        """Hold after the step going on."""
        if self._turn("running", "paused", "Paused; Resume goes on at once."):
            self.session.pause()

    def resume(self) -> None:
        """Go on after a pause."""
        if self._turn("paused", "running", "Training goes on."):
            self.session.resume()

    def stop(self) -> None:
        """End after the step going on. Everything learned so far is kept; `start` goes on from there."""
        with self._lock:
            if "stop" not in self.offers:
                return
            self._stopping = True
            self._updates.now()
        self.session.stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended, for scripts; a cell that waits keeps the buttons from being heard.

        Args:
            timeout: in seconds; by default without limit.

        Returns:
            Whether it has ended; True also if it was never started.
        """
        return self._ended.wait(timeout)

    @property
    def closed(self) -> bool:
        """Whether it was closed; then nothing on the page answers any more."""
        return self.comm is None

    def close(self) -> None:
        """Stop, keeping everything learned so far, and take the widget off the page."""
        self.session.close()
        self._updates.close()
        self.view.close()
        super().close()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        bundle = cast("dict[str, Any]", self._repr_mimebundle_())
        display({**bundle, "text/plain": "A training monitor. Run this cell to train."}, raw=True)
        self.keepsake.show()

    def _turn(self, before: LearningState, after: LearningState, announcement: str) -> bool:
        with self._lock:
            if self._state != before or self._stopping:
                return False
            self._state, self._announcement = after, announcement
            self._record.pace.hold()
            self._updates.now()
            return True

    def _listen(self, event: TrainingEvent) -> None:
        with self._lock:
            self._record.take(event)
            match event:
                case TrainingPlan():
                    self._state = "running"
                    self._announcement = f"Training: {words.about(event)}."
                    self._updates.now()
                case TrainingStep():
                    self._updates.want()
                case TrainingEpoch():
                    self._announcement = words.told(event)
                    self._updates.want()
                case TrainingNote():
                    earlier = "\n".join(reversed(self._record.notes[:-1]))
                    self.notice.say(event.text, "warning", earlier)
                case TrainingEnded():
                    self._end(event)

    def _end(self, event: TrainingEnded) -> None:
        self._state, self._stopping = event.state, False
        self._announcement = event.message
        if event.state == "failed":
            self.notice.say(event.message, "error", event.details)
        self._updates.now()
        self._ended.set()
        self.keepsake.changed()

    def _receive(self, _widget: object, content: object, _buffers: object) -> None:
        match parse_event(content):
            case HelloEvent():
                with self._lock:
                    self._gallery.forget()
                    self._updates.reconnect()
            case AckEvent(sequence=sequence):
                self._updates.acknowledge(sequence)
            case PressEvent(action=action):
                if action in self.offers:
                    getattr(self, action)()
            case None:
                pass

    @property
    def _words(self) -> str:
        """The state, and how a run ended."""
        if self._stopping:
            return "stopping after this step"
        ended = self._record.ended
        if self._state in ("done", "stopped") and ended is not None and ended.message:
            return ended.message
        return words.STATES[self._state]

    def _snapshot(self) -> tuple[TrainingRecord, str]:
        """The record as it is now, for whoever reads it on another thread, and its title."""
        with self._lock:
            return self._record.copy(), self._heading

    @property
    def _heading(self) -> str:
        plan = self._record.plan
        return self._title or (plan.name if plan is not None else "") or "A training run"

    def _send_update(self, sequence: int) -> None:
        record, plan = self._record, self._record.plan
        rows, pictures = self._gallery.message(record.epochs)
        newest = record.newest
        content = {
            "kind": "update",
            "sequence": sequence,
            "state": self._state,
            "title": self._heading,
            "words": self._words,
            "about": words.about(plan) if plan is not None else "",
            "classes": ", ".join(plan.classes) if plan is not None else "",
            "offers": list(self.offers),
            "start": "Go on" if self._state in ("stopped", "failed") and record.step else "Start",
            "step": record.step,
            "steps": newest.steps if newest is not None else plan.steps if plan is not None else 0,
            "progress": words.progress(record, self._state),
            "announcement": self._announcement,
            "notice": self.notice.widget.value,
            "loss": loss_curve(record),
            "accuracies": accuracy_curves(record),
            **rows,
        }
        self.view.send(content, pictures)
