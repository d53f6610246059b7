"""The runner's history: going back to any run, branching from any step, and who is calls."""

from __future__ import annotations

import pytest

from robust_widgets.errors import ParameterError
from robust_widgets.interface.session import RunRequest
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.runner import Runner
from tests.widgets.page import Page, decoded, is_sentence
from tests.widgets.test_runner import Desk


@pytest.fixture
def desk(page: Page) -> Desk:
    del page
    return Desk(FakeSession())


def make_runs(desk: Desk, *targets: str, steps: int = 4) -> None:
    for target in targets:
        desk.request = RunRequest("sketch_to_image", target, {"steps": steps})
        desk.runner.run()
        desk.session.advance(steps)


def test_each_run_gets_its_place_in_the_history(page: Page, desk: Desk) -> None:
    make_runs(desk, "dog", "cat")
    messages = [message.content for message in page.sent(desk.view, "history")]
    entries = [(entry["index"], entry["title"], entry["state"]) for content in messages for entry in content["entries"]]
    assert entries == [(0, "dog", "running"), (0, "dog", "done"), (1, "cat", "running"), (1, "cat", "done")]
    assert messages[0]["entries"][0]["task"] == "sketch to image" and messages[-1]["shown"] == 1
    thumbnails = [message.buffers[0] for message in page.sent(desk.view, "history")]
    assert thumbnails[0] == b"" and decoded(thumbnails[1]).shape == (16, 16, 3)


def test_a_reopened_page_gets_the_whole_history_in_one_message(page: Page, desk: Desk) -> None:
    make_runs(desk, "dog", "cat", "dog")
    page.forget()
    page.tell(desk.view, {"kind": "hello"})
    (history,) = page.sent(desk.view, "history")
    assert history.content["whole"] and [entry["index"] for entry in history.content["entries"]] == [0, 1, 2]
    assert len(history.buffers) == 3 and sum(map(len, history.buffers)) < 9000


def test_a_click_goes_back_to_a_run(page: Page, desk: Desk) -> None:
    make_runs(desk, "dog", "cat")
    page.tell(desk.view, {"kind": "step", "step": 1})
    page.forget()
    page.tell(desk.view, {"kind": "show", "index": 0})
    begin, record, end = desk.messages(page)
    assert begin.content["run"] == 3, "newer than all that was shown before, so the browser takes it"
    assert record.content["title"] == "dog" and len(record.buffers) == 5
    assert end.content["message"] == "4 steps in 0.1 s, dog 100%"
    assert page.sent(desk.view, "history")[-1].content == {
        "kind": "history",
        "entries": [],
        "shown": 0,
        "whole": False,
    }
    assert desk.runner.shown_trace is desk.runner.traces[0] and desk.runner.shown_step is None
    assert desk.runner.trace is desk.runner.traces[1], "the newest is still the newest"


def test_an_older_run_can_be_shown_during_another_run(page: Page, desk: Desk) -> None:
    make_runs(desk, "dog")
    desk.request = RunRequest("generate", "cat", {"steps": 10})
    desk.runner.run()
    desk.session.advance(2)
    desk.runner.show(0)
    page.forget()
    desk.session.advance(3)
    assert desk.messages(page) == [] and desk.runner.running
    desk.runner.show(1)
    begin, frame = desk.messages(page)
    assert begin.content["curves"]["steps"] == [0, 1, 2, 3, 4, 5] and frame.content["step"] == 5
    desk.runner.show(0)
    page.forget()
    desk.session.advance(5)
    assert desk.messages(page) == [] and not desk.runner.running
    (history,) = page.sent(desk.view, "history")
    assert history.content["entries"][0]["state"] == "done" and history.content["shown"] == 0


def test_a_new_run_is_shown_at_once(page: Page, desk: Desk) -> None:
    make_runs(desk, "dog", "cat")
    desk.runner.show(0)
    make_runs(desk, "goldfish")
    assert desk.runner.shown_trace is desk.runner.traces[2]
    assert page.sent(desk.view, "record")[-1].content["title"] == "goldfish"


@pytest.mark.parametrize("index", [2, -3])
def test_a_run_that_is_not_there(page: Page, desk: Desk, index: int) -> None:
    del page
    make_runs(desk, "dog", "cat")
    with pytest.raises(ParameterError) as caught:
        desk.runner.show(index)
    assert is_sentence(str(caught.value), str(index))


def test_a_click_on_a_missing_run_is_reported(page: Page, desk: Desk) -> None:
    page.tell(desk.view, {"kind": "show", "index": 5})
    assert desk.status.kind == "error" and "no run 5" in desk.status.text


def test_branching_tells_the_run_and_the_step(page: Page, desk: Desk) -> None:
    assert not desk.view.branching
    calls: list[tuple[object, int]] = []
    remove = desk.runner.on_branch(lambda trace, step: calls.append((trace, step)))
    assert desk.view.branching
    make_runs(desk, "dog", "cat")
    desk.runner.show(0)
    page.tell(desk.view, {"kind": "branch", "step": 3})
    page.tell(desk.view, {"kind": "branch", "step": 99})
    remove()
    page.tell(desk.view, {"kind": "branch", "step": 2})
    assert calls == [(desk.runner.traces[0], 3)] and calls[0][0] is desk.runner.traces[0]


