"""A stand-in for ``torch.cuda`` on the CPU, as strict as a GPU about what a capture may do.

A graph is a tape of torch's operations; a replay repeats each into the same memory, with the Python numbers of the
capture. Copies to the host are delayed until somebody waits for them, so results that are overwritten or read too early
are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

FORBIDDEN = ("aten._local_scalar_dense", "aten.nonzero", "aten.lift_fresh", "aten.is_nonzero", "aten.equal")


class FakeStream:
    def __init__(self, cuda: FakeCuda) -> None:
        self.cuda = cuda
        self.put_off: list[Callable[[], object]] = []
        self.knows_of = 0

    def wait_stream(self, other: FakeStream) -> None:
        assert other is not self
        self.knows_of = self.cuda.replays

    def wait_event(self, event: FakeEvent) -> None:
        event.happen()


class FakeEvent:
    def __init__(self) -> None:
        self.work: list[Callable[[], object]] = []

    def record(self, stream: FakeStream) -> None:
        self.work, stream.put_off = stream.put_off, []

    def happen(self) -> None:
        work, self.work = self.work, []
        for copy in work:
            copy()


class Tape(TorchDispatchMode):
    """Records what torch is asked for, and refuses what makes a host wait."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if str(func).startswith(FORBIDDEN):
            raise RuntimeError(f"operation not permitted when stream is capturing: {func}")
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, result))
        return result

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, result in self.calls:
            given = {_memory(one) for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)}
            results = [one for one in tree_leaves(result) if isinstance(one, Tensor)]
            if func._schema.is_mutable:
                func(*args, **kwargs)
            elif not any(_memory(one) in given for one in results):  # else it looks at memory that others fill
                for one, again in zip(results, tree_leaves(func(*args, **kwargs)), strict=False):
                    one.copy_(again)


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


class FakeGraph:
    def __init__(self, cuda: FakeCuda) -> None:
        self.cuda = cuda
        self.tape = Tape()

    def replay(self) -> None:
        self.cuda.log.append("replay")
        self.cuda.replays += 1
        if self.cuda.fail_at == self.cuda.replays:
            raise RuntimeError("an illegal memory access was encountered")
        self.tape.replay()
        self.cuda.spoil(self.tape)


class _PuttingOff(TorchDispatchMode):
    def __init__(self, stream: FakeStream) -> None:
        super().__init__()
        self.stream = stream

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if str(func) == "aten.copy_.default" and args[2:] == (True,):
            assert self.stream.knows_of == self.stream.cuda.replays, "it may copy before the results are ready"
            self.stream.put_off.append(lambda: func(*args))
            return args[0]
        return func(*args, **(kwargs or {}))


class FakeCuda:
    """What `robust_widgets.solvers.backends` uses of ``torch.cuda``."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.replays = 0
        self.fail_at: int | None = None
        self.refuse = ""
        self.spoil: Callable[[Tape], object] = lambda tape: None
        self.main = FakeStream(self)
        self.modes: list[str] = []

    def is_available(self) -> bool:
        return False

    def device(self, device: torch.device) -> Any:
        return nullcontext()

    def current_stream(self, device: torch.device) -> FakeStream:
        return self.main

    def Stream(self, device: torch.device) -> FakeStream:  # noqa: N802
        return FakeStream(self)

    def Event(self) -> FakeEvent:  # noqa: N802
        event, log = FakeEvent(), self.log

        def synchronize() -> None:
            log.append("arrived")
            event.happen()

        event.synchronize = synchronize  # type: ignore[attr-defined]
        return event

    def CUDAGraph(self) -> FakeGraph:  # noqa: N802
        return FakeGraph(self)

    @contextmanager
    def stream(self, stream: FakeStream) -> Iterator[None]:
        with _PuttingOff(stream):
            yield

    @contextmanager
    def graph(self, graph: FakeGraph, stream: FakeStream, capture_error_mode: str) -> Iterator[None]:
        self.modes.append(capture_error_mode)
        if self.refuse:
            raise RuntimeError(self.refuse)
        with graph.tape:
            yield
