"""The batcher, with a pretended device and a clock that the test moves."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robust_widgets.errors import ParameterError, RobustWidgetsError, StateError
from robust_widgets.interface.session import RunRequest
from robust_widgets.runs.record import Frame
from robust_widgets.serving.batcher import Batcher, Began, Ended, Event, Ticket, Waits
from robust_widgets.serving.limits import Limits
from tests.helpers import check_sentence, raises_sentence
from tests.serving.pretended import PretendedDevice, PretendedRun

FREE = Limits(runs=1000, most_per_second=1e9, frames_per_second=1e12, bytes_per_second=1e15, window=1e9)


class People:
    """A batcher, and everything that it tells its people."""

    def __init__(self, limits: Limits = FREE, step_seconds: float = 0.001) -> None:
        self.device = PretendedDevice(spend=self.spend)
        self.now = 0.0
        self.step_seconds = step_seconds
        self.batcher = Batcher(self.device, limits, lambda: self.now)
        self.events: dict[Ticket, list[Event]] = {}

    def spend(self) -> None:
        self.now += self.step_seconds

    def submit(self, owner: str = "ann", task: str = "generate", have: int = -1, **parameters: Any) -> Ticket:
        events: list[Event] = []
        picture = None if task == "generate" else np.zeros((8, 8, 3), np.uint8)
        request = RunRequest(task, parameters.pop("target", "dog"), {"steps": 3, **parameters}, picture)
        ticket = self.batcher.submit(owner, request, events.append, have)
        self.events[ticket] = events
        return ticket

    def turns(self, count: int) -> None:
        for _ in range(count):
            while delay := self.batcher.turn():
                self.now += delay

    def to_the_end(self, *, acknowledge: bool = True) -> None:
        for _ in range(10_000):
            delay = self.batcher.turn()
            if acknowledge:
                for ticket in self.events:
                    self.batcher.acknowledge(ticket, ticket.sent)
            if delay is None and (not acknowledge or not self.batcher.load):
                return
            self.now += delay or 0.0
        raise AssertionError("it goes on for ever")

    def frames(self, ticket: Ticket) -> list[int]:
        return [event.step for event in self.events[ticket] if isinstance(event, Frame)]

    def end(self, ticket: Ticket) -> Ended:
        ends = [event for event in self.events[ticket] if isinstance(event, Ended)]
        assert len(ends) == 1 and self.events[ticket][-1] is ends[0]
        return ends[0]


def test_a_run_gets_its_start_its_frames_and_one_end() -> None:
    people = People()
    ticket = people.submit(steps=2, seed=4)
    people.to_the_end()
    began, *frames, ended = people.events[ticket]
    assert isinstance(began, Began) and began.steps == 2 and began.trace.seed == 4
    assert people.frames(ticket) == [0, 1, 2] and len(frames) == 3 and ended == Ended("done")


def test_runs_of_one_structure_share_their_steps_and_others_take_turns() -> None:
    people = People()
    for seed, task in enumerate(["generate", "generate", "sketch_to_image", "generate", "translate", "translate"]):
        people.submit(f"owner {seed}", task, seed=seed)
    people.turns(6)
    people.to_the_end()
    counted = Counter(map(tuple, people.device.batches))
    assert counted == {(0, 1, 3): 4, (2,): 4, (4,): 4, (5,): 4}
    assert [set(batch) for batch in people.device.batches[:4]] == [{0, 1, 3}, {2}, {4}, {5}], "in turn"


def test_a_run_joins_the_steps_of_others() -> None:
    people = People()
    people.submit("ann", seed=1, steps=5)
    people.turns(3)
    people.submit("bob", seed=2, steps=5)
    people.to_the_end()
    assert people.device.batches == [[1], [1], *[[1, 2]] * 4, [2], [2]]


def test_an_owner_of_many_runs_gets_no_more_than_others_when_not_all_fit() -> None:
    people = People()
    many = [people.submit("ann", steps=300, seed=index) for index in range(6)]
    one = people.submit("bob", steps=300, seed=9)
    people.batcher._capacity = 3 * 64
    people.turns(7 + 100)
    assert len(people.frames(one)) == pytest.approx(100, abs=3)
    shares = [len(people.frames(ticket)) for ticket in many]
    assert sum(shares) == pytest.approx(200, abs=8) and max(shares) - min(shares) <= 40


def test_large_runs_count_by_their_pixels() -> None:
    people = People()
    large, small = people.submit("ann", steps=900, n=4), people.submit("bob", steps=900)
    people.batcher._capacity = 4 * 64
    people.turns(2 + 100)
    assert len(people.frames(small)) == pytest.approx(4 * len(people.frames(large)), rel=0.1)


def test_who_comes_later_has_no_claim_on_what_others_had_before() -> None:
    people = People()
    early = people.submit("ann", steps=900)
    people.batcher._capacity = 64
    people.turns(100)
    late = people.submit("bob", steps=900)
    before = len(people.frames(early))
    people.turns(101)
    assert len(people.frames(late)) == pytest.approx(50, abs=2)
    assert len(people.frames(early)) - before == pytest.approx(50, abs=2)


def test_stop_takes_effect_before_the_next_step() -> None:
    people = People()
    ticket, other = people.submit(steps=50), people.submit("bob", steps=5)
    people.turns(2 + 3)
    people.batcher.stop(ticket)
    people.batcher.stop(ticket)
    people.to_the_end()
    assert people.frames(ticket) == [0, 1, 2] and people.end(ticket) == Ended("stopped")
    assert people.end(other) == Ended("done")


def test_a_run_that_waits_is_stopped_without_a_step() -> None:
    people = People()
    ticket = people.submit()
    people.batcher.stop(ticket)
    people.to_the_end()
    assert people.events[ticket] == [Ended("stopped")] and not people.device.batches


def test_a_slow_link_holds_nobody_back() -> None:
    people = People(Limits(window=0.15, most_per_second=20))
    slow, fast = people.submit("ann", steps=200), people.submit("bob", steps=20)
    for _ in range(400):
        delay = people.batcher.turn()
        people.now += 0.01 if delay is None else delay
        people.batcher.acknowledge(fast, fast.sent)
    assert people.frames(slow) == [0, 1, 2], "150 ms of frames are under way, and no more are made"
    assert people.end(fast) == Ended("done")
    people.batcher.acknowledge(slow, 1)
    people.to_the_end(acknowledge=False)
    assert people.frames(slow) == [0, 1, 2, 3, 4]
    people.batcher.acknowledge(slow, 10**9)
    people.turns(1)
    assert slow.taken == 4, "nobody receives what was not sent"


def test_frames_keep_to_a_rate() -> None:
    people = People(Limits(most_per_second=10, window=100))
    people.submit("ann", steps=30, seed=1)
    people.to_the_end()
    assert people.now == pytest.approx(3.0, abs=0.11)


def test_all_together_keep_to_a_rate_and_step_together() -> None:
    people = People(Limits(frames_per_second=100, least_per_second=8, window=100))
    for seed in range(10):
        people.submit(f"owner {seed}", steps=20, seed=seed)
        people.now += 0.003
    people.to_the_end()
    assert people.now == pytest.approx(2.0, abs=0.2), "ten frames a second each"
    assert np.mean([len(batch) for batch in people.device.batches]) > 8


def test_large_frames_keep_to_a_bandwidth() -> None:
    limits = Limits(bytes_per_second=1e6)
    assert limits.rate(1, 10_000) == 60 and limits.rate(1, 100_000) == 10 and limits.rate(1, 10**8) == 1


def test_a_failing_run_fails_alone() -> None:
    people = People()
    tickets = [people.submit(f"owner {seed}", seed=seed) for seed in range(4)]

    def explode(runs: Sequence[PretendedRun]) -> None:
        if any(run.request.parameters["seed"] == 2 and run.step == 1 for run in runs):
            raise RuntimeError("two\nlines.")

    people.device.fails = explode
    people.to_the_end()
    ends = [people.end(ticket) for ticket in tickets]
    assert [end.state for end in ends] == ["done", "done", "failed", "done"]
    check_sentence(ends[2].message, "RuntimeError", "two lines")
    assert "Traceback" in ends[2].details and people.frames(tickets[2]) == [0]
    assert all(people.frames(tickets[index]) == [0, 1, 2, 3] for index in (0, 1, 3))


def test_memory_that_runs_out_halves_the_steps() -> None:
    people = People()
    tickets = [people.submit(f"owner {seed}", seed=seed) for seed in range(8)]

    def explode(runs: Sequence[PretendedRun]) -> None:
        if len(runs) > 3:
            raise MemoryError

    people.device.fails = explode
    people.to_the_end()
    assert all(people.end(ticket) == Ended("done") for ticket in tickets)
    assert people.device.freed == 2 and people.batcher.statistics.halved == 2
    assert max(map(len, people.device.batches)) == 2, "eight, then four, then two"


def test_a_run_that_does_not_fit_alone_says_so() -> None:
    people = People()
    ticket = people.submit()

    def explode(runs: Sequence[PretendedRun]) -> None:
        raise MemoryError

    people.device.fails = explode
    people.to_the_end()
    check_sentence(people.end(ticket).message, "memory")


def test_a_request_that_cannot_begin_fails_alone() -> None:
    people = People()
    bad, good = people.submit(target="nobody"), people.submit("bob")
    people.to_the_end()
    end = people.end(bad)
    assert end.state == "failed" and people.end(good).state == "done"
    check_sentence(end.message, "nobody")


def test_a_sink_that_raises_ends_its_own_run(capsys: pytest.CaptureFixture[str]) -> None:
    people = People()
    other = people.submit("bob")

    def explode(event: Event) -> None:
        raise OSError("the connection is gone")

    people.batcher.submit("ann", RunRequest("generate", "dog", {"steps": 50}), explode)
    people.to_the_end()
    assert people.end(other) == Ended("done") and people.batcher.load == 0
    assert "the connection is gone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"n": 17}, ("n is 17", 16)),
        ({"size": 1024}, ("size is 1024", 512)),
        ({"steps": 1001}, ("steps is 1001", "1,000")),
        ({"steps": 0}, ("steps is 0",)),
        ({"stepz": 3}, ("stepz", "steps")),
    ],
)
def test_a_request_for_too_much_is_refused_in_a_sentence(parameters: dict[str, Any], named: tuple[object, ...]) -> None:
    people = People()
    with pytest.raises(RobustWidgetsError) as caught:
        people.submit(**parameters)
    check_sentence(str(caught.value), *named)
    assert people.batcher.load == 0


def test_pictures_to_go_on_from_are_counted() -> None:
    batcher = Batcher(PretendedDevice())
    start = np.zeros((17, 8, 8, 3), np.uint8)
    with raises_sentence(ParameterError, "n is 17"):
        batcher.submit("ann", RunRequest("generate", "dog", start=start), print)


def test_an_owner_has_two_runs_and_a_stopped_one_counts_no_more() -> None:
    people = People(Limits())
    first, _ = people.submit(), people.submit()
    with raises_sentence(StateError, "2 runs", "allows 2"):
        people.submit()
    people.submit("bob")
    people.batcher.stop(first)
    people.submit()
    people.to_the_end()


def test_who_waits_hears_how_many_wait_before() -> None:
    people = People(Limits(active=1, waiting=2, window=100))
    people.submit("ann", steps=2)
    people.turns(1)
    second, third = people.submit("bob"), people.submit("cid")
    with raises_sentence(StateError, "full", "2 runs wait"):
        people.submit("dan")
    people.to_the_end()
    assert people.events[second][:2] == [Waits(0), *[e for e in people.events[second] if isinstance(e, Began)]]
    assert [event for event in people.events[third] if isinstance(event, Waits)] == [Waits(1), Waits(0)]
    assert people.end(third) == Ended("done")


def test_a_run_that_goes_on_gets_only_the_frames_that_it_lacks() -> None:
    people = People(Limits(most_per_second=1))
    ticket = people.submit(steps=5, have=3)
    people.to_the_end()
    assert people.frames(ticket) == [4, 5] and people.end(ticket) == Ended("done")
    assert people.now < 2.5, "the frames that are there already are made without waiting"


def test_closing_ends_every_run_and_takes_no_more() -> None:
    people = People()
    tickets = [people.submit(), people.submit("bob")]
    people.turns(3)
    people.batcher.close()
    with raises_sentence(StateError, "shutting down"):
        people.submit()
    people.to_the_end()
    assert all(people.end(ticket) == Ended("stopped") for ticket in tickets)


def test_stopping_all_of_one_owner() -> None:
    people = People()
    mine, other = [people.submit(), people.submit()], people.submit("bob")
    assert people.batcher.stop_all("ann") == 2
    people.to_the_end()
    assert [people.end(ticket).state for ticket in (*mine, other)] == ["stopped", "stopped", "done"]


def test_a_thread_takes_the_turns_and_measures_when_nobody_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robust_widgets.serving.batcher.IDLE", 0.01)
    device = PretendedDevice()
    batcher = Batcher(device, FREE)
    thread = threading.Thread(target=batcher.run_forever, daemon=True)
    thread.start()
    ended, measured = threading.Event(), threading.Event()
    batcher.submit("ann", RunRequest("generate", "dog"), lambda event: isinstance(event, Ended) and ended.set())
    batcher.measure(lambda robustness: measured.set() if robustness is not None else None)
    assert ended.wait(60) and measured.wait(60)
    batcher.close()
    thread.join(60)
    assert not thread.is_alive()


class Doing:
    """What people may do at any moment."""

    choices = st.lists(
        st.tuples(
            st.sampled_from(["submit", "submit", "stop", "take", "turn", "turn", "turn"]),
            st.integers(0, 4),
            st.integers(0, 6),
        ),
        max_size=60,
    )


@given(Doing.choices, st.integers(1, 4))
def test_whatever_happens_every_run_ends_once_with_its_frames_in_order(
    actions: list[tuple[str, int, int]], active: int
) -> None:
    people = People(Limits(runs=2, active=active, waiting=5, window=0.2))
    people.device.fails = lambda runs: (_ for _ in ()).throw(MemoryError()) if len(runs) > 2 else None
    for what, who, number in actions:
        tickets = list(people.events)
        if what == "submit":
            try:
                people.submit(str(who), ("generate", "translate")[number % 2], steps=1 + number)
            except StateError as error:
                check_sentence(str(error))
        elif what == "turn":
            people.now += people.batcher.turn() or 0.0
        elif tickets:
            ticket = tickets[number % len(tickets)]
            people.batcher.stop(ticket) if what == "stop" else people.batcher.acknowledge(ticket, who)
    people.to_the_end()
    for ticket in people.events:
        end, frames = people.end(ticket), people.frames(ticket)
        assert frames == list(range(len(frames)))
        if end.state == "done":
            assert len(frames) == ticket.request.parameters["steps"] + 1