def test_a_branch_knows_the_run_that_it_came_from(page: Page, desk: Desk) -> None:
    desk.runner.on_branch(lambda trace, step: make_runs(desk, f"{trace.target} {step}"))
    make_runs(desk, "dog", "cat")
    desk.runner.show(0)
    page.tell(desk.view, {"kind": "branch", "step": 3})
    desk.runner.show(2)
    page.tell(desk.view, {"kind": "branch", "step": 1})
    make_runs(desk, "bear")
    page.forget()
    page.tell(desk.view, {"kind": "hello"})
    (history,) = page.sent(desk.view, "history")
    entries = [(entry["title"], entry["parent"], entry["step"]) for entry in history.content["entries"]]
    expected = [("dog", None, None), ("cat", None, None), ("dog 3", 0, 3), ("dog 3 1", 2, 1), ("bear", None, None)]
    assert entries == expected
    new = Desk(FakeSession())
    make_runs(new, "goldfish")
    new.runner.adopt(desk.runner)
    entries = page.sent(new.view, "history")[-1].content["entries"]
    assert [entry["parent"] for entry in entries] == [None, None, 0, 2, None, None]


def test_ends_and_shown_steps_are_reported(page: Page, desk: Desk) -> None:
    ended: list[tuple[int, str]] = []
    shown: list[tuple[str, int | None]] = []
    desk.runner.on_end(lambda trace, event: ended.append((len(trace), event.state)))
    desk.runner.on_shown(lambda trace, step: shown.append((trace.target, step)))
    make_runs(desk, "dog")
    page.tell(desk.view, {"kind": "step", "step": 2})
    desk.request = RunRequest("generate", "cat", {"steps": 4})
    desk.runner.run()
    desk.runner.stop()
    desk.runner.show(0)
    assert ended == [(5, "done"), (1, "stopped")]
    assert shown == [("dog", None), ("dog", 2), ("cat", None), ("dog", None)]


def test_a_callback_that_fails_is_reported_and_the_run_is_kept(page: Page, desk: Desk) -> None:
    del page
    desk.runner.on_end(lambda trace, event: 1 / 0)
    make_runs(desk, "dog")
    assert desk.status.kind == "error" and "ZeroDivisionError" in desk.status.text
    assert desk.buttons == ("Run", False) and len(desk.runner.traces) == 1


def test_gradients_are_sent_on_demand_only(page: Page, desk: Desk) -> None:
    make_runs(desk, "dog")
    assert page.sent(desk.view, "heat") == []
    page.tell(desk.view, {"kind": "heat", "on": True})
    (heat,) = page.sent(desk.view, "heat")
    assert [len(buffer) > 0 for buffer in heat.buffers] == [True] * 4 + [False], "no step follows the last"
    page.forget()
    make_runs(desk, "cat")
    assert all(len(message.buffers) == 2 for message in page.sent(desk.view, "frame"))
    assert len(page.sent(desk.view, "heat")) == 1
    page.tell(desk.view, {"kind": "heat", "on": False})
    page.forget()
    make_runs(desk, "dog")
    assert all(len(message.buffers) == 1 for message in page.sent(desk.view, "frame"))
    assert page.sent(desk.view, "heat") == []


def test_another_runners_runs_are_taken_over(page: Page, desk: Desk) -> None:
    make_runs(desk, "dog")
    desk.session.fail("never heard")
    new = Desk(FakeSession())
    make_runs(new, "cat")
    new.runner.adopt(desk.runner)
    assert [trace.target for trace in new.runner.traces] == ["dog", "cat"]
    history = page.sent(new.view, "history")[-1].content
    assert history["whole"] and history["shown"] == 1 and len(history["entries"]) == 2
    new.runner.show(0)
    assert page.sent(new.view, "record")[-1].content["title"] == "dog"


def test_runs_put_into_the_list_by_hand_can_be_shown(page: Page, desk: Desk) -> None:
    make_runs(desk, "dog")
    other = Runner(FakeSession(), desk.status, lambda: desk.request)
    other.traces[:0] = desk.runner.traces
    page.tell(other.view, {"kind": "hello"})
    assert page.sent(other.view, "history")[0].content["entries"][0]["state"] == "done"
    other.show(0)
    assert len(page.sent(other.view, "record")[0].buffers) == 5


def test_many_runs_stay_light(page: Page, desk: Desk) -> None:
    make_runs(desk, *["dog"] * 50, steps=2)
    page.forget()
    page.tell(desk.view, {"kind": "hello"})
    sizes = [sum(map(len, message.buffers)) for message in page.sent(desk.view)]
    assert len(page.sent(desk.view, "record")) == 1 and sum(sizes) < 150_000
