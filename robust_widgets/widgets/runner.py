"""Run and Stop, the live view, and the history: submits requests to a session and shows their runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import ipywidgets

from robust_widgets.errors import ParameterError
from robust_widgets.interface.session import FrameMade, RunEnded, RunEvent, RunRequest, RunStarted, Session
from robust_widgets.runs.playback import curves, distance_unit, evenly, heat_jpeg, jpeg, radius, thumbnail
from robust_widgets.runs.trace import Trace
from robust_widgets.widgets.controls import SIDE
from robust_widgets.widgets.flow_control import FRAMES_PER_SECOND, FrameStream, PendingFlush
from robust_widgets.widgets.page_widget import AckEvent, HelloEvent, Remove
from robust_widgets.widgets.player.view import (
    BranchEvent,
    FlushedEvent,
    HeatEvent,
    HistoryEntry,
    ShowEvent,
    StepEvent,
    View,
    ViewEvent,
)
from robust_widgets.widgets.status_line import StatusLine

MAX_RECORDED = 240
LOADING = "Loading the model; the run starts as soon as it is ready."


Origin: TypeAlias = tuple[Trace, int]


@dataclass
class _Run:
    """A run and its progress.

    Attributes:
        number: the session's; None for a run that was made elsewhere.
        pictures: JPEGs of the finished run, made once, because a page may ask for them again and again.
        origin: the run and the step that it was branched from.
    """

    trace: Trace
    steps: int
    number: int | None = None
    ended: RunEnded | None = None
    pictures: list[bytes] = field(default_factory=list[bytes])
    origin: Origin | None = None

    @property
    def running(self) -> bool:
        return self.number is not None and self.ended is None


class Runner:
    """Connects a session to the page.

    Session events arrive on the session's thread, clicks on the kernel's; a lock protects the state.

    Args:
        session: computes the runs.
        status: shows errors.
        make_request: called when Run is pressed; its errors are shown.

    Attributes:
        traces: all runs, oldest first.
        shown_trace: the run that the view shows.
        shown_step: the step that the user stopped at; None for the newest.
        frames_per_second: steps of a run sent to the page each second, at most.
    """

    def __init__(
        self, session: Session, status: StatusLine, make_request: Callable[[], RunRequest], display_side: int = SIDE
    ) -> None:
        self.session = session
        self.view = View(display_side=display_side, label="Result")
        self.traces: list[Trace] = []
        self.shown_step: int | None = None
        self._frames_per_second: float = FRAMES_PER_SECOND
        self._status = status
        self._make_request = make_request
        self._lock = threading.RLock()
        self._unfinished = 0
        self._flush = PendingFlush(self.view.request_flush)
        self._runs: dict[int, _Run] = {}
        self._active: dict[int, _Run] = {}
        self._shown_run: _Run | None = None
        self._origin: Origin | None = None
        self._showing = 0
        self._stream: FrameStream | None = None
        self._heat = False
        self._listeners: dict[str, tuple[Callable[..., object], ...]] = {
            "branch": (),
            "end": (),
            "failed": (),
            "shown": (),
        }
        self.run_button = ipywidgets.Button(
            description="Run", icon="play", button_style="primary", tooltip="Run (Ctrl-Enter on the canvas)"
        )
        self.stop_button = ipywidgets.Button(
            description="Stop", icon="stop", tooltip="Stop after the current step (Esc on the canvas)", disabled=True
        )
        self.run_button.on_click(status.guard(lambda _: self.press()))
        self.stop_button.on_click(status.guard(lambda _: self.stop()))
        self.view.on_event(status.guard(self._on_view))

    @property
    def running(self) -> bool:
        """Whether a run was submitted and has not ended."""
        return self._unfinished > 0

    @property
    def frames_per_second(self) -> float:
        return self._frames_per_second

    @frames_per_second.setter
    def frames_per_second(self, value: float) -> None:
        with self._lock:
            self._frames_per_second = value
            if self._stream is not None:
                self._stream.throttle.rate = value

    @property
    def trace(self) -> Trace | None:
        """The newest run, finished or not."""
        return self.traces[-1] if self.traces else None

    @property
    def shown_trace(self) -> Trace | None:
        return self._shown_run.trace if self._shown_run is not None else None

    def press(self) -> None:
        """Handle a press of Run: run as soon as all values set in the page have arrived."""
        self._press(self.run)

    def run(self) -> None:
        """Submit a run; a current run is stopped and stays in ``traces``."""
        request, origin = self._make_request(), self._origin
        self._flush.cancel()
        with self._lock:
            restarted = self.running
            self._unfinished += 1
        self._show_buttons()
        if self.session.loading:
            self._status.show(LOADING)
        elif restarted:
            self._status.show("Stopped the previous run; it stays in the history.")
        else:
            self._status.clear()
        try:
            self.session.submit(request, lambda event: self._listen(event, origin))
        except BaseException:
            with self._lock:
                self._unfinished -= 1
            self._show_buttons()
            raise

    def stop(self) -> None:
        """Stop the current run within one step, or cancel the one that has not started."""
        self._flush.cancel()
        self._show_buttons()
        self.session.cancel()

    def show(self, index: int) -> None:
        """Show one of ``traces`` in the view; a current run continues.

        Raises:
            ParameterError: there is no such run.
        """
        with self._lock:
            if not -len(self.traces) <= index < len(self.traces):
                raise ParameterError(
                    f"There is no run {index}; this studio has {len(self.traces)} runs, counted from 0."
                )
            self._begin(self._run_of(self.traces[index]))
            self.view.history([], self._index(self._shown_run))
        self._notify("shown", self.shown_trace, self.shown_step)

    def adopt(self, other: Runner) -> None:
        """Take over another runner's runs, as older than its own."""
        with self._lock:
            self.traces[:0] = other.traces
            self._runs.update(other._runs)
            self._send_history()

    def take(self, trace: Trace) -> None:
        """Show a run that was made elsewhere, as the newest one. One that cannot be shown does not join the history."""
        with self._lock:
            before = self._shown_run
            self.traces.append(trace)
            try:
                self._begin(self._run_of(trace))
                self._send_history()
            except BaseException:
                self.traces.pop()
                self._runs.pop(id(trace), None)
                if before is not None:
                    self._begin(before)
                raise
        self._notify("shown", trace, None)

    def on_branch(self, callback: Callable[[Trace, int], object]) -> Remove:
        """Call ``callback(trace, step)`` when the user wants a new run from a step; the result removes it."""
        self.view.branching = True
        return self._listen_to("branch", callback)

    def on_end(self, callback: Callable[[Trace, RunEnded], object]) -> Remove:
        """Call ``callback(trace, event)`` after each run, on the session's thread; the result removes it."""
        return self._listen_to("end", callback)

    def on_failed(self, callback: Callable[[], object]) -> Remove:
        """Call ``callback()`` after each run that failed, on the session's thread; the result removes it."""
        return self._listen_to("failed", callback)

    def on_shown(self, callback: Callable[[Trace, int | None], object]) -> Remove:
        """Call ``callback(trace, step)`` when another run or step is shown; step is None for the newest."""
        return self._listen_to("shown", callback)

    def after_flush(self, action: Callable[[], object], button: str) -> None:
        """Call ``action`` for a pressed button as soon as all values set in the page have arrived."""
        self._flush.press(self._status.guard(action), button)

    def _press(self, action: Callable[[], object]) -> None:
        def begin() -> None:
            try:
                action()
            finally:
                self._show_buttons()

        self._flush.press(self._status.guard(begin))
        self._show_buttons()

    def _listen_to(self, kind: str, callback: Callable[..., object]) -> Remove:
        guarded = self._status.guard(callback)
        self._listeners[kind] = (*self._listeners[kind], guarded)

        def remove() -> None:
            self._listeners[kind] = tuple(other for other in self._listeners[kind] if other is not guarded)

        return remove

    def _notify(self, kind: str, *arguments: Any) -> None:
        for callback in self._listeners[kind]:
            callback(*arguments)

    def _listen(self, event: RunEvent, origin: Origin | None) -> None:
        match event:
            case RunStarted():
                self._start(event, origin)
            case FrameMade():
                stream = self._stream
                if stream is not None and self._active.get(event.run) is self._shown_run:
                    stream.push(event.frame)
            case RunEnded():
                self._finish(event)

    def _start(self, event: RunStarted, origin: Origin | None) -> None:
        with self._lock:
            run = _Run(event.trace, event.steps, event.run, origin=origin)
            self._runs[id(event.trace)] = self._active[event.run] = run
            self.traces.append(event.trace)
            self._begin(run)
            self._send_history(run)
        self._clear_loading()
        self._notify("shown", event.trace, None)

    def _finish(self, event: RunEnded) -> None:
        with self._lock:
            self._unfinished -= 1
            run = self._active.pop(event.run, None)
        self._clear_loading()
        try:
            if run is not None:
                self._finish_run(run, event)
            if event.state == "failed":
                self._status.show(event.message, "error", event.details)
                self._notify("failed")
        finally:
            self._show_buttons()
        if run is not None:
            self._notify("end", run.trace, event)

    def _clear_loading(self) -> None:
        if self._status.text == LOADING and not (self.session.loading and self.running):
            self._status.clear()

    def _finish_run(self, run: _Run, event: RunEnded) -> None:
        with self._lock:
            run.ended = event
            if run is self._shown_run:
                if self._stream is not None:
                    self._stream.finish()
                self._send_record()
            self._send_history(run)

    def _begin(self, run: _Run) -> None:
        """Start to show a run."""
        self._showing += 1
        self._shown_run, self.shown_step = run, None
        self._stream = FrameStream(self.view, self._showing, run.steps, self.frames_per_second)
        self._stream.heat, self._stream.unit = self._heat, distance_unit(run.trace)
        self._send_begin(run)
        if not run.running:
            self._send_record()

    def _send_begin(self, run: _Run) -> None:
        trace = run.trace
        in_progress = run.running and len(trace)
        past = curves(trace, evenly(len(trace), MAX_RECORDED)) if in_progress else None
        self.view.begin(self._showing, run.steps, trace.target, trace.classes, radius(trace), past)
        if in_progress and self._stream is not None:
            self._stream.push(trace[-1])
            self._stream.finish()

    def _send_record(self) -> None:
        run = self._shown_run
        if run is None or run.running:
            return
        trace, ended = run.trace, run.ended or RunEnded(0, "done")
        if len(trace):
            steps = evenly(len(trace), MAX_RECORDED)
            if len(run.pictures) != len(steps):
                run.pictures = [jpeg(trace[step].pixels) for step in steps]
            self.view.record(self._showing, curves(trace, steps), run.pictures, trace.target, ended.state)
            if self._heat:
                self._send_heat()
        self.view.end(self._showing, ended.state, ended.message or summary(trace, ended))

    def _send_heat(self) -> None:
        if self._shown_run is not None and not self._shown_run.running and len(self._shown_run.trace):
            trace = self._shown_run.trace
            self.view.heat(self._showing, [heat_jpeg(trace[step]) for step in evenly(len(trace), MAX_RECORDED)])

    def _send_history(self, changed: _Run | None = None) -> None:
        runs = [changed] if changed is not None else [self._run_of(trace) for trace in self.traces]
        entries = [self._entry(run) for run in runs]
        self.view.history(entries, self._index(self._shown_run), whole=changed is None)

    def _entry(self, run: _Run) -> HistoryEntry:
        parent, step = run.origin or (None, None)
        return HistoryEntry(
            self._index(run) or 0,
            run.trace.target,
            run.trace.task_in_words,
            run.ended.state if run.ended is not None else "running" if run.running else "done",
            thumbnail(run.trace),
            self._index(None if parent is None else self._run_of(parent)),
            step,
        )

    def _run_of(self, trace: Trace) -> _Run:
        return self._runs.setdefault(id(trace), _Run(trace, max(0, len(trace) - 1)))

    def _index(self, run: _Run | None) -> int | None:
        if run is None:
            return None
        return next((index for index, trace in enumerate(self.traces) if trace is run.trace), None)

    def _on_view(self, event: ViewEvent) -> None:
        match event:
            case AckEvent(sequence=sequence):
                if self._stream is not None:
                    self._stream.throttle.acknowledge(sequence)
            case StepEvent(step=step):
                self.shown_step = step
                self._notify("shown", self.shown_trace, step)
            case BranchEvent(step=step):
                trace = self.shown_trace
                if trace is not None and step < len(trace):
                    self._press(lambda: self._branch(trace, step))
            case ShowEvent(index=index):
                self.show(index)
            case HeatEvent(on=on):
                with self._lock:
                    self._heat = on
                    if self._stream is not None:
                        self._stream.heat = on
                    if on:
                        self._send_heat()
            case FlushedEvent(press=press):
                self._flush.flushed(press)
            case HelloEvent():
                self._flush.connected = True
                self._resend()

    def _branch(self, trace: Trace, step: int) -> None:
        """Have a run started from a step; it belongs beneath the run of that step."""
        self._origin = (trace, step)
        try:
            self._notify("branch", trace, step)
        finally:
            self._origin = None

    def _resend(self) -> None:
        """A page has opened the view: send it everything."""
        with self._lock:
            self._heat = False
            if self.traces:
                self._send_history()
            if self._shown_run is None or self._stream is None:
                return
            self._stream.heat = False
            self._stream.throttle.reconnect()
            self._send_begin(self._shown_run)
            self._send_record()

    def _show_buttons(self) -> None:
        with self._lock:
            active = self.running or self._flush.waiting
            self.stop_button.disabled = not active
            self.run_button.description = "Again" if active else "Run"


def summary(trace: Trace, ended: RunEnded) -> str:
    """The line under a finished run."""
    if not len(trace):
        return "stopped before the first step"
    last = trace[-1]
    probability = trace.mean("probability", -1)
    known = bool(trace.target) and probability == probability  # NaN where it is not recorded
    reached = f", {trace.target} {probability:.0%}" if known else ""
    if ended.state == "done":
        return f"{last.step} steps in {last.seconds:.1f} s{reached}"
    return f"stopped at step {last.step}{reached}"
