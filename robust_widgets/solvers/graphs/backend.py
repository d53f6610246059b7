"""What records a step and carries it out again, whatever the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy.typing as npt
import torch
from torch import Tensor

Arrays: TypeAlias = "list[npt.NDArray[Any]]"


class GraphBackend(Protocol):
    """A function over tensors that stay where they are.

    Attributes:
        goes_on: a replay returns before it is done, so that results are fetched while the next one runs.
        halves: lower precisions are tried before float32.
        kept: how many a model keeps, the latest ones.
        notable: where it fails, runs take so much longer that people are told.
    """

    goes_on: ClassVar[bool]
    halves: ClassVar[bool]
    kept: ClassVar[int]
    notable: ClassVar[bool]

    def __init__(self, device: torch.device) -> None: ...

    def record(self, function: Callable[[], Sequence[Tensor]], state: Sequence[Tensor]) -> None:
        """Record a function that gives its results and reads, and may change, the tensors of ``state`` in place."""
        ...

    def replay(self) -> None:
        """Call the recorded function once more."""
        ...

    def fetch(self) -> Callable[[], Arrays]:
        """The results of the last replay, once they are there; to be called before the next but one fetch."""
        ...
