"""The step loop with its steps recorded and replayed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from robust_widgets.runs.frame import Frame
from robust_widgets.solvers.graphs.step_graph import step_graphs_of
from robust_widgets.synthesis.loop import FrameRenderer, iterate
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
        except Exception as error:  # third-party networks can fail in any way; fall back to the plain loop
            graphs.give_up(f"{type(error).__name__}: {error}")
        finally:
            graphs.free.release()
    if count <= problem.steps:
        yield from islice(iterate(problem, frame), count, None)
