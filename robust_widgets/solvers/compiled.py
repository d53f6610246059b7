"""The step loop with its steps recorded and replayed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from torch import Tensor

from robust_widgets.runs.record import Frame
from robust_widgets.solvers.graphs.step_graph import recorded
from robust_widgets.synthesis.loop import heat_map, initial_point, iterate_arrays, rendered, step, to_frame
from robust_widgets.synthesis.problem import Problem


def compiled_iterate(problem: Problem) -> Iterator[Frame]:
    """As `iterate`, with steps recorded once and replayed where they can be (`robust_widgets.solvers.graphs`).

    On a GPU a frame is handed out while the next step runs.
    """
    began = time.perf_counter()
    first = initial_point(problem)
    plain = partial(iterate_arrays, problem, first)
    for i, arrays in enumerate(recorded(problem.started(), first, _step_and_rendered, plain)):
        yield to_frame(i, arrays if i < problem.steps else arrays[:2], began)


def _step_and_rendered(problem: Problem, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    x_next, info = step(problem, x)
    return x_next, rendered(x, info, heat_map)
