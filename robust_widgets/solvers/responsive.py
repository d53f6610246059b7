"""Runs that begin at once: plain steps are made while another thread records the step."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import cast

from robust_widgets.errors import RunError
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.runs.frame import Frame
from robust_widgets.solvers.run import compiled_iterate
from robust_widgets.solvers.step_graph import FlatRun, StepGraph, StepGraphCache, is_ours, step_graphs_of
from robust_widgets.synthesis.loop import FrameRenderer, evaluate, iterate, step
from robust_widgets.synthesis.problem import Problem

THREAD = "robust-widgets recording"


def responsive_iterate(problem: Problem) -> Iterator[Frame]:
    """Same frames as `compiled_iterate`, up to rounding, without waiting for a recording.

    A step of a new structure takes 0.2 to 0.5 s to record. On a CPU another thread does that, while this one makes
    plain steps; then the recorded step continues the run. A run that ends first waits for its recording, which serves
    the next one.

    Closing the iterator stops the recording and waits until its thread has ended. The next run of that structure is
    recorded before it begins: else a person who restarts a run again and again would never get a recorded step.

    A problem with parts that aren't this package's own is recorded first, too: they may not bear two threads at once.
    """
    graphs = step_graphs_of(problem.model, problem.start)
    if graphs is not None and not graphs.backend.is_gpu and graphs.free.acquire(blocking=False):
        try:
            run = graphs.start(problem)
            if run is not None and is_ours(run.structure) and not graphs.has(run) and graphs.stopped != run.structure:
                yield from _recording_meanwhile(problem, run, graphs)
                return
        finally:
            graphs.free.release()
    yield from compiled_iterate(problem)


class _Recording:
    """Records the step of a run on another thread.

    Attributes:
        graph: the recorded step, once the thread has ended; None where it cannot be recorded.
    """

    def __init__(self, graphs: StepGraphCache, run: FlatRun) -> None:
        self._graphs, self._run = graphs, run
        self.graph: StepGraph | None = None
        self._thread = threading.Thread(target=self._record, name=THREAD)
        self._thread.start()

    def _record(self) -> None:
        with suppress(Exception):  # third-party networks can fail in any way; the plain steps continue
            self.graph = self._graphs.load(self._run)

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def wait(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    def stop(self) -> None:
        """End the recording within one of its parts, if it is still running."""
        if self.is_running:
            self._graphs.stopped = self._run.structure
            self._graphs.stopping.set()
            self.wait()
            self._graphs.stopping.clear()


def _recording_meanwhile(problem: Problem, run: FlatRun, graphs: StepGraphCache) -> Iterator[Frame]:
    frame, count = FrameRenderer(), 0
    # Compiling the network for a few plain steps would take as long as the recording.
    plain = replace(problem, model=cast(RobustClassifier, problem.model).uncompiled())
    x, state = run.x, run.state
    recording: _Recording | None = None
    try:
        while count < problem.steps and (recording is None or recording.is_running):
            x_next, info, state = step(plain, x, state)
            recording = recording or _Recording(graphs, run)  # after the first step, which it would slow down
            yield frame(count, x, info)
            x, count = x_next, count + 1
        graph = None if recording is None or recording.is_running else recording.graph
        if graph is not None:
            graph.load(FlatRun(problem, x, state))
            try:
                for arrays in graph.play(problem.steps + 1 - count):
                    yield frame.from_arrays(count, arrays if count < problem.steps else arrays[:2])
                    count += 1
            except RunError:
                raise
            except Exception as error:
                graphs.give_up(f"{type(error).__name__}: {error}")
                yield from islice(iterate(problem, frame), count, None)
            return
        while count < problem.steps:
            x_next, info, state = step(problem, x, state)
            yield frame(count, x, info)
            x, count = x_next, count + 1
        yield frame(count, x, evaluate(plain, x, state))
        if recording is not None:
            recording.wait()
    finally:
        if recording is not None:
            recording.stop()
