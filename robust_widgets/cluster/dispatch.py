"""Hands out shards to whatever computes them, few at a time; one that fails does not keep the others from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from robust_widgets.errors import RunError, first_line
from robust_widgets.interface.shards import Shard

AHEAD = 4  # shards that are handed out for each that can run at a time, so that no machine waits for its next one
HOPELESS = 3  # failed shards after which the others are not tried, if none has succeeded


class Engine(Protocol):
    """What computes shards, somewhere."""

    @property
    def places(self) -> int:
        """How many shards can run at a time now; it may grow while machines join. 0 if that is not known yet."""
        ...

    def start(self, shard: Shard) -> Any:
        """Hand out a shard, to run as soon as there is a place; returns something that stands for it."""
        ...

    def wait(self, handles: Sequence[Any]) -> Any:
        """The next of these that has ended, however it did."""
        ...

    def result(self, handle: Any) -> int:
        """How many pictures an ended shard holds; raises what it raised."""
        ...

    def cancel(self, handle: Any) -> None:
        """End a shard that has not ended; what it has written stays."""
        ...


@dataclass
class Outcome:
    """What became of the shards.

    Attributes:
        pictures: how many those that succeeded hold.
        failed: why the others failed.
        left: those that were not tried, because nothing succeeded.
    """

    pictures: int = 0
    failed: dict[Shard, Exception] = field(default_factory=dict[Shard, Exception])
    left: list[Shard] = field(default_factory=list[Shard])

    def check(self) -> None:
        """Say what failed.

        Raises:
            RunError: a shard failed.
        """
        if not self.failed:
            return
        shard, error = next(iter(self.failed.items()))
        others = f" and {len(self.failed) - 1} others" if len(self.failed) > 1 else ""
        untried = f"; {len(self.left)} were not tried" if self.left else ""
        raise RunError(
            f"Shard {shard.number}/{shard.count}{others} failed ({first_line(error)}){untried}. What was made is kept; "
            "run the same command again to continue."
        )


def run_shards(
    shards: Sequence[Shard], engine: Engine, on_done: Callable[[Shard, int], object] = lambda shard, pictures: None
) -> Outcome:
    """Have all shards computed. A failing one does not keep the others from it.

    Args:
        shards: what to compute, in this order.
        engine: computes them.
        on_done: called with each shard that succeeded, and how many pictures it holds.

    Raises:
        BaseException: such as KeyboardInterrupt, once what was handed out has been cancelled.
    """
    outcome, waiting, running = Outcome(), list(shards), dict[Any, Shard]()
    succeeded = False
    try:
        while waiting or running:
            most = max(1, AHEAD * engine.places)
            while waiting and len(running) < most:
                shard = waiting.pop(0)
                running[engine.start(shard)] = shard
            handle = engine.wait(list(running))
            shard = running.pop(handle)
            try:
                pictures = engine.result(handle)
            except Exception as error:
                outcome.failed[shard] = error
                if not succeeded and len(outcome.failed) >= HOPELESS:
                    outcome.left = [*running.values(), *waiting]
                    break
            else:
                succeeded = True
                outcome.pictures += pictures
                on_done(shard, pictures)
    finally:
        for handle in running:
            engine.cancel(handle)
    return outcome
