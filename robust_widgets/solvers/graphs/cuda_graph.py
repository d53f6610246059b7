"""A function recorded as a CUDA graph, and its results copied out beside its next replay.

Everything that only runs with a GPU is here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, cuda

from robust_widgets.solvers.graphs.backend import Arrays

WARM_UPS = 2  # calls after which libraries have chosen and allocated what a recording may not


class CudaGraph:
    """A `GraphBackend` on a GPU, replayed without Python.

    Args:
        device: a CUDA device.
    """

    goes_on: ClassVar[bool] = True
    halves: ClassVar[bool] = True
    kept: ClassVar[int] = 4
    notable: ClassVar[bool] = True

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._graph = cuda.CUDAGraph()
        self._results: Sequence[Tensor] = ()
        self._hosts: list[list[Tensor]] = []  # two sets, filled in turn: one is read while the other is written
        self._copying = cuda.Stream(device)
        self._copied = cuda.Event()

    def record(self, function: Callable[[], Sequence[Tensor]], state: Sequence[Tensor] = ()) -> None:
        """Call the function a few times and record one call more; its results are tensors on the device.

        Whatever it reads and writes is recorded where it lies, of its ``state`` and beyond.

        Raises:
            RuntimeError: it does something that cannot be recorded, such as waiting for the device.
        """
        with cuda.device(self._device):
            current, side = cuda.current_stream(self._device), cuda.Stream(self._device)
            side.wait_stream(current)
            with cuda.stream(side):
                for _ in range(WARM_UPS):
                    function()
            current.wait_stream(side)
            # Of this thread alone: others may use the device meanwhile.
            with cuda.graph(self._graph, stream=side, capture_error_mode="thread_local"):
                self._results = function()
        self._hosts = [[_pinned(one) for one in self._results] for _ in range(2)]

    def replay(self) -> None:
        """Ask the device to call the function once more; does not wait for it."""
        with cuda.device(self._device):
            cuda.current_stream(self._device).wait_event(self._copied)  # the last results are not yet overwritten
            self._graph.replay()

    def fetch(self) -> Callable[[], Arrays]:
        """Begin to copy the results of the last replay; what is returned waits for them, and for nothing later.

        It is to be called before the next but one fetch.
        """
        self._hosts.reverse()
        hosts, copied = self._hosts[0], cuda.Event()
        self._copied = copied
        self._copying.wait_stream(cuda.current_stream(self._device))
        with cuda.stream(self._copying):
            for host, result in zip(hosts, self._results, strict=True):
                host.copy_(result, non_blocking=True)
            copied.record(self._copying)

        def arrived() -> Arrays:
            copied.synchronize()
            return [host.numpy().copy() for host in hosts]

        return arrived


def _pinned(like: Tensor) -> Tensor:
    """Memory of the host that a device copies to while both go on."""
    return torch.empty(like.shape, dtype=like.dtype, pin_memory=cuda.is_available())
