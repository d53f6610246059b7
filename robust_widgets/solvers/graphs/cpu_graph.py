"""A step recorded as one graph that ONNX Runtime carries out on the processor."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from robust_widgets._timing import OnlineSelector
from robust_widgets.compiler.compiled_module import trim_heap
from robust_widgets.solvers.graphs.backend import Arrays


class CpuGraph:
    """A `GraphBackend` on the CPU.

    Network, loss, gradient, step, projection and what is shown become one graph. Between two sessions, one forth and
    one back, whatever the gradient needs is laid out anew twice; in one graph that falls away, and so does all of
    torch's work between the operations.

    All of torch's threads carry it out, or, for one picture, one: whichever is faster just now. The results are the
    same to the bit.
    """

    goes_on: ClassVar[bool] = False
    halves: ClassVar[bool] = False
    kept: ClassVar[int] = 3
    notable: ClassVar[bool] = False

    def __init__(self, device: torch.device) -> None:
        self._results: Arrays = []

    def record(self, function: Callable[[], Sequence[Tensor]], state: Sequence[Tensor]) -> None:
        """Record the function.

        Raises:
            UnsupportedOpError: it does something that has no counterpart in ONNX.
            ImportError: ONNX Runtime is not installed.
        """
        from robust_widgets.compiler.backends.onnxruntime import record_step, step_sessions

        function()  # what is made once and kept is made now
        several = torch.get_num_threads()
        # With more pictures one thread is never the faster, but where others want the processors.
        threads = tuple(dict.fromkeys((several, 1))) if len(state[0]) == 1 else (several,)
        self._sessions = step_sessions(record_step(function, state), state, threads)
        self._turns = OnlineSelector(threads)
        trim_heap()

    @property
    def threads(self) -> int:
        """That carry out an operation."""
        return self._turns.fastest

    def replay(self) -> None:
        """Make a step."""
        count = self._turns.next()
        began = time.perf_counter()
        self._results = self._sessions[count]()
        self._turns.record(count, time.perf_counter() - began)

    def fetch(self) -> Callable[[], Arrays]:
        """The results of the last replay, which are there already."""
        results = self._results
        return lambda: results
