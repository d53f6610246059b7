"""A session on a server, or on this machine if somebody asks for it because the server does not answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from robust_widgets.errors import RobustWidgetsError, SetupError, StateError
from robust_widgets.interface.explanation import Answer, Explainer, NoAnswer, Question
from robust_widgets.interface.session import (
    ClassPictureListener,
    Listener,
    LoadedListener,
    ModelInfo,
    ModelLoaded,
    PaintsClasses,
    RobustnessListener,
    RunEnded,
    RunEvent,
    RunRequest,
    Session,
)


@dataclass(eq=False)
class _Job:
    """A run that waits for a server."""

    run: int
    request: RunRequest
    listener: Listener
    ended: bool = False


class ServerOrHere:
    """Runs requests on a server; a press of *Paint here* moves to this machine, for good.

    A server that does not answer at first is asked again by each run.

    Args:
        connect: makes the session on the server; raises a `SetupError` where that does not answer.
        here: makes the session on this machine.
        info: what widgets show until there is a session: the model that this machine would paint with.
    """

    def __init__(self, connect: Callable[[], Session], here: Callable[[], Session], info: ModelInfo) -> None:
        self._connect, self._here, self._info = connect, here, info
        self._lock = threading.RLock()
        self._session: Session | None = None
        self._problem = ""
        self._runs = 0
        self._newest: _Job | None = None
        self._is_here = self._closed = False
        self._loaded_listeners: list[LoadedListener] = []
        self._robustness_listeners: list[RobustnessListener] = []
        self._class_listeners: dict[int, ClassPictureListener] = {}  # of the classes that nobody has painted yet
        try:
            self._session = connect()
        except SetupError as error:
            self._problem = str(error)

    @property
    def model(self) -> ModelInfo:
        return self._session.model if self._session is not None else self._info

    @property
    def loading(self) -> bool:
        return self._session is not None and self._session.loading

    @property
    def problem(self) -> str:
        """Why nothing can be painted on the server, in a sentence; ``""`` where it can, or where that is not wanted."""
        return self._problem

    def paint_here(self) -> None:
        """Run everything on this machine from now on.

        Raises:
            StateError: this machine's model has other classes or another size than the server's.
            NotInstalledError: PyTorch is not installed here.
        """
        with self._lock:
            if self._is_here or self._closed:
                return
            local = self._here()
            now, then = self.model, local.model
            if (now.classes, now.input_size) != (then.classes, then.input_size):
                local.close()
                raise StateError(
                    f"The server's model {now.name!r} has other classes than this machine's {then.name!r}; open a "
                    "studio of this machine in another cell: rw.Studio(device='cpu')."
                )
            self.cancel()
            if self._session is not None:
                self._session.close()
            self._use(local)
            self._is_here = True

    def on_loaded(self, listener: LoadedListener) -> None:
        with self._lock:
            if self._session is None:
                self._loaded_listeners.append(listener)
                listener(ModelLoaded(self._problem))
            else:
                self._session.on_loaded(listener)

    def submit(self, request: RunRequest, listener: Listener) -> int:
        with self._lock:
            if self._closed:
                raise StateError("This session is closed; make a new studio to run again.")
            waiting = self._replace(None)
            self._runs += 1
            number = self._runs

            def numbered(event: RunEvent) -> None:
                if isinstance(event, RunEnded) and event.state == "failed":
                    self._notice(event.message)
                listener(replace(event, run=number))

            if self._session is not None:
                self._session.submit(request, numbered)
            else:
                job = self._newest = _Job(number, request, numbered)
                threading.Thread(target=self._try_again, args=(job,), name="robust-widgets server", daemon=True).start()
        if waiting is not None:
            waiting.listener(RunEnded(waiting.run, "stopped"))
        return number

    def cancel(self) -> None:
        with self._lock:
            waiting = self._replace(None)
            session = self._session
        if waiting is not None:
            waiting.listener(RunEnded(waiting.run, "stopped"))
        if session is not None:
            session.cancel()

    def measure(self, listener: RobustnessListener) -> None:
        with self._lock:
            if self._session is None:
                self._robustness_listeners.append(listener)
                return
            session = self._session
        session.measure(listener)

    def ask(self, question: Question, listener: Callable[[Answer], object]) -> None:
        session = self._session
        if self._closed:
            raise StateError("This session is closed; make a new studio to ask again.")
        if isinstance(session, Explainer):
            session.ask(question, listener)
        else:
            listener(NoAnswer(self._problem or "This session answers no questions; ask in a studio of this machine."))

    def paint_classes(self, classes: Sequence[int], listener: ClassPictureListener) -> None:
        def painted(index: int, jpeg: bytes) -> None:
            self._class_listeners.pop(index, None)
            listener(index, jpeg)

        with self._lock:
            self._class_listeners.update((index, painted) for index in classes)
            session = self._session
        if isinstance(session, PaintsClasses):
            session.paint_classes(classes, painted)

    def close(self) -> None:
        self.cancel()
        with self._lock:
            self._closed = True
            session = self._session
        if session is not None:
            session.close()

    def _replace(self, job: _Job | None) -> _Job | None:
        """Make a run the newest one; returns the one before if it still waits, which ends with that."""
        before, self._newest = self._newest, job
        if before is None or before.ended:
            return None
        before.ended = True
        return before

    def _try_again(self, job: _Job) -> None:
        """Ask the server again, for a run; on a thread of its own."""
        try:
            session = self._connect()
            if (session.model.classes, session.model.input_size) != (self._info.classes, self._info.input_size):
                session.close()
                raise SetupError("The server answers again, with a model of other classes; run this cell again.")
        except RobustWidgetsError as error:
            self._end(job, RunEnded(job.run, "failed", str(error)))
            return
        with self._lock:
            if self._session is not None or self._closed:
                session.close()
            else:
                self._use(session)
            if job.ended or self._session is None:
                return
            job.ended = True
            self._session.submit(job.request, job.listener)

    def _end(self, job: _Job, event: RunEnded) -> None:
        with self._lock:
            if job.ended:
                return
            job.ended = True
        job.listener(event)

    def _use(self, session: Session) -> None:
        """Use a session from now on, and tell it who waits."""
        self._session, self._problem = session, ""
        loaded, self._loaded_listeners = self._loaded_listeners, []
        robustness, self._robustness_listeners = self._robustness_listeners, []
        for listener in loaded:
            session.on_loaded(listener)
        for listener in robustness:
            session.measure(listener)
        if isinstance(session, PaintsClasses):
            for index, painted in list(self._class_listeners.items()):
                session.paint_classes([index], painted)

    def _notice(self, sentence: str) -> None:
        """A run on the server failed: if that does not answer, the studio offers to paint here."""
        session: Any = self._session
        if not self._is_here and (session is None or getattr(session, "is_away", False)):
            self._problem = sentence
