"""A session whose runs a browser computes: what it sends, what it refuses, and what ends a run whose page is gone."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from robust_widgets.errors import WeightsError
from robust_widgets.interface import messages
from robust_widgets.interface.page_messages import (
    Begun,
    EngineLoaded,
    FilePart,
    FilesWanted,
    PageAlive,
    PageBye,
    PageHello,
    Ping,
)
from robust_widgets.interface.session import RunRequest, RunStarted
from robust_widgets.models.bundled import BundledModel
from robust_widgets.session import browser
from robust_widgets.session.browser import BrowserSession
from robust_widgets.session.local import LocalSession
from robust_widgets.session.server_or_here import ServerOrHere
from robust_widgets.synthesis.loop import iterate
from robust_widgets.tasks.running.run import build_problem
from tests.helpers import check_sentence, smooth_model
from tests.session.fake_page import FakePage
from tests.session.test_contract import EventRecorder, request

MODEL = smooth_model(12)


@pytest.fixture
def page() -> FakePage:
    """A page that is ready, and computes nothing by itself."""
    return FakePage()


@pytest.fixture
def session(page: FakePage) -> Iterator[BrowserSession]:
    session = BrowserSession(MODEL, page)
    yield session
    session.join()


def handled(session: BrowserSession) -> None:
    """Wait until the session has handled everything that it was told."""
    seen = EventRecorder()
    session.measure(lambda _: seen(RunStarted(0, None, 0)))  # type: ignore[arg-type]
    seen.wait(lambda r: bool(r.events))


def begin(session: BrowserSession, page: FakePage, steps: int = 3) -> tuple[EventRecorder, int]:
    """A run that the page has begun."""
    recorder = EventRecorder()
    run = session.submit(request(steps), recorder)
    page.say(Begun(id=run))
    recorder.wait(lambda r: bool(r.events))
    return recorder, run


def frames(steps: int = 3) -> list[tuple[messages.FrameMessage, dict[str, object]]]:
    problem = build_problem(MODEL, request(steps))
    return [messages.from_frame(1, frame) for frame in iterate(problem)]  # type: ignore[misc]


def test_the_page_gets_the_request_and_no_size(session: BrowserSession, page: FakePage) -> None:
    picture = np.full((20, 16, 3), 90, np.uint8)
    mask = np.zeros((20, 16), np.uint8)
    mask[4:12, 4:12] = 255
    recorder = EventRecorder()
    run = session.submit(RunRequest("inpaint", "cat", {"steps": 4, "size": None}, picture, mask), recorder)
    handled(session)
    (name, message, arrays) = page.told[-1]
    assert name == "one" and isinstance(message, messages.Run)
    assert (message.id, message.task, message.target, message.parameters) == (run, "inpaint", "cat", {"steps": 4})
    np.testing.assert_array_equal(arrays["picture"], picture)
    np.testing.assert_array_equal(arrays["mask"], mask)


def test_the_trace_in_the_kernel_is_complete(session: BrowserSession, page: FakePage) -> None:
    recorder, run = begin(session, page)
    for message, arrays in frames():
        page.say(message, arrays)
    page.say(messages.Ended(id=run, state="done"))
    assert recorder.ended(run).state == "done"
    started = recorder.events[0]
    assert isinstance(started, RunStarted) and started.steps == 3 and len(started.trace) == 4
    assert started.trace.fingerprint == MODEL.fingerprint and started.trace.parameters["steps"] == 3
    assert not session.is_away


def test_a_run_whose_page_is_closed_ends_with_a_sentence_and_keeps_its_steps(
    session: BrowserSession, page: FakePage
) -> None:
    recorder, run = begin(session, page)
    made = frames()
    page.say(*made[0])
    page.say(PageBye(), page="another")
    page.say(*made[1])
    page.say(PageBye())
    end = recorder.ended(run)
    assert end.state == "failed" and session.is_away
    check_sentence(end.message, "was closed", "paint in the kernel")
    assert recorder.frames == [0, 1] and len(recorder.events[0].trace) == 2  # type: ignore[union-attr]
    page.say(*made[2])
    handled(session)
    assert recorder.frames == [0, 1]


def test_silence_counts_only_while_the_kernel_takes_messages(
    session: BrowserSession, page: FakePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "TICK", 0.01)
    monkeypatch.setattr(browser, "SILENCE", 0.05)
    page.idle = False
    recorder, run = begin(session, page)
    page.say(*frames()[0])
    recorder.wait(lambda r: r.frames == [0])
    session._thread.join(0.3)
    assert len(recorder.events) == 2, "the kernel is busy with a cell, and hears nobody"
    page.idle = True
    check_sentence(recorder.ended(run).message, "was closed")


def test_a_page_that_was_reloaded_without_goodbye_is_asked_whether_it_is_there(
    session: BrowserSession, page: FakePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "TICK", 0.01)
    recorder, run = begin(session, page)
    page.say(PageHello(), page="two")
    handled(session)
    assert page.told[-1] == ("one", Ping(id=run), {})
    page.say(PageAlive(answers=run))
    handled(session)
    monkeypatch.setattr(browser, "ANSWER", 0.05)
    session._thread.join(0.3)
    assert len(recorder.events) == 1, "it answered, so the run goes on"
    page.say(PageHello(), page="three")
    page.say(*frames()[0])
    check_sentence(recorder.ended(run).message, "was closed")
    assert recorder.frames == [0], "a frame that was on its way is no answer"


def test_a_run_waits_for_a_page_and_says_if_none_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "TICK", 0.01)
    page = FakePage(greets=False)
    session = BrowserSession(MODEL, page)
    late = EventRecorder()
    run = session.submit(request(), late)
    page.say(PageHello())
    page.say(PageAlive())
    handled(session)
    assert not late.events and not page.told
    page.say(EngineLoaded())
    page.say(Begun(id=run))
    late.wait(lambda r: bool(r.events))
    page.say(PageBye())
    late.ended(run)
    monkeypatch.setattr(browser, "PATIENCE", 0.05)
    alone = EventRecorder()
    check_sentence(alone.ended(session.submit(request(), alone)).message, "No page shows this studio")
    assert session.is_away
    session.join()


def test_a_page_that_cannot_compute_says_why(page: FakePage, session: BrowserSession) -> None:
    page.say(EngineLoaded(message="This browser has no WebAssembly, which computes the steps; use a current browser."))
    recorder = EventRecorder()
    end = recorder.ended(session.submit(request(), recorder))
    assert end.state == "failed" and "no WebAssembly" in end.message and session.is_away
    page.say(PageHello(), page="two")
    page.say(EngineLoaded(), page="two")
    session.submit(request(), EventRecorder())
    handled(session)
    assert page.told[-1][0] == "two", "the page that came last computes"


@pytest.mark.parametrize("change", ["step", "shape", "early"])
def test_a_page_that_sends_something_else_ends_the_run(change: str, session: BrowserSession, page: FakePage) -> None:
    recorder = EventRecorder()
    run = session.submit(request(), recorder)
    if change != "early":
        page.say(Begun(id=run))
    message, arrays = frames()[0]
    if change == "step":
        message = message.model_copy(update={"step": 1})
    if change == "shape":
        arrays = {**arrays, "pixels": np.zeros((1, 5, 5, 3), np.uint8), "gradient": np.zeros((1, 5, 5), np.uint8)}
    page.say(message, arrays)  # type: ignore[arg-type]
    end = recorder.ended(run)
    assert end.state == "failed" and recorder.frames == []
    check_sentence(end.message, "another size" if change == "shape" else "left out a step")
    assert isinstance(page.told[-1][1], messages.Stop)


def test_another_size_is_for_the_kernel(session: BrowserSession, page: FakePage) -> None:
    recorder = EventRecorder()
    end = recorder.ended(session.submit(request(size=24), recorder))
    assert end.state == "failed" and session.is_away and not page.told
    check_sentence(end.message, "12 pixels", "size", "paint in the kernel")


def test_more_pictures_than_a_message_holds_are_for_the_kernel(
    session: BrowserSession, page: FakePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "LARGEST_FRAME", 3 * 600)
    recorder = EventRecorder()
    end = recorder.ended(session.submit(request(n=4), recorder))
    assert end.state == "failed" and session.is_away and not page.told
    check_sentence(end.message, "4 pictures", "send 3", "paint in the kernel")
    session.submit(request(n=3), EventRecorder())
    handled(session)
    assert len(page.told) == 1


def test_a_model_whose_steps_cannot_be_recorded_says_so(
    session: BrowserSession, page: FakePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(model: object) -> dict[str, bytes]:
        raise WeightsError("The steps of 'mine' cannot be recorded for a page; use a convolutional network.")

    pytest.importorskip("onnx", reason="the extra fast")
    monkeypatch.setattr("robust_widgets.page.write.engine_files", refuse)
    page.say(PageHello())
    page.say(FilesWanted())
    recorder = EventRecorder()
    end = recorder.ended(session.submit(request(), recorder))
    assert "cannot be recorded" in end.message and session.is_away


def test_a_page_gets_the_files_of_the_model_once_each_and_no_layer_can_be_asked_for() -> None:
    pytest.importorskip("onnxruntime", reason="the extra fast")
    page = FakePage()
    session = BrowserSession(BundledModel("tiny", "cpu"), page)
    page.say(PageHello())
    page.say(FilesWanted())
    handled(session)
    assert session.model.layers
    parts = [(message, arrays["data"].tobytes()) for _, message, arrays in page.told if isinstance(message, FilePart)]
    files = {part.name: gzip.decompress(data) if part.gzip else data for part, data in parts}
    assert len(files) == len(parts) and {part.count for part, _ in parts} == {len(parts)}
    manifest = json.loads(files["manifest.json"])
    named = {manifest["weights"]["file"], manifest["seeds"]["file"]}
    named |= {structure["file"] for structure in manifest["structures"].values()}
    assert set(files) == named | {"manifest.json"}
    assert {task["name"] for task in manifest["tasks"]} >= {"sketch_to_image", "generate", "inpaint"}

    page.say(EngineLoaded())
    recorder = EventRecorder()
    end = recorder.ended(session.submit(RunRequest("dream", "features"), recorder))
    assert end.state == "failed" and session.is_away
    check_sentence(end.message, "'dream'", "paint in the kernel")
    session.join()


def test_one_can_paint_in_the_kernel_from_then_on(page: FakePage) -> None:
    browser_session = BrowserSession(MODEL, page)
    session = ServerOrHere(lambda: browser_session, lambda: LocalSession(MODEL), browser_session.model)
    recorder = EventRecorder()
    run = session.submit(request(), recorder)
    page.say(Begun(id=run))
    page.say(PageBye())
    recorder.ended(run)
    assert "was closed" in session.problem
    session.paint_here()
    here = EventRecorder()
    assert here.ended(session.submit(request(), here)).state == "done" and session.problem == ""
    assert replace(session.model, device="") == replace(browser_session.model, device="")
    session.close()
