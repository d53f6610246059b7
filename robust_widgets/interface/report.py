"""The numbers of a finished run, read from its trace alone."""

from __future__ import annotations

import math

from robust_widgets.errors import TraceError
from robust_widgets.interface.tasks import task_specs
from robust_widgets.runs.trace import Trace, require_run


def report(trace: Trace) -> dict[str, float]:
    """The numbers of a run's last frame, averaged over its pictures.

    Returns:
        ``"steps"``, ``"loss"``, ``"probability"`` (left out where it has no meaning), ``"distance"``, ``"radius"``
        (left out where there is no limit), and the task's own, such as ``"low_resolution_error"`` for super-resolution.

    Raises:
        TraceError: the run has no frames yet.
    """
    require_run(trace)
    if not len(trace):
        raise TraceError("This run has no frames yet; record at least one.")
    last = trace[-1]
    numbers = {"steps": float(last.step), "loss": trace.mean("loss", -1), "distance": trace.mean("distance", -1)}
    probability = trace.mean("probability", -1)
    if not math.isnan(probability):
        numbers["probability"] = probability
    if trace.radius is not None:
        numbers["radius"] = trace.radius
    spec = task_specs().get(trace.task)
    if spec is not None and spec.report is not None:
        numbers |= spec.report(trace)
    return numbers
