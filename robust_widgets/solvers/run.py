"""Run a problem: with recorded steps where possible, into a trace or to its last pictures."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import islice
from typing import cast

from torch import Tensor

from robust_widgets.compiler.autotune import batch_size_for
from robust_widgets.compiler.engine import ONNXRUNTIME
from robust_widgets.errors import RunError, is_out_of_memory
from robust_widgets.models.classifier import FULL, RobustClassifier
from robust_widgets.pictures.tensors import plain_torch
from robust_widgets.runs.frame import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.step_graph import FlatRun, StepGraphCache, step_graphs_of
from robust_widgets.synthesis.loop import FrameRenderer, Solver, StepInfo, evaluate, iterate
from robust_widgets.synthesis.problem import Problem


def compiled_iterate(problem: Problem) -> Iterator[Frame]:
    """Same frames as `iterate`, up to rounding, from steps that are recorded once and replayed.

    On a GPU a frame is yielded while the next step runs. Where steps cannot be recorded, this is `iterate`.
    """
    frame, count = FrameRenderer(), 0
    graphs = step_graphs_of(problem.model, problem.start)
    if graphs is not None and graphs.free.acquire(blocking=False):
        try:
            for arrays in graphs.run(problem):
                yield frame.from_arrays(count, arrays if count < problem.steps else arrays[:2])
                count += 1
        except RunError:  # the plain loop tells whether half precision is to blame
            pass
        except Exception as error:  # third-party networks can fail in any way; fall back to the plain loop
            graphs.give_up(f"{type(error).__name__}: {error}")
        finally:
            graphs.free.release()
    if count <= problem.steps:
        yield from islice(iterate(problem, frame), count, None)


def compiled_minimize(
    problem: Problem, on_step: Callable[[int], object] | None = None
) -> tuple[Tensor, Callable[[], StepInfo]]:
    """The pictures after the last step, (n, 3, h, w), without frames; and a function that evaluates them, once.

    Same pictures as `minimize`, up to rounding. A structure that this model has minimised lately is recorded, if that
    makes steps faster: one recording takes as long as many steps, so it has to serve several batches.

    Args:
        problem: what to solve.
        on_step: called with the number of each step when it is made, from 0.
    """
    raised: list[Exception] = []

    def report(step: int) -> None:
        try:
            if on_step is not None:
                on_step(step)
        except Exception as error:
            raised.append(error)
            raise

    graphs = step_graphs_of(problem.model, problem.start)
    if graphs is not None and _gains(graphs, problem) and graphs.free.acquire(blocking=False):
        try:
            run = graphs.start(problem)
            if run is not None and _is_repeated(graphs, run) and (graph := graphs.load(run)) is not None:
                for i, _ in enumerate(graph.play(problem.steps)):
                    report(i)
                x = graph.x.clone()
                return x, lambda: evaluate(problem, x, run.state)
        except Exception as error:  # as above; what runs out of memory here may fit in plain steps
            if raised or is_out_of_memory(error):
                raise
            graphs.give_up(f"{type(error).__name__}: {error}")
        finally:
            graphs.free.release()
    infos, x = iterate(problem, lambda i, x, info: info), problem.start
    for i, info in enumerate(islice(infos, problem.steps)):
        x = cast(Tensor, info.x_next)
        report(i)
    return x, lambda: next(infos)


def _is_repeated(graphs: StepGraphCache, run: FlatRun) -> bool:
    """Whether a recording serves more than this run."""
    known = graphs.has(run) or run.structure in graphs.asked
    graphs.asked.append(run.structure)
    return known


def _gains(graphs: StepGraphCache, problem: Problem) -> bool:
    """Whether recorded steps without frames are faster than the network with the fastest backend.

    On a CPU, where frames cost more than a tenth of a step, they are recorded for a backend that is nearly the fastest.
    """
    model = problem.model
    if graphs.backend.is_gpu or not isinstance(model, RobustClassifier) or model.engine is None:
        return graphs.backend.is_gpu
    return model.precision == FULL or model.engine.selected.get(batch_size_for(len(problem.start))) == ONNXRUNTIME


def new_trace(problem: Problem) -> Trace:
    """An empty trace of the problem, with everything that decides the run."""
    card = getattr(problem.model, "card", None)
    return Trace(
        task=problem.task,
        target=problem.target,
        parameters=problem.parameters or {"steps": problem.steps},
        seed=problem.parameters.get("seed", problem.seed),
        model=getattr(card, "name", type(problem.model).__name__),
        fingerprint=getattr(problem.model, "fingerprint", ""),
        classes=tuple(getattr(problem.model, "classes", ())),
        radius=getattr(problem.constraint, "epsilon", None),
        loading=getattr(problem.model, "loading", None),
    )


@plain_torch()
def run(
    problem: Problem, on_step: Callable[[Frame], object] | None = None, *, solver: Solver = compiled_iterate
) -> Trace:
    """Run the problem to the end and return its trace.

    Args:
        problem: what to solve.
        solver: yields the frames; `compiled_iterate`, `iterate`, or one of `robust_widgets.solvers.compose` around it.
        on_step: called with each frame as soon as it is made; returning ``False`` stops the run after that frame.

    Returns:
        The run. If a loss is NaN or infinite, a warning says at which step, and the run ends before it.

    Raises:
        RunError: a loss is NaN or infinite at the start.
    """
    trace = new_trace(problem)
    try:
        for frame in solver(problem):
            trace.append(frame)
            if on_step is not None and on_step(frame) is False:
                break
    except RunError as error:
        if not len(trace):
            raise
        warnings.warn(str(error), RuntimeWarning, stacklevel=2)
    return trace
