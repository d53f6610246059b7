"""A session whose runs are computed by a server. Needs no torch."""

from __future__ import annotations

import asyncio
import random
import secrets
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from robust_widgets.errors import RobustWidgetsError, SetupError, StateError, UnknownNameError, first_line, unknown_name
from robust_widgets.interface import messages
from robust_widgets.interface.explanation import Answer, Question
from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.session import (
    ClassPictureListener,
    FrameMade,
    Listener,
    LoadedListener,
    ModelInfo,
    ModelLoaded,
    RobustnessListener,
    RunEnded,
    RunRequest,
    RunStarted,
)
from robust_widgets.interface.wire import Arrays, Message
from robust_widgets.pictures.limits import LONGEST_JSON, MAX_REQUEST
from robust_widgets.runs.trace import Trace
from robust_widgets.session.listeners import tell, unexpected
from robust_widgets.session.remote_errands import Outgoing, RemoteErrands
from robust_widgets.session.server_link import ServerAddress, ServerLink

FIRST_WAIT, LONGEST_WAIT = 0.25, 4.0  # seconds between two tries to connect; doubled from try to try
PATIENCE = 60.0  # seconds without a server, after which a run fails
CONNECT_SECONDS = 5.0
CLOSED = "The studio was closed before the answer came; ask again in a new one."


@dataclass(eq=False)
class _Job:
    """A run, from its submission to its end.

    Attributes:
        steps: how many it makes; 0 before it has started.
        trace: grows with its frames; None before it has started.
        lateness: seconds to add to the server's clock, which starts again when the run is resumed.
    """

    run: int
    request: RunRequest
    listener: Listener
    trace: Trace | None = None
    steps: int = 0
    lateness: float = 0.0
    resumed: bool = False
    ended: bool = False
    stopping: bool = False


