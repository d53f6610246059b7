"""A function recorded as a CUDA graph; its results are copied out during its next replay.

All code that needs a GPU is here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, cuda

from robust_widgets.synthesis.loop import Arrays

WARM_UPS = 2  # calls in which libraries choose algorithms and allocate; both are forbidden during capture


class CudaGraph:
    """A `GraphBackend` on a GPU, replayed without Python.

    Args:
        device: a CUDA device.
    """

    is_async: ClassVar[bool] = True
    supports_half: ClassVar[bool] = True
    max_cached: ClassVar[int] = 4
    warn_on_failure: ClassVar[bool] = True

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
        self._hosts = [[_pinned(result) for result in self._results] for _ in range(2)]

    def replay(self) -> None:
        """Launch the function again; doesn't wait for it."""
        with cuda.device(self._device):
            cuda.current_stream(self._device).wait_event(self._copied)  # don't overwrite results that are being copied
            self._graph.replay()

    def fetch(self) -> Callable[[], Arrays]:
        """Start to copy the results of the last replay, and return a function that waits for them alone.

        Call it before the next fetch but one.
        """
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


def _pinned(like: Tensor) -> Tensor:
    """Page-locked host memory, so that copies are asynchronous."""
    return torch.empty(like.shape, dtype=like.dtype, pin_memory=cuda.is_available())
