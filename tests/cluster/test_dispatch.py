"""Shards are handed out few at a time; what fails, fails alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from robust_widgets.cluster.dispatch import AHEAD, HOPELESS, run_shards
from robust_widgets.errors import RunError
from robust_widgets.interface.shards import Shard
from tests.helpers import raises_sentence


class Workers:
    """An engine whose shards end in the order that the test says.

    Args:
        results: what becomes of a shard, by its number; 10 pictures by default.
        places: how many run at a time.
    """

    def __init__(self, results: dict[int, Any] | None = None, places: int = 2) -> None:
        self.results, self.places = results or {}, places
        self.running: list[Shard] = []
        self.started: list[int] = []
        self.most = 0
        self.cancelled: list[int] = []
        self.before_wait: Callable[[], object] = lambda: None

    def start(self, shard: Shard) -> Shard:
        self.started.append(shard.number)
        self.running.append(shard)
        self.most = max(self.most, len(self.running))
        return shard

    def wait(self, handles: Sequence[Shard]) -> Shard:
        assert set(handles) == set(self.running)
        self.before_wait()
        last = self.running.pop()  # out of order
        return last

    def result(self, handle: Shard) -> int:
        result = self.results.get(handle.number, 10)
        if isinstance(result, Exception):
            raise result
        return int(result)

    def cancel(self, handle: Shard) -> None:
        self.cancelled.append(handle.number)


def shards(count: int) -> list[Shard]:
    return [Shard(number, count) for number in range(1, count + 1)]


def test_every_shard_is_computed_once_and_few_are_handed_out_at_a_time() -> None:
    workers, done = Workers(), list[int]()
    outcome = run_shards(shards(40), workers, lambda shard, pictures: done.append(shard.number))
    assert workers.started == list(range(1, 41)) and sorted(done) == workers.started
    assert workers.most == AHEAD * 2 and not workers.cancelled
    assert outcome.pictures == 400 and not outcome.failed and not outcome.left
    outcome.check()


def test_more_are_handed_out_when_machines_join_and_one_while_none_is_there() -> None:
    workers = Workers(places=0)
    sizes: list[int] = []

    def join() -> None:
        sizes.append(len(workers.running))
        workers.places = 3 if len(sizes) == 2 else workers.places

    workers.before_wait = join
    run_shards(shards(30), workers)
    assert sizes[:3] == [1, 1, 3 * AHEAD]


def test_a_failing_shard_does_not_keep_the_others_from_it() -> None:
    workers = Workers({number: ValueError("the loss is\nnan.") for number in (3, 9, 11, 12, 13)})
    outcome = run_shards(shards(20), workers)
    assert outcome.pictures == 150 and {shard.number for shard in outcome.failed} == {3, 9, 11, 12, 13}
    with raises_sentence(RunError, "/20 and 4 others", "(the loss is)", "run the same command again"):
        outcome.check()


def test_what_cannot_succeed_is_given_up_early() -> None:
    workers = Workers({number: ValueError("no such class") for number in range(1, 41)})
    outcome = run_shards(shards(40), workers)
    assert len(outcome.failed) == HOPELESS and len(outcome.failed) + len(outcome.left) == 40
    assert sorted(workers.cancelled) == sorted(shard.number for shard in workers.running)
    with raises_sentence(RunError, "37 were not tried"):
        outcome.check()


def test_one_failing_shard_is_named_alone() -> None:
    with raises_sentence(RunError, "Shard 2/3 failed (full)."):
        run_shards(shards(3), Workers({2: OSError("full")})).check()


def test_an_interrupt_cancels_what_was_handed_out() -> None:
    workers = Workers()

    def interrupt() -> None:
        raise KeyboardInterrupt

    workers.before_wait = interrupt
    with pytest.raises(KeyboardInterrupt):
        run_shards(shards(20), workers)
    assert sorted(workers.cancelled) == list(range(1, AHEAD * 2 + 1))
