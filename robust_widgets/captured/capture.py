"""A step recorded over buffers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeAlias, TypeVar

import torch
from torch import Tensor

from robust_widgets.captured.held import Leaf, flatten, rebuilt
from robust_widgets.captured.recording import Arrays, Recording
from robust_widgets.objectives import Classifier, Objective
from robust_widgets.steppers import Stepper


class Task(Protocol):
    """What is asked of a problem."""

    @property
    def model(self) -> Classifier: ...
    @property
    def objective(self) -> Objective: ...
    @property
    def stepper(self) -> Stepper: ...
    @property
    def steps(self) -> int: ...


P = TypeVar("P", bound=Task)
Step: TypeAlias = Callable[[P, Tensor], tuple[Tensor, Sequence[Tensor]]]


class Capture:
    """A step recorded over buffers.

    Args:
        problem: gives the structure.
        x: a picture of the shape.
        step: what is recorded.
        leaves: the problem's.
        make: what records it.

    Attributes:
        x: the picture after the last replay.
    """

    def __init__(self, problem: P, x: Tensor, step: Step[P], leaves: Sequence[Leaf], make: type[Recording]) -> None:
        self.x = x.clone(memory_format=torch.contiguous_format)
        # Numbers of no dimension leave a picture's precision as it is, so these may be as exact as Python's.
        self._buffers = [
            one.detach().clone(memory_format=torch.contiguous_format)
            if isinstance(one, Tensor)
            else torch.tensor(one, dtype=torch.float64, device=x.device)
            for one in leaves
        ]
        self._graph = make(x.device)
        self._model = problem.model  # whose weights the recording reads

        def once() -> Sequence[Tensor]:
            twin = rebuilt(problem, iter(self._buffers))
            following, shown = step(twin, self.x)
            self.x.copy_(following)
            now: list[Leaf] = []
            flatten(twin, now)
            for buffer, changed in zip(self._buffers, now, strict=True):
                if isinstance(changed, Tensor) and changed is not buffer:  # what is kept from step to step
                    buffer.copy_(changed)
            return shown

        self._graph.record(once, [self.x, *self._buffers])

    def load(self, leaves: Sequence[Leaf], x: Tensor) -> None:
        """Begin at a picture, with other numbers and tensors; waits for nothing."""
        self.x.copy_(x)
        for buffer, leaf in zip(self._buffers, leaves, strict=True):
            if isinstance(leaf, Tensor):
                buffer.copy_(leaf)
            else:
                buffer.fill_(leaf)

    def play(self, times: int, ahead: bool = True) -> Iterator[Arrays]:
        """Replay, and hand out what each shows, with ``ahead`` while the next one runs where that is so."""
        ahead = ahead and self._graph.goes_on
        coming: Callable[[], Arrays] | None = None
        for _ in range(times):
            self._graph.replay()
            last, coming = coming, self._graph.fetch()
            if not ahead:
                yield coming()
            elif last is not None:
                yield last()
        if ahead and coming is not None:
            yield coming()
