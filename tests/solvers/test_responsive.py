"""A run of a new structure begins before its step is recorded, and shows the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from robust_widgets.compiler.engine import SWITCH
from robust_widgets.errors import UnknownNameError
from robust_widgets.solvers.backends import CpuGraph
from robust_widgets.solvers.responsive import THREAD, responsive_iterate
from robust_widgets.solvers.run import compiled_iterate
from robust_widgets.synthesis.objectives import CrossEntropy
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step, Momentum
from tests.helpers import Brightness, pictures
from tests.solvers.test_backends_cpu import assert_same, made, plain, step_graphs_of

pytest.importorskip("onnxruntime")
SECONDS = 60


@pytest.fixture(autouse=True)
def switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)


class Gate:
    """Recordings wait until it is opened, or until they are stopped."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, problem: Problem) -> None:
        self.opened, self.began, self.replays = threading.Event(), threading.Event(), 0
        record, replay = CpuGraph.record, CpuGraph.replay
        list(compiled_iterate(replace(problem, stepper=L2Step(0.1), start=pictures(1))))  # makes the cache of graphs
        graphs = step_graphs_of(problem)

        def gated(graph: CpuGraph, function: Callable[[], Any], state: Any) -> None:
            self.began.set()
            while not (self.opened.wait(0.01) or graphs.stopping.is_set()):
                pass
            record(graph, function, state)

        def counted(graph: CpuGraph) -> None:
            self.replays += 1
            replay(graph)

        monkeypatch.setattr(CpuGraph, "record", gated)
        monkeypatch.setattr(CpuGraph, "replay", counted)


def recording_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD]


def finish_recording() -> None:
    for thread in recording_threads():
        thread.join(SECONDS)


@pytest.mark.parametrize("when", [1, 3, 6])
def test_plain_steps_are_made_until_the_recorded_one_is_ready(when: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = made(steps=8, stepper=Momentum(L2Step(0.3)))
    expected = list(compiled_iterate(plain(problem)))
    gate = Gate(monkeypatch, problem)
    frames = []
    for frame in responsive_iterate(problem):
        frames.append(frame)
        if len(frames) == when:
            assert gate.began.wait(SECONDS) and gate.replays == 0
            gate.opened.set()
            finish_recording()
    assert_same(frames, expected)
    checks = 2
    assert gate.replays == checks + problem.steps + 1 - when
    assert step_graphs_of(problem).has(step_graphs_of(problem).start(problem))  # type: ignore[arg-type]


def test_a_recorded_structure_begins_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = made(steps=4)
    expected = list(compiled_iterate(problem))
    monkeypatch.setattr(threading.Thread, "start", lambda self: pytest.fail("it is recorded already"))
    assert_same(list(responsive_iterate(replace(problem, seed=None))), expected)


def test_closing_stops_the_recording_and_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = made(steps=50)
    gate = Gate(monkeypatch, problem)
    frames = responsive_iterate(problem)
    next(frames), next(frames)
    assert gate.began.wait(SECONDS) and recording_threads()
    frames.close()  # type: ignore[attr-defined]
    graphs = step_graphs_of(problem)
    assert not recording_threads() and not graphs.stopping.is_set() and not graphs.note
    run = graphs.start(problem)
    assert run is not None and not graphs.has(run)
    assert graphs.free.acquire(blocking=False)
    graphs.free.release()
    gate.opened.set()
    again = responsive_iterate(problem)
    next(again)
    assert graphs.has(run), "who stops again and again gets a recorded step, too"
    again.close()  # type: ignore[attr-defined]


def test_a_run_that_ends_first_waits_for_its_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = made(steps=3)
    expected = list(compiled_iterate(plain(problem)))
    gate = Gate(monkeypatch, problem)

    def opening() -> Iterator[Any]:
        for frame in responsive_iterate(problem):
            if frame.step == problem.steps:
                gate.opened.set()
            yield frame

    assert_same(list(opening()), expected)
    graphs = step_graphs_of(problem)
    run = graphs.start(problem)
    assert run is not None and graphs.has(run) and not recording_threads()


def test_a_failed_recording_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = made(steps=6)
    expected = list(compiled_iterate(plain(problem)))
    Gate(monkeypatch, problem)

    def failing(*_: object) -> None:
        raise RuntimeError("no such operation")

    monkeypatch.setattr(CpuGraph, "record", failing)
    assert_same(list(responsive_iterate(problem)), expected)
    assert not step_graphs_of(problem).note


def test_parts_of_ones_own_are_not_used_on_two_threads() -> None:
    problem = made(objective=Brightness() + CrossEntropy(1), steps=3)
    seen: set[int] = set()
    call = Brightness.__call__

    def noting(self: Brightness, *given: Any) -> torch.Tensor:
        seen.add(threading.get_ident())
        return call(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Brightness, "__call__", noting)
        list(responsive_iterate(problem))
    assert seen == {threading.get_ident()}


def test_mistakes_raise_the_same_error() -> None:
    with pytest.raises(UnknownNameError, match="wolf"):
        list(responsive_iterate(made(objective=CrossEntropy("wolf"))))
