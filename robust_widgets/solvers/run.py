"""Run a problem: with recorded steps where possible, into a trace."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import islice

from robust_widgets.errors import RunError
from robust_widgets.pictures.tensors import plain_torch
from robust_widgets.runs.frame import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.step_graph import step_graphs_of
from robust_widgets.synthesis.loop import FrameRenderer, Solver, iterate
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
