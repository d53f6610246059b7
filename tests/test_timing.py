"""Several ways are timed in turn."""

from __future__ import annotations

import pytest

from robust_widgets import _timing as timing
from robust_widgets._timing import OnlineSelector, interleaved


class Clock:
    """Time passes only where a way takes some."""

    def __init__(self) -> None:
        self.now = 0.0

    def takes(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock.now)
    return clock


def test_each_round_has_every_way_once_and_the_first_does_not_count(clock: Clock) -> None:
    calls: list[str] = []
    slow_at_first = iter([9.0, 1.0, 2.0])
    times = interleaved(
        {
            "one": lambda: (calls.append("one"), clock.takes(next(slow_at_first))),
            "two": lambda: (calls.append("two"), clock.takes(0.5)),
        },
        rounds=2,
        wait=lambda: clock.takes(0.25),
    )
    assert calls == ["one", "two"] * 3
    assert times == {"one": [1250.0, 2250.0], "two": [750.0, 750.0]}


@pytest.mark.parametrize(("each", "rounds"), [(0.1, 5), (0.3, 3), (40.0, 1)])
def test_no_round_begins_after_the_time_is_up_but_one_counts(clock: Clock, each: float, rounds: int) -> None:
    times = interleaved({"one": lambda: clock.takes(each)}, rounds=5, seconds=1.0)
    assert len(times["one"]) == rounds


def test_a_way_settles_in_its_turn_before_the_call_that_counts(clock: Clock) -> None:
    calls: list[str] = []
    behind_another = iter([9.0, 1.0, 1.0, 9.0, 1.0, 1.0])
    times = interleaved(
        {
            "one": lambda: (calls.append("one"), clock.takes(next(behind_another))),
            "two": lambda: (calls.append("two"), clock.takes(0.5)),
        },
        rounds=1,
        warm_up=10.0,
    )
    assert times == {"one": [1000.0], "two": [500.0]}
    assert calls[:3] == ["one"] * 3 and set(calls[3:24]) == {"two"} and calls[24] == "one"


class TestTurns:
    def taken(self, turns: OnlineSelector[str], seconds: dict[str, float], count: int) -> list[str]:
        found: list[str] = []
        for _ in range(count):
            way = turns.next()
            turns.record(way, seconds[way])
            found.append(way)
        return found

    def test_each_is_tried_and_then_the_fastest_goes_on(self) -> None:
        turns = OnlineSelector(["a", "b", "c"], remembered=3, retry_every=1000)
        assert sorted(self.taken(turns, {"a": 3, "b": 1, "c": 2}, 9)) == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
        assert set(self.taken(turns, {"a": 3, "b": 1, "c": 2}, 50)) == {"b"} and turns.fastest == "b"

    def test_the_others_are_tried_again_now_and_then(self) -> None:
        turns = OnlineSelector(["a", "b", "c"], remembered=3, retry_every=10)
        self.taken(turns, {"a": 3, "b": 1, "c": 2}, 9)
        later = self.taken(turns, {"a": 3, "b": 1, "c": 2}, 100)
        assert later.count("b") == 90 and later.count("a") == later.count("c") == 5

    def test_what_becomes_faster_is_found(self) -> None:
        turns = OnlineSelector(["a", "b"], remembered=3, retry_every=10)
        assert set(self.taken(turns, {"a": 1, "b": 2}, 35)[-5:]) == {"a"}
        assert set(self.taken(turns, {"a": 9, "b": 2}, 43)[-5:]) == {"b"}, "one was held up"
        assert set(self.taken(turns, {"a": 1, "b": 2}, 67)[-5:]) == {"a"}, "and is no more"

    def test_one_that_was_held_up_once_stays(self) -> None:
        turns = OnlineSelector(["a", "b"], remembered=3, retry_every=1000)
        self.taken(turns, {"a": 1, "b": 2}, 10)
        turns.record("a", 100)
        assert self.taken(turns, {"a": 1, "b": 2}, 5) == ["a"] * 5

    def test_one_way_alone(self) -> None:
        assert self.taken(OnlineSelector(["a"], retry_every=2), {"a": 1}, 20) == ["a"] * 20