class RemoteSession:
    """Runs requests on a server; the newest wins.

    If the connection is lost, the session connects again and asks for the steps that it lacks, so the trace in the
    kernel is complete whatever happens in between.

    Args:
        url: of the server, such as ``"http://localhost:8900"``; by default that in the environment variable
            ``ROBUST_WIDGETS_SERVER``.
        token: says who asks; by default that in ``ROBUST_WIDGETS_TOKEN``.
        model: one of the server's models, by name; by default its first.

    Raises:
        ParameterError: this is no address.
        SetupError: the server does not answer, does not know the token, or is of another version.
        UnknownNameError: the server has no such model.
    """

    def __init__(self, url: str | None = None, *, token: str | None = None, model: str | None = None) -> None:
        address = ServerAddress.of(url, token) if url is not None else ServerAddress.from_environment()
        if address is None:
            raise SetupError("No server is named; give its address, or set ROBUST_WIDGETS_SERVER to it.")
        self._address = address
        self._name = secrets.token_hex(16)
        self._wanted = model or ""
        self._lock = threading.Lock()
        self._runs = 0
        self._newest: _Job | None = None
        self._closed = False
        self._fingerprint = ""
        self._info: ModelInfo | None = None
        self._robustness: Robustness | None = None
        self._robustness_listeners: list[RobustnessListener] = []
        self._errands = RemoteErrands()
        self._link: ServerLink | None = None
        self._failure: Exception | None = None
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._needed = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="robust-widgets remote session", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    @property
    def model(self) -> ModelInfo:
        assert self._info is not None
        return self._info

    @property
    def server(self) -> str:
        """The server's name, for people."""
        return self._address.name

    @property
    def is_away(self) -> bool:
        """Whether the connection to the server is lost."""
        return self._link is None

    @property
    def loading(self) -> bool:
        return False

    def on_loaded(self, listener: LoadedListener) -> None:
        listener(ModelLoaded())

    def submit(self, request: RunRequest, listener: Listener) -> int:
        with self._lock:
            if self._closed:
                raise StateError("This session is closed; make a new studio to run again.")
            self._stop_newest()
            self._runs += 1
            self._newest = job = _Job(self._runs, request, listener)
            self._soon(lambda: self._begin(job))
        return job.run

    def cancel(self) -> None:
        with self._lock:
            self._stop_newest()

    def measure(self, listener: RobustnessListener) -> None:
        robustness = self._robustness
        if robustness is not None:
            listener(robustness)
            return
        with self._lock:
            self._robustness_listeners.append(listener)
        self._soon(self._ask_for_robustness)

    def ask(self, question: Question, listener: Callable[[Answer], object]) -> None:
        with self._lock:
            if self._closed:
                raise StateError("This session is closed; make a new studio to ask again.")
            self._soon(lambda: self._send_errand(self._errands.ask(self._wanted, question, listener)))

    def paint_classes(self, classes: Sequence[int], listener: ClassPictureListener) -> None:
        with self._lock:
            if not self._closed:
                self._soon(lambda: self._send_errand(self._errands.want(self._wanted, classes, listener)))

    def close(self) -> None:
        with self._lock:
            self._stop_newest()
            if self._closed:
                return
            self._closed = True
        self._soon(self._hang_up)

    def join(self, seconds: float = 10.0) -> None:
        """Close, and wait for the thread, for some seconds at most."""
        self.close()
        self._thread.join(seconds)

    def _soon(self, action: Callable[[], object]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action)

    def _stop_newest(self) -> None:
        job = self._newest
        if job is not None and not job.stopping:
            job.stopping = True
            self._soon(lambda: self._stop(job))

    # All below runs on the thread.

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._connect_and_listen())
        finally:
            self._ready.set()
            self._errands.fail(CLOSED)
            for task in (tasks := asyncio.all_tasks(self._loop)):
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self._loop.close()

    async def _connect_and_listen(self) -> None:
        try:
            link = await self._connect()
        except RobustWidgetsError as error:
            self._failure = error
            return
        except Exception as error:
            self._failure = self._unreachable(error)
            return
        self._ready.set()
        while not self._closed:
            await self._listen(link)
            again = await self._connect_again()
            if again is None:
                return
            link = again

    async def _connect(self) -> ServerLink:
        """A connection, with the model's description where it is not known or has changed."""
        link = await asyncio.wait_for(ServerLink.open(self._address, self._name, CONNECT_SECONDS), 2 * CONNECT_SECONDS)
        name = self._wanted or next(iter(link.models), "")
        if name not in link.models:
            link.close()
            raise UnknownNameError(unknown_name("model on the server", name, list(link.models)))
        if self._info is None or link.models[name] != self._fingerprint:
            link.send(messages.About(model=name))
            about, arrays = await asyncio.wait_for(link.receive(), 2 * CONNECT_SECONDS)
            if not isinstance(about, messages.ModelMessage):
                raise ConnectionError("it does not describe its model")
            try:
                self._info = replace(messages.to_model(about, arrays), source=name)
            except ValueError as error:
                raise ConnectionError(str(error)) from None
            self._wanted, self._fingerprint, self._robustness = name, link.models[name], None
        return link

    async def _listen(self, link: ServerLink) -> None:
        """Deliver what the server says, until the connection is gone."""
        self._link = link
        job = self._newest
        if job is not None and not job.ended:
            job.resumed = True
            self._send_run(job)
        if self._robustness_listeners:
            self._ask_for_robustness()
        for errand in list(self._errands.again(self._wanted)):
            link.send(*errand)
        try:
            while not self._closed:
                self._receive(*await link.receive())
        except ConnectionError:
            pass
        finally:
            self._link = None
            link.close()

    async def _connect_again(self) -> ServerLink | None:
        """A new connection, once there is a run that needs it; None if the session is closed meanwhile."""
        wait, since = FIRST_WAIT, time.monotonic()
        while not self._closed:
            job = self._newest
            if (job is None or job.ended) and not self._errands.has_questions:
                self._needed.clear()
                await self._needed.wait()
                wait, since = FIRST_WAIT, time.monotonic()
                continue
            try:
                return await self._connect()
            except RobustWidgetsError as error:
                self._give_up(job, error)
            except Exception as error:
                if time.monotonic() - since > PATIENCE:
                    self._give_up(job, self._unreachable(error))
                    continue
                await asyncio.sleep(wait * random.uniform(0.75, 1.25))  # a class does not come back all at once
                wait = min(LONGEST_WAIT, 2 * wait)
        return None

    def _give_up(self, job: _Job | None, error: Exception) -> None:
        """Nobody who waits gets anything, for this reason."""
        if job is not None and not job.ended:
            self._end(job, RunEnded(job.run, "failed", str(error)))
        self._errands.fail(str(error))

    def _unreachable(self, error: Exception) -> SetupError:
        reason = "it took too long" if isinstance(error, TimeoutError) else first_line(error)
        return SetupError(
            f"The server {self._address.name!r} does not answer ({reason}); try again later, or paint on this machine."
        )

    def _hang_up(self) -> None:
        self._needed.set()
        self._errands.fail(CLOSED)
        if self._link is not None:
            self._link.close()

    def _send_errand(self, errand: Outgoing | None) -> None:
        if errand is not None and self._link is not None:
            self._link.send(*errand)
        elif self._errands.has_questions:
            self._needed.set()

    def _begin(self, job: _Job) -> None:
        if job.stopping:
            return
        if self._link is None:
            self._needed.set()
        else:
            self._send_run(job)

    def _send_run(self, job: _Job) -> None:
        assert self._link is not None
        have = -1 if job.trace is None else len(job.trace) - 1
        pictures = [getattr(job.request, name) for name in messages.INPUTS]
        if sum(pixels.nbytes for pixels in pictures if pixels is not None) > MAX_REQUEST - LONGEST_JSON:
            sentence = f"The pictures are larger than the {MAX_REQUEST / 1e6:.0f} MB that a server takes; reduce them."
            self._end(job, RunEnded(job.run, "failed", sentence))
            return
        try:
            message, arrays = messages.from_request(job.run, self._wanted, job.request, have)
            self._link.send(message, arrays)
        except ValueError as error:  # a parameter that no message can hold
            sentence = f"The run cannot be sent to the server ({first_line(error)}); change its parameters."
            self._end(job, RunEnded(job.run, "failed", sentence, traceback.format_exc()))

    def _stop(self, job: _Job) -> None:
        """Report the end at once; what the server still sends of this run is dropped."""
        if not job.ended:
            self._tell_server(messages.Stop(id=job.run))
            self._end(job, RunEnded(job.run, "stopped"))

    def _tell_server(self, message: Message) -> None:
        if self._link is not None:
            self._link.send(message)

    def _ask_for_robustness(self) -> None:
        self._tell_server(messages.Measure(model=self._wanted))

    def _receive(self, message: Message, arrays: Arrays) -> None:
        if isinstance(message, messages.Measured):
            self._robustness = robustness = messages.to_robustness(message)
            with self._lock:
                listeners, self._robustness_listeners = self._robustness_listeners, []
            for listener in listeners:
                tell(listener, robustness)
            return
        if self._errands.receive(message, arrays):
            return
        job = self._newest
        if job is None or job.ended or job.stopping or getattr(message, "id", None) != job.run:
            return
        try:
            match message:
                case messages.Started():
                    self._start(job, message)
                case messages.FrameMessage():
                    self._add_frame(job, message, arrays)
                case messages.Ended():
                    self._end(job, RunEnded(job.run, message.state, message.message, message.details))
                case _:
                    pass
        except StateError as error:
            self._fail(job, str(error))
        except Exception as error:
            self._fail(job, unexpected("The run failed", error))

    def _fail(self, job: _Job, sentence: str) -> None:
        details = traceback.format_exc()
        self._tell_server(messages.Stop(id=job.run))
        self._end(job, RunEnded(job.run, "failed", sentence, details))

    def _start(self, job: _Job, message: messages.Started) -> None:
        trace = messages.to_trace(message)
        if job.trace is not None:
            if trace.fingerprint != job.trace.fingerprint:
                raise StateError("The server came back with another model; the steps so far are kept. Run again.")
            return
        for name in messages.INPUTS:
            pixels = getattr(job.request, name)
            if pixels is not None:
                trace.inputs[name] = pixels.copy()
        job.trace, job.steps = trace, message.steps
        job.listener(RunStarted(job.run, trace, message.steps))

    def _add_frame(self, job: _Job, message: messages.FrameMessage, arrays: Arrays) -> None:
        trace = job.trace
        if trace is None or message.step > len(trace):
            raise StateError("The server left out a step, so the run was ended; the steps so far are kept. Run again.")
        if message.step == len(trace):
            if job.resumed and len(trace):
                job.lateness = max(0.0, trace[-1].seconds - message.seconds)
            job.resumed = False
            frame = messages.to_frame(message, arrays)
            frame = replace(frame, seconds=frame.seconds + job.lateness)
            trace.append(frame)
            job.listener(FrameMade(job.run, frame))
        if self._link is not None:
            self._link.taken(job.run, message.step)

    def _end(self, job: _Job, event: RunEnded) -> None:
        job.ended = True
        tell(job.listener, event)
