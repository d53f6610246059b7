"""What records a step and replays it, whatever the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from robust_widgets.synthesis.loop import Arrays


class GraphBackend(Protocol):
    """A recorded function over tensors at fixed addresses.

    Attributes:
        is_async: replay returns before the device is done, so results can be fetched meanwhile.
        supports_half: lower precisions are tried before float32.
        max_cached: how many graphs a model keeps, the latest ones.
        warn_on_failure: falling back to the plain loop is slow enough to warn about.
    """

    is_async: ClassVar[bool]
    supports_half: ClassVar[bool]
    max_cached: ClassVar[int]
    warn_on_failure: ClassVar[bool]

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
