"""A session whose runs are computed by the browser that shows the studio, while the kernel only records them.

The kernel checks a request and builds its problem, as any session does. The page gets the request, runs the recorded
step with the engine of :func:`robust_widgets.write_page`, and sends each frame back.
"""

from __future__ import annotations

import atexit
import gzip
import json
import queue
import threading
import traceback
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from robust_widgets.errors import RobustWidgetsError, SetupError, StateError
from robust_widgets.interface import messages
from robust_widgets.interface.page_messages import (
    Begun,
    EngineLoaded,
    FilePart,
    FilesWanted,
    PageAlive,
    PageBye,
    PageHello,
    PageLink,
    Ping,
)
from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.session import (
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
from robust_widgets.models.bundled import BundledModel
from robust_widgets.runs.trace import Trace
from robust_widgets.session.background_import import load_worker
from robust_widgets.session.listeners import reason_of, tell, unexpected

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier
    from robust_widgets.session.worker import ModelWorker

DEVICE = "this browser"
TICK = 5.0  # seconds between two looks whether the page is still there
SILENCE = 90.0  # seconds; browsers wake a page that is hidden only once a minute
ANSWER = 10.0  # seconds for a page to answer a question
PATIENCE = 60.0  # seconds that a run waits for a page to show the studio, or to answer
JOIN_TIMEOUT = 10.0  # seconds at exit
LARGEST_FRAME = 9_000_000  # bytes; Jupyter Server closes a connection at a message of 10 MiB
HEAD_START = 2.0  # seconds for a studio to appear on the page before importing torch takes the processor

CLOSED = "The page that computed this run was closed; the steps so far are kept. Run again, or paint in the kernel."
NO_PAGE = (
    "No page shows this studio, so there is no browser to compute the run; show the studio in a notebook, or paint in "
    "the kernel."
)
NO_ANSWER = "The browser did not get ready to compute; reload the page, or paint in the kernel."


@dataclass(eq=False)
class _Job:
    """A run, from its submission to its end.

    Attributes:
        trace: grows with the frames; None until the request is checked.
        shape: of each frame's pictures.
        page: that computes it; ``""`` until it was sent.
        quiet: seconds without a word of its page, or of any while there is none.
        pinged: whether its page was asked whether it is there, and has not answered.
    """

    run: int
    request: RunRequest
    listener: Listener
    trace: Trace | None = None
    shape: tuple[int, ...] = ()
    steps: int = 0
    page: str = ""
    begun: bool = False
    quiet: float = 0.0
    pinged: bool = False
    stopping: bool = False
    ended: bool = False


_OPEN: weakref.WeakSet[BrowserSession] = weakref.WeakSet()


@atexit.register
def _join_all() -> None:
    """Join at exit: a daemon thread inside native code crashes the interpreter."""
    for session in list(_OPEN):
        session.join()


class BrowserSession:
    """Runs requests in the browser that shows the studio; the newest wins.

    Args:
        model: the classifier to paint with; a bundled model is loaded on the session's thread.
        link: the way to the pages. The page that said hello last computes.
    """

    def __init__(self, model: RobustClassifier | BundledModel, link: PageLink) -> None:
        self._link = link
        self._actions: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._runs = 0
        self._newest: _Job | None = None
        self._closed = False
        self._is_away = False
        self._pages: list[str] = []  # in the order of their greetings
        self._problems: dict[str, tuple[str, str]] = {}  # of the pages that are loaded; empty where it computes
        self._missing: dict[str, str] = {}
        self._files: list[tuple[FilePart, Arrays]] = []
        self._worker: ModelWorker | None = None
        self._loaded: ModelLoaded | None = None
        self._loaded_listeners: list[LoadedListener] = []
        self._load_at_once = threading.Event()
        if isinstance(model, BundledModel):
            self._bundled, self._info = model, replace(model.info, device=DEVICE)
        else:
            from robust_widgets.session.worker import ModelWorker

            self._worker, self._loaded = ModelWorker(on_cpu(model)), ModelLoaded()
            self._info = replace(self._worker.info(), device=DEVICE)
        self._thread = threading.Thread(target=self._work, name="robust-widgets browser session", daemon=True)
        self._thread.start()
        _OPEN.add(self)
        link.listen(self._receive)

    @property
    def model(self) -> ModelInfo:
        return self._info

    @property
    def is_away(self) -> bool:
        """Whether the last run failed for want of a browser that can compute it."""
        return self._is_away

    @property
    def loading(self) -> bool:
        return self._loaded is None

    def on_loaded(self, listener: LoadedListener) -> None:
        with self._lock:
            if self._loaded is None:
                self._loaded_listeners.append(listener)
                return
        listener(self._loaded)

    def submit(self, request: RunRequest, listener: Listener) -> int:
        with self._lock:
            if self._closed:
                raise StateError("This session is closed; make a new studio to run again.")
            waiting = self._stop_newest()
            self._runs += 1
            self._newest = job = _Job(self._runs, request, listener)
            self._actions.put(lambda: self._begin(job))
            self._load_at_once.set()
        _report_stopped(waiting)
        return job.run

    def cancel(self) -> None:
        with self._lock:
            waiting = self._stop_newest()
        _report_stopped(waiting)

    def measure(self, listener: RobustnessListener) -> None:
        self._actions.put(lambda: tell(listener, self._known_robustness()))

    def close(self) -> None:
        self.cancel()
        with self._lock:
            if not self._closed:
                self._closed = True
                self._actions.put(None)
                self._load_at_once.set()

    def join(self) -> None:
        """Close, and wait for the thread, at most `JOIN_TIMEOUT` seconds."""
        self.close()
        self._thread.join(JOIN_TIMEOUT)

    def _stop_newest(self) -> _Job | None:
        """Ask the newest run to stop; return it if it still waits for the model and so has to be reported here."""
        job = self._newest
        if job is None or job.stopping or job.ended:
            return None
        job.stopping = True
        job.ended = self._loaded is None
        if not job.ended:
            self._actions.put(lambda: self._stop(job))
        return job if job.ended else None

    def _receive(self, page: str, message: Message, arrays: Arrays) -> None:
        self._actions.put(lambda: self._handle(page, message, arrays))

    # All below runs on the thread.

    def _work(self) -> None:
        if self._worker is None:
            self._load()
        while True:
            job = self._newest
            try:
                action = self._actions.get(timeout=None if job is None or job.ended else TICK)
            except queue.Empty:
                self._wait_for_page()
                continue
            if action is None:
                return
            action()

    def _load(self) -> None:
        self._load_at_once.wait(HEAD_START)
        loaded = ModelLoaded("The studio was closed before its model was loaded.")
        if not self._closed:
            self._worker, loaded = load_worker(self._bundled)
        with self._lock:
            if self._worker is not None:
                self._info = replace(self._info, layers=self._worker.layers())
            self._loaded = loaded
            listeners, self._loaded_listeners = self._loaded_listeners, []
        for listener in listeners:
            tell(listener, loaded)

    def _known_robustness(self) -> Robustness | None:
        """What was measured before: the kernel computes nothing itself."""
        if self._worker is not None:
            with suppress(Exception):  # a custom network may fail in any way; a run will report it
                self._worker.measure(go_on=lambda: False)
        return None if self._worker is None else self._worker.robustness

    def _begin(self, job: _Job) -> None:
        if job.stopping:
            return
        self._is_away = False
        try:
            self._check(job)
        except RobustWidgetsError as error:
            self._end(job, RunEnded(job.run, "failed", str(error), traceback.format_exc()))
        except Exception as error:
            self._end(job, RunEnded(job.run, "failed", unexpected("The run failed", error), traceback.format_exc()))
        else:
            self._send(job)

    def _check(self, job: _Job) -> None:
        """Build the run's problem, which finds whatever is wrong with the request, and the start of its trace.

        Raises:
            RobustWidgetsError: the request cannot be run, here or in a browser.
        """
        worker = self._need_model()
        from robust_widgets.solvers.run import new_trace
        from robust_widgets.tasks.running.run import build_stages

        request = job.request
        if request.task in self._missing:
            self._is_away = True
            raise StateError(_for_notebook(self._missing[request.task]))
        *coarser, problem = build_stages(worker.model, request)
        side = self._info.input_size
        if coarser or tuple(problem.start.shape[-2:]) != (side, side):
            self._is_away = True
            raise StateError(
                f"A browser paints at the model's own size, {side} pixels; leave size out, or paint in the kernel."
            )
        count = len(problem.start)
        largest = max(1, LARGEST_FRAME // (4 * side * side + 4 * len(self._info.classes)))
        if count > largest:
            self._is_away = True
            raise StateError(
                f"The run has {count} pictures, and a browser can send {largest} of this size to the kernel at once; "
                "take fewer, or paint in the kernel."
            )
        job.trace, job.steps = new_trace(problem), problem.steps
        job.shape = (count, side, side, 3)
        for name in messages.INPUTS:
            pixels = getattr(request, name)
            if pixels is not None:
                job.trace.inputs[name] = pixels.copy()

    def _need_model(self) -> ModelWorker:
        if self._worker is None:
            assert self._loaded is not None
            sentence = self._loaded.message
            raise SetupError(sentence)
        return self._worker

    def _send(self, job: _Job) -> None:
        """Send a checked run to the newest page, once that is loaded."""
        page = self._pages[-1] if self._pages else ""
        if page not in self._problems:
            return
        sentence, details = self._problems[page]
        if sentence:
            self._is_away = True
            self._end(job, RunEnded(job.run, "failed", sentence, details))
            return
        job.page, job.quiet = page, 0.0
        # The size is the model's own, and a page has no such parameter.
        parameters = {name: value for name, value in job.request.parameters.items() if name != "size"}
        message, arrays = messages.from_request(job.run, "", replace(job.request, parameters=parameters), -1)
        self._link.tell(page, message, arrays)

    def _stop(self, job: _Job) -> None:
        """Report the end at once; what the page still sends of this run is dropped."""
        if not job.ended:
            self._tell_page(job)
            self._end(job, RunEnded(job.run, "stopped"))

    def _tell_page(self, job: _Job) -> None:
        if job.page:
            self._link.tell(job.page, messages.Stop(id=job.run))

    def _wait_for_page(self) -> None:
        """Nothing was said for a while: end a run whose page is gone, or that never found one."""
        job = self._newest
        if job is None or job.ended or not self._link.is_idle():
            return
        job.quiet += TICK
        if job.quiet >= (ANSWER if job.pinged else SILENCE if job.page else PATIENCE):
            self._is_away = True
            if job.page in self._pages:  # one that answers comes first from now on
                self._pages.remove(job.page)
                self._pages.insert(0, job.page)
            self._end(job, RunEnded(job.run, "failed", CLOSED if job.page else NO_ANSWER if self._pages else NO_PAGE))

    def _handle(self, page: str, message: Message, arrays: Arrays) -> None:
        job = self._newest if self._newest is not None and not self._newest.ended else None
        if job is not None and job.page in ("", page):
            job.quiet = 0.0
        match message:
            case PageHello():
                self._forget(page)
                self._pages.append(page)
                # A page that was reloaded may have had no time to say goodbye.
                if job is not None and job.page not in ("", page):
                    job.pinged = True
                    self._link.tell(job.page, Ping(id=job.run))
            case PageBye():
                self._forget(page)
                if job is not None and job.page == page:
                    self._is_away = True
                    self._end(job, RunEnded(job.run, "failed", CLOSED))
            case FilesWanted():
                self._send_files(page)
            case EngineLoaded():
                self._loaded_by(page, message.message, message.details)
            case PageAlive():
                if job is not None and job.page == page and message.answers == job.run:
                    job.pinged = False
            case _:
                ours = job is not None and job.page == page and not job.stopping
                if job is not None and ours and getattr(message, "id", None) == job.run:
                    self._follow(job, message, arrays)

    def _forget(self, page: str) -> None:
        self._problems.pop(page, None)
        if page in self._pages:
            self._pages.remove(page)

    def _loaded_by(self, page: str, sentence: str, details: str) -> None:
        self._problems[page] = (_for_notebook(sentence), details)
        job = self._newest
        if job is not None and not job.ended and not job.stopping and job.trace is not None and not job.page:
            self._send(job)

    def _send_files(self, page: str) -> None:
        try:
            files = self._files or self._record()
        except RobustWidgetsError as error:
            self._loaded_by(page, str(error), traceback.format_exc())
            return
        except Exception as error:
            sentence = f"The steps could not be recorded for the browser ({reason_of(error)}); paint in the kernel."
            self._loaded_by(page, sentence, traceback.format_exc())
            return
        for message, arrays in files:
            self._link.tell(page, message, arrays)

    def _record(self) -> list[tuple[FilePart, Arrays]]:
        """What a page needs to compute with the model."""
        worker = self._need_model()
        from robust_widgets.page.write import MANIFEST, engine_files

        files = engine_files(worker.model)
        self._missing = dict(json.loads(files[MANIFEST])["model"]["missing"])
        self._files = [_part(name, content, len(files)) for name, content in files.items()]
        return self._files

    def _follow(self, job: _Job, message: Message, arrays: Arrays) -> None:
        try:
            match message:
                case Begun() if not job.begun:
                    assert job.trace is not None
                    job.begun = True
                    job.listener(RunStarted(job.run, job.trace, job.steps))
                case messages.FrameMessage():
                    self._add_frame(job, message, arrays)
                case messages.Ended():
                    self._is_away = message.state == "failed"
                    text = _for_notebook(message.message)
                    self._end(job, RunEnded(job.run, message.state, text, message.details))
                case _:
                    pass
        except Exception as error:
            details = traceback.format_exc()
            self._tell_page(job)
            sentence = str(error) if isinstance(error, StateError) else unexpected("The run failed", error)
            self._end(job, RunEnded(job.run, "failed", sentence, details))

    def _add_frame(self, job: _Job, message: messages.FrameMessage, arrays: Arrays) -> None:
        trace = job.trace
        assert trace is not None
        if not job.begun or message.step != len(trace) or message.step > job.steps:
            raise StateError("The page left out a step, so the run was ended; the steps so far are kept. Run again.")
        frame = messages.to_frame(message, arrays)
        classes = None if frame.probabilities is None else frame.probabilities.shape[1]
        if frame.pixels.shape != job.shape or classes not in (None, len(trace.classes)):
            raise StateError("The page sent pictures of another size, so the run was ended; reload the page.")
        trace.append(frame)
        job.listener(FrameMade(job.run, frame))

    def _end(self, job: _Job, event: RunEnded) -> None:
        job.ended = True
        tell(job.listener, event)


def on_cpu(model: RobustClassifier) -> RobustClassifier:
    """The model, or a copy on the CPU, where steps are recorded."""
    import torch

    return model if model.device.type == "cpu" else model.copy_to(torch.device("cpu"))


def _part(name: str, content: bytes, count: int) -> tuple[FilePart, Arrays]:
    packed = gzip.compress(content, mtime=0)
    smaller = len(packed) < len(content)
    data = np.frombuffer(packed if smaller else content, np.uint8)
    return FilePart(name=name, gzip=smaller, count=count), {"data": data}


def _for_notebook(sentence: str) -> str:
    """A sentence of the page's engine or of its export, where a reader can also paint in the kernel."""
    return sentence.replace("use Python.", "paint in the kernel.")


def _report_stopped(job: _Job | None) -> None:
    """Report a run that was stopped before the model was loaded."""
    if job is not None:
        tell(job.listener, RunEnded(job.run, "stopped"))
