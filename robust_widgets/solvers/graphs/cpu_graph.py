"""A step recorded as one graph for ONNX Runtime, on the CPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from robust_widgets._timing import OnlineSelector
from robust_widgets.compiler.compiled_module import trim_heap
from robust_widgets.synthesis.loop import Arrays


class CpuGraph:
    """A `GraphBackend` on the CPU.

    Network, loss, gradient, step, projection and rendering become one graph. Between a forward and a backward session,
    everything that the gradient needs would be repacked twice; one graph avoids that, and all of torch's work between
    the operations.

    For one picture it runs on all of torch's threads or on one, whichever is faster at the moment; for more pictures,
    on all. The results are the same, bit for bit.
    """

    is_async: ClassVar[bool] = False
    supports_half: ClassVar[bool] = False
    max_cached: ClassVar[int] = 3
    warn_on_failure: ClassVar[bool] = False

    def __init__(self, device: torch.device) -> None:
        self._results: Arrays = []

    def record(self, function: Callable[[], Sequence[Tensor]], state: Sequence[Tensor]) -> None:
        """Record the function.

        Raises:
            UnsupportedOpError: an operation has no counterpart in ONNX.
            ImportError: ONNX Runtime is not installed.
        """
        from robust_widgets.compiler.backends.onnxruntime import record_step, step_sessions

        function()  # tables and caches are built here, not in the graph
        all_threads = torch.get_num_threads()
        # For larger batches one thread wins only on a busy machine.
        threads = tuple(dict.fromkeys((all_threads, 1))) if len(state[0]) == 1 else (all_threads,)
        self._sessions = step_sessions(record_step(function, state), state, threads)
        self._selector = OnlineSelector(threads)
        trim_heap()

    @property
    def threads(self) -> int:
        """Number of intra-op threads."""
        return self._selector.fastest

    def replay(self) -> None:
        """Run a step."""
        count = self._selector.next()
        began = time.perf_counter()
        self._results = self._sessions[count]()
        self._selector.record(count, time.perf_counter() - began)

    def fetch(self) -> Callable[[], Arrays]:
        """The results of the last replay, which are ready."""
        results = self._results
        return lambda: results
