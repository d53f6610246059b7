"""Shares the steps of a device among the runs of many people. It knows no sockets and no model.

Each turn takes one step of the runs that are due and have the same structure: first of the owners who have had least,
as many as fit. A run whose frames are not taken sits out, so nobody's slow link holds others back. Whatever happens,
every run that was accepted gets exactly one `Ended`.
"""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Protocol, TypeAlias

from robust_widgets.errors import RobustWidgetsError, StateError, is_out_of_memory
from robust_widgets.interface.explanation import Answer, Question
from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.session import ClassPictureListener, RunRequest, RunState
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.serving.errands import Errands, Expert
from robust_widgets.serving.limits import Limits
from robust_widgets.serving.statistics import Statistics

IDLE = 1.0  # seconds without a run before a model's robustness is measured
TOGETHER = 0.25  # of the time between two frames: runs that are due within it take their step together
LEAST_WINDOW = 2  # frames under way, however slow the steps are


class DeviceRun(Protocol):
    """A run on a device.

    Attributes:
        trace: everything that decides it; no frames.
        steps: how many it makes.
        key: runs of the same key can share a step; None for a run that takes its steps alone.
        cost: of a step, in pixels.
        frame_bytes: of a frame, about.
        finished: whether its last frame has been made.
    """

    @property
    def trace(self) -> Trace: ...
    @property
    def steps(self) -> int: ...
    @property
    def key(self) -> Hashable | None: ...
    @property
    def cost(self) -> int: ...
    @property
    def frame_bytes(self) -> int: ...
    @property
    def finished(self) -> bool: ...


class Device(Expert, Protocol):
    """What computes."""

    @property
    def input_size(self) -> int:
        """The model's own width of pictures."""
        ...

    def begin(self, request: RunRequest) -> DeviceRun:
        """A run at its start; raises a `RobustWidgetsError` for a request that cannot be run."""
        ...

    def step(self, runs: Sequence[DeviceRun]) -> Sequence[Frame | Exception | None]:
        """One step of each run: its next frame, what is wrong with it alone, or None where there is nothing to show.

        If it raises, no run has moved.
        """
        ...

    def free(self) -> None:
        """Give back memory after it ran out."""
        ...

    def measure(self, go_on: Callable[[], bool]) -> tuple[bool, Robustness | None]:
        """Whether the model's robustness is known now, and what it is; ``go_on`` may interrupt it."""
        ...


@dataclass(frozen=True)
class Waits:
    """A run waits for a place; ``before`` others do so longer."""

    before: int


@dataclass(frozen=True)
class Began:
    """A run has started."""

    trace: Trace
    steps: int


@dataclass(frozen=True)
class Ended:
    """The last event of a run; as `robust_widgets.interface.session.RunEnded`."""

    state: RunState
    message: str = ""
    details: str = ""


Event: TypeAlias = "Waits | Began | Frame | Ended"
Sink: TypeAlias = Callable[[Event], object]


@dataclass(eq=False)
class Ticket:
    """A run in the batcher.

    Attributes:
        number: of the run in this batcher.
        owner: who it belongs to.
        request: what to run.
        have: the last step that its owner has; frames up to it are made but not sent.
        sent, taken: the last step that was sent, and that was received.
        due: when the next step may be taken.
        began: when it was accepted.
        announced: how many waited before it when its owner last heard of it.
        latest: its last frame.
    """

    number: int
    owner: str
    request: RunRequest
    sink: Sink
    have: int
    began: float
    announced: int = -1
    due: float = 0.0
    stopping: bool = False
    run: DeviceRun | None = None
    sent: int = -1
    taken: int = -1
    latest: Frame | None = field(default=None, repr=False)


