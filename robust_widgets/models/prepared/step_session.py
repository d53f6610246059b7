"""A recorded step in ONNX Runtime, over tensors that stay where they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robust_widgets.models.prepared.memory import give_back
from robust_widgets.models.prepared.onnx_graph import to_onnx
from robust_widgets.models.prepared.sessions import session
from robust_widgets.models.prepared.steps import Results, StepGraph

_TYPES = {torch.float64: np.float64, torch.bool: np.bool_, torch.int64: np.int64, torch.uint8: np.uint8}


def step_sessions(step: StepGraph, state: Sequence[Tensor], threads: Iterable[int]) -> dict[int, StepSession]:
    """A session of a step for each number of threads.

    Args:
        step: the recorded step; kept by nobody else, its weights are let go on the way.
        state: the tensors it was recorded with, on the CPU, each in rows; they are read and written where they lie.
        threads: that carry out an operation.

    Raises:
        UnpreparableError: an operation has no counterpart in ONNX.
    """
    model = to_onnx(step.graph, step.state, sized=True)
    changed, results = step.changed, step.results
    del step  # with its weights, which the model has copies of, before the sessions make theirs
    give_back()
    return {count: StepSession(model, state, changed, results, count) for count in threads}


class StepSession:
    """One step a call: it reads its state, and writes what changes back there."""

    def __init__(
        self, model: bytes, state: Sequence[Tensor], changed: Sequence[int], results: Results, threads: int
    ) -> None:
        # One session, whose operations follow each other closely: its threads wait for the next one by spinning.
        self._session = session(model, threads, spinning=True)
        self._bound = self._session.io_binding()
        self._state = list(state)
        for given in self._session.get_inputs():  # not all of the state counts for a step
            tensor = state[int(given.name.removeprefix("given_"))]
            self._bind(self._bound.bind_input, given.name, tensor)
        following = [torch.empty_like(state[place]) for place in changed]
        self._results = [torch.empty(shape, dtype=dtype) for shape, dtype in results]
        for place, tensor in enumerate([*following, *self._results]):
            self._bind(self._bound.bind_output, f"out_{place}", tensor)
        self._written = [(state[to].numpy(), new.numpy()) for to, new in zip(changed, following, strict=True)]

    def __call__(self) -> list[npt.NDArray[Any]]:
        """Make a step; what it shows."""
        self._session.run_with_iobinding(self._bound)
        for place, new in self._written:
            np.copyto(place, new)  # torch's copy would wake its threads, which then take the processor from the next
        return [result.numpy().copy() for result in self._results]

    @staticmethod
    def _bind(bind: Any, name: str, tensor: Tensor) -> None:
        kind = _TYPES.get(tensor.dtype, np.float32)
        bind(name, "cpu", 0, kind, tuple(tensor.shape), tensor.data_ptr())
