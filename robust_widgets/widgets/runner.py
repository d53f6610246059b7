"""Runs requests on a session and shows them: Run and Stop, the live view, and the record of every run."""

from __future__ import annotations

import threading
from collections.abc import Callable

import ipywidgets

from robust_widgets.session import FrameMade, RunEnded, RunEvent, RunRequest, RunStarted, Session
from robust_widgets.trace import Trace
from robust_widgets.widgets.controls import SIDE
from robust_widgets.widgets.notice import Notice
from robust_widgets.widgets.watching.stream import FrameStream, recording
from robust_widgets.widgets.watching.view import AckEvent, HelloEvent, StepEvent, View, ViewEvent


class Runner:
    """Between a session and the page.

    Session events come on the session's thread, clicks on the kernel's; a lock keeps the state whole.

    Args:
        session: where runs are computed.
        notice: where errors are said.
        make_request: called when Run is pressed; what it raises is shown.
    """

    def __init__(
        self, session: Session, notice: Notice, make_request: Callable[[], RunRequest], display_side: int = SIDE
    ) -> None:
        self.session = session
        self.view = View(display_side=display_side, label="Result")
        self.traces: list[Trace] = []
        self.shown_step: int | None = None
        self._notice = notice
        self._make_request = make_request
        self._lock = threading.RLock()
        self._unfinished = 0
        self._stream: FrameStream | None = None
        self._started: RunStarted | None = None
        self._ended: RunEnded | None = None
        self.run_button = ipywidgets.Button(
            description="Run", icon="play", button_style="primary", tooltip="Run (Ctrl-Enter on the canvas)"
        )
        self.stop_button = ipywidgets.Button(
            description="Stop", icon="stop", tooltip="Stop after this step (Esc on the canvas)", disabled=True
        )
        self.run_button.on_click(notice.guard(lambda _: self.run()))
        self.stop_button.on_click(notice.guard(lambda _: self.stop()))
        self.view.on_event(notice.guard(self._on_view))

    @property
    def running(self) -> bool:
        """Whether a run was submitted and has not ended."""
        return self._unfinished > 0

    @property
    def trace(self) -> Trace | None:
        """The newest run, complete or not."""
        return self.traces[-1] if self.traces else None

    def run(self) -> None:
        """Submit a run; one that is going on is stopped, and what it made is kept in ``traces``."""
        request = self._make_request()
        with self._lock:
            restarted = self.running
            self._unfinished += 1
        self._show_buttons()
        if restarted:
            self._notice.say("The earlier run was stopped and kept; this is a new one.")
        else:
            self._notice.clear()
        try:
            self.session.submit(request, self._listen)
        except BaseException:
            with self._lock:
                self._unfinished -= 1
            self._show_buttons()
            raise

    def stop(self) -> None:
        """Stop the run going on, within one step."""
        self.session.cancel()

    def _listen(self, event: RunEvent) -> None:
        match event:
            case RunStarted():
                with self._lock:
                    self.traces.append(event.trace)
                    self._started, self._ended, self.shown_step = event, None, None
                    self._stream = FrameStream(self.view, event.run, event.steps)
                self.view.begin(event.run, event.steps, event.trace.target)
            case FrameMade():
                if self._stream is not None:
                    self._stream.push(event.frame)
            case RunEnded():
                self._finish(event)

    def _finish(self, event: RunEnded) -> None:
        with self._lock:
            self._unfinished -= 1
            stream, started = self._stream, self._started
            mine = started is not None and started.run == event.run
            if mine:
                self._ended = event
        try:
            if mine and stream is not None:
                stream.finish()
                self._send_record()
            if event.state == "failed":
                self._notice.say(event.message, "error", event.details)
        finally:
            self._show_buttons()

    def _send_record(self) -> None:
        started, ended = self._started, self._ended
        if started is None or ended is None:
            return
        if len(started.trace):
            steps, pictures, loss, probability = recording(started.trace)
            self.view.record(started.run, steps, pictures, loss, probability, started.trace.target, ended.state)
        self.view.end(started.run, ended.state, ended.message or summary(started.trace, ended))

    def _on_view(self, event: ViewEvent) -> None:
        match event:
            case AckEvent(sequence=sequence):
                if self._stream is not None:
                    self._stream.acknowledge(sequence)
            case StepEvent(step=step):
                self.shown_step = step
            case HelloEvent():
                self._greet()

    def _greet(self) -> None:
        """A browser shows the view anew: give it what it missed."""
        started, stream = self._started, self._stream
        if started is None or stream is None:
            return
        stream.reconnect()
        self.view.begin(started.run, started.steps, started.trace.target)
        self._send_record()

    def _show_buttons(self) -> None:
        with self._lock:
            self.stop_button.disabled = not self.running
            self.run_button.description = "Run again" if self.running else "Run"


def summary(trace: Trace, ended: RunEnded) -> str:
    """The sentence under a finished run."""
    if not len(trace):
        return "stopped before the first step"
    last = trace[-1]
    sure = trace.mean("probability", -1)
    reached = f", {trace.target} {sure:.0%} sure" if trace.target and sure == sure else ""
    if ended.state == "done":
        return f"{last.step} steps in {last.seconds:.1f} s{reached}"
    return f"stopped at step {last.step}{reached}"