class Batcher:
    """Takes the steps of many runs on one device.

    Sinks are called on the thread that takes turns, one event at a time; they must not wait.

    Args:
        device: computes the steps.
        limits: what everybody may have.
        clock: seconds, growing.

    Attributes:
        errands: what is done between steps.
    """

    def __init__(
        self, device: Device, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.device = device
        self.limits = limits or Limits()
        self.statistics = Statistics(clock)
        self.errands = Errands(device, clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._numbers = count(1)
        self._waiting: list[Ticket] = []
        self._active: list[Ticket] = []
        self._service: dict[str, float] = {}  # pixels computed for each owner who has a run
        self._capacity = math.inf  # pixels of a step
        self._measuring: list[Callable[[Robustness | None], object]] = []
        self._closed = False

    def submit(self, owner: str, request: RunRequest, sink: Sink, have: int = -1) -> Ticket:
        """Accept a run, or refuse it at once.

        Args:
            owner: who it belongs to.
            request: what to run.
            sink: called with each `Event`.
            have: the last step that the owner has already.

        Raises:
            RobustWidgetsError: it asks for more than is allowed, or for something impossible.
        """
        self.limits.check(request, self.device.input_size)
        with self._lock:
            if self._closed:
                raise StateError("The server is shutting down; try again in a moment.")
            mine = sum(ticket.owner == owner and not ticket.stopping for ticket in (*self._active, *self._waiting))
            self.limits.check_places(mine, len(self._waiting))
            if owner not in self._service:  # who comes back gets no more than those who stayed
                self._service[owner] = min(self._service.values(), default=0.0)
            ticket = Ticket(next(self._numbers), owner, request, sink, have, self._clock(), sent=have, taken=have)
            self._waiting.append(ticket)
        self._changed.set()
        return ticket

    def stop(self, ticket: Ticket) -> None:
        """End a run before its next step."""
        ticket.stopping = True
        self._changed.set()

    def stop_all(self, owner: str | None = None) -> int:
        """End all runs, or all of one owner; returns how many."""
        with self._lock:
            tickets = [t for t in (*self._active, *self._waiting) if owner is None or t.owner == owner]
        for ticket in tickets:
            self.stop(ticket)
        return len(tickets)

    def acknowledge(self, ticket: Ticket, step: int) -> None:
        """The frames of a run up to a step have been received."""
        ticket.taken = max(ticket.taken, min(step, ticket.sent))
        self._changed.set()

    def ask(
        self,
        owner: str,
        question: Question,
        listener: Callable[[Answer], object],
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Answer a question between steps; as `Errands.ask`."""
        self.errands.ask(owner, question, listener, is_wanted)
        self._changed.set()

    def paint_classes(
        self, classes: Sequence[int], listener: ClassPictureListener, is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """Paint classes between runs; as `Errands.paint_classes`."""
        self.errands.paint_classes(classes, listener, is_wanted)
        self._changed.set()

    def measure(self, listener: Callable[[Robustness | None], object]) -> None:
        """Report the model's robustness, once it has been measured between runs."""
        with self._lock:
            self._measuring.append(listener)
        self._changed.set()

    def tickets(self) -> list[Ticket]:
        """The runs at this moment, those that wait last."""
        with self._lock:
            return [*self._active, *self._waiting]

    @property
    def load(self) -> int:
        """How many runs there are."""
        return len(self._active) + len(self._waiting)

    def turn(self) -> float | None:
        """Do the next piece of work: end, start, or step some runs.

        Returns:
            Seconds until there may be more; None if there is nothing to do until somebody calls.
        """
        self._end_stopped()
        if self._begin_one():
            return 0.0
        if self.errands.do_one(busy=bool(self._active), go_on=lambda: not self._changed.is_set()):
            return 0.0
        now = self._clock()
        with self._lock:
            tickets = [ticket for ticket in self._active if self._has_window(ticket)]
        errand = self.errands.delay()
        if not tickets:
            return errand
        soonest = min(ticket.due for ticket in tickets)
        if soonest > now:
            return soonest - now if errand is None else min(soonest - now, errand)
        self._step(self._choose(tickets, now))
        return 0.0

    def run_forever(self) -> None:
        """Take turns until `close` is called; for a thread of its own."""
        while True:
            self._changed.clear()
            delay = self.turn()
            with self._lock:
                if self._closed and not self._active and not self._waiting:
                    return
                idle = not self._active and not self._waiting
                wants = bool(self._measuring)
            if delay is None and idle and wants:
                if not self._changed.wait(IDLE):
                    self._measure()
            elif delay != 0:
                self._changed.wait(delay)

    def close(self) -> None:
        """End all runs and take no more."""
        with self._lock:
            self._closed = True
        self.stop_all()
        self._changed.set()

    def _measure(self) -> None:
        known, robustness = self.device.measure(lambda: not self._changed.is_set())
        if known:
            with self._lock:
                listeners, self._measuring = self._measuring, []
            for listener in listeners:
                listener(robustness)

    def _end_stopped(self) -> None:
        with self._lock:
            stopped = [ticket for ticket in (*self._active, *self._waiting) if ticket.stopping]
        for ticket in stopped:
            self._end(ticket, Ended("stopped"))

    def _begin_one(self) -> bool:
        """Start the run that has waited longest, if there is a place."""
        with self._lock:
            if not self._waiting or len(self._active) >= self.limits.active:
                ticket = None
            else:
                ticket = self._waiting.pop(0)
                self._active.append(ticket)
            waiting = list(self._waiting) if ticket is None else []
        if ticket is None:
            for before, each in enumerate(waiting):
                if each.announced != before:
                    each.announced = before
                    self._emit(each, Waits(before))
            return False
        ticket.due = self._clock()
        try:
            ticket.run = run = self.device.begin(ticket.request)
        except Exception as error:
            self._end(ticket, _failed(error))
        else:
            self._emit(ticket, Began(run.trace, run.steps))
        return True

    def _rate(self, ticket: Ticket) -> float:
        assert ticket.run is not None
        return self.limits.rate(len(self._active), ticket.run.frame_bytes)

    def _has_window(self, ticket: Ticket) -> bool:
        """Whether few enough frames are under way to the notebook."""
        if ticket.run is None:
            return False
        most = max(LEAST_WINDOW, math.ceil(self.limits.window * self._rate(ticket)))
        return ticket.sent - ticket.taken < most

    def _choose(self, tickets: Sequence[Ticket], now: float) -> list[Ticket]:
        """The runs that take the next step: of one structure, those of the owners first who have had least."""
        due = [ticket for ticket in tickets if ticket.due <= now + TOGETHER / self._rate(ticket)]
        with self._lock:
            service = dict(self._service)
        first = min(
            (ticket for ticket in due if ticket.due <= now),
            key=lambda ticket: (service[ticket.owner], ticket.due, ticket.number),
        )
        run = first.run
        assert run is not None
        chosen, pixels = [first], run.cost
        service[first.owner] += run.cost
        queue = [
            (service[ticket.owner], ticket.due, ticket.number, ticket)
            for ticket in due
            if ticket is not first and ticket.run is not None and ticket.run.key == run.key is not None
        ]
        heapify(queue)
        while queue:
            had, _, _, ticket = heappop(queue)
            if had != service[ticket.owner]:  # another run of the same owner was chosen meanwhile
                heappush(queue, (service[ticket.owner], ticket.due, ticket.number, ticket))
                continue
            assert ticket.run is not None
            if pixels + ticket.run.cost > self._capacity:
                break
            chosen.append(ticket)
            pixels += ticket.run.cost
            service[ticket.owner] += ticket.run.cost
        return chosen

    def _step(self, tickets: Sequence[Ticket]) -> None:
        runs = [ticket.run for ticket in tickets if ticket.run is not None]
        began = self._clock()
        try:
            results = self.device.step(runs)
        except Exception as error:
            self._recover(tickets, error)
            return
        self.statistics.step(len(tickets), self._clock() - began)
        for ticket, result in zip(tickets, results, strict=True):
            self._deliver(ticket, result)

    def _recover(self, tickets: Sequence[Ticket], error: Exception) -> None:
        """A step raised: make room if the memory ran out, else find the run that is to blame."""
        if len(tickets) == 1:
            self._end(tickets[0], _failed(error))
            if is_out_of_memory(error):
                self.device.free()
        elif is_out_of_memory(error):
            self.device.free()
            self._capacity = sum(ticket.run.cost for ticket in tickets if ticket.run is not None) / 2
            self.statistics.halved += 1
        else:
            for ticket in tickets:
                self._step([ticket])

    def _deliver(self, ticket: Ticket, result: Frame | Exception | None) -> None:
        assert ticket.run is not None
        now = self._clock()
        with self._lock:
            if ticket.owner in self._service:
                self._service[ticket.owner] += ticket.run.cost
        if isinstance(result, Exception):
            self._end(ticket, _failed(result))
            return
        if result is not None and result.step > ticket.have:
            ticket.latest, ticket.sent = result, result.step
            self.statistics.frame(now)
            ticket.due = max(ticket.due, now - 1 / self._rate(ticket)) + 1 / self._rate(ticket)
            self._emit(ticket, result)
        if ticket.run.finished:
            self._end(ticket, Ended("done"))

    def _emit(self, ticket: Ticket, event: Event) -> None:
        if ticket.stopping and not isinstance(event, Ended):
            return
        try:
            ticket.sink(event)
        except Exception:
            traceback.print_exc()
            ticket.stopping = True

    def _end(self, ticket: Ticket, event: Ended) -> None:
        with self._lock:
            self._active = [other for other in self._active if other is not ticket]
            self._waiting = [other for other in self._waiting if other is not ticket]
            if not any(other.owner == ticket.owner for other in (*self._active, *self._waiting)):
                self._service.pop(ticket.owner, None)
        self.statistics.ended(event.state)
        self._emit(ticket, event)


def _failed(error: Exception) -> Ended:
    details = "".join(traceback.format_exception(error))
    if isinstance(error, RobustWidgetsError):
        return Ended("failed", str(error), details)
    if is_out_of_memory(error):
        return Ended("failed", "The server's memory does not hold this run; give fewer or smaller pictures.", details)
    reason = " ".join(str(error).split()).rstrip(".")
    sentence = f"The run failed on the server ({type(error).__name__}: {reason}); the details hold the traceback."
    return Ended("failed", sentence, details)
