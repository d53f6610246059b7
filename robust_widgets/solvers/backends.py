"""Backends that record a step and replay it: ONNX Runtime on CPUs, CUDA graphs on GPUs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

import torch
from torch import Tensor, cuda

from robust_widgets._machine import trim_heap
from robust_widgets._timing import OnlineSelector
from robust_widgets.synthesis.loop import Arrays


class GraphBackend(Protocol):
    """A recorded function over tensors at fixed addresses.

    Attributes:
        is_gpu: replay returns before the device is done, so results can be fetched meanwhile. Lower precisions are
            tried before float32. Falling back to the plain loop is slow enough to warn about.
        max_cached: how many graphs a model keeps, the latest ones.
    """

    is_gpu: ClassVar[bool]
    max_cached: ClassVar[int]

    def __init__(self, device: torch.device) -> None: ...

    def record(self, function: Callable[[], Sequence[Tensor]], state: Sequence[Tensor]) -> None:
        """Record a function that returns its results and reads, and may change in place, the tensors of ``state``."""
        ...

    def replay(self) -> None:
        """Call the recorded function again."""
        ...

    def fetch(self) -> Callable[[], Arrays]:
        """A function that waits for the results of the last replay; call it before the next fetch but one."""
        ...


class CpuGraph:
    """A `GraphBackend` on the CPU.

    Network, loss, gradient, step, projection and rendering become one graph. Between a forward and a backward session,
    everything that the gradient needs would be repacked twice; one graph avoids that, and all of torch's work between
    the operations.

    For one picture it runs on all of torch's threads or on one, whichever is faster at the moment; for more pictures,
    on all. The results are the same, bit for bit.
    """

    is_gpu: ClassVar[bool] = False
    max_cached: ClassVar[int] = 5  # the four that a session warms up, and one more, such as a dream

    def __init__(self, device: torch.device) -> None:
        self._results: Arrays = []

    def record(self, function: Callable[[], Sequence[Tensor]], state: Sequence[Tensor]) -> None:
        """Record the function.

        Raises:
            UnsupportedOpError: an operation has no counterpart in ONNX.
            ImportError: ONNX Runtime is not installed.
        """
        from robust_widgets.compiler.backends.onnxruntime import record_step

        function()  # tables and caches are built here, not in the graph
        all_threads = torch.get_num_threads()
        # For larger batches one thread wins only on a busy machine.
        threads = tuple(dict.fromkeys((all_threads, 1))) if len(state[0]) == 1 else (all_threads,)
        self._sessions = record_step(function, state, threads)
        self._selector = OnlineSelector(threads)
        trim_heap()

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


WARM_UPS = 2  # calls in which libraries choose algorithms and allocate; both are forbidden during capture


class CudaGraph:
    """A `GraphBackend` on a GPU, replayed without Python. Its results are copied to page-locked memory.

    Args:
        device: a CUDA device.
    """

    is_gpu: ClassVar[bool] = True
    max_cached: ClassVar[int] = 4

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._graph = cuda.CUDAGraph()
        self._results: Sequence[Tensor] = ()
        self._hosts: list[list[Tensor]] = []  # two sets, used alternately: one is read while the other is written
        self._copying = cuda.Stream(device)
        self._copied = cuda.Event()

    def record(self, function: Callable[[], Sequence[Tensor]], state: Sequence[Tensor] = ()) -> None:
        """Call the function a few times, then record one more call; its results are tensors on the device.

        The graph reads and writes the same addresses, in ``state`` and elsewhere.

        Raises:
            RuntimeError: an operation cannot be captured, such as one that waits for the device.
        """
        with cuda.device(self._device):
            current, capturing = cuda.current_stream(self._device), cuda.Stream(self._device)
            capturing.wait_stream(current)
            with cuda.stream(capturing):
                for _ in range(WARM_UPS):
                    function()
            current.wait_stream(capturing)
            # Other threads may use the device during the capture.
            with cuda.graph(self._graph, stream=capturing, capture_error_mode="thread_local"):
                self._results = function()
        self._hosts = [
            [torch.empty_like(result, device="cpu", pin_memory=cuda.is_available()) for result in self._results]
            for _ in range(2)
        ]

    def replay(self) -> None:
        """Launch the function again; doesn't wait for it."""
        with cuda.device(self._device):
            cuda.current_stream(self._device).wait_event(self._copied)  # don't overwrite results that are being copied
            self._graph.replay()

    def fetch(self) -> Callable[[], Arrays]:
        """Start to copy the results of the last replay, and return a function that waits for them alone."""
        self._hosts.reverse()
        hosts, copied = self._hosts[0], cuda.Event()
        self._copied = copied
        self._copying.wait_stream(cuda.current_stream(self._device))
        with cuda.stream(self._copying):
            for host, result in zip(hosts, self._results, strict=True):
                host.copy_(result, non_blocking=True)
            copied.record(self._copying)

        def wait() -> Arrays:
            copied.synchronize()
            return [host.numpy().copy() for host in hosts]

        return wait
