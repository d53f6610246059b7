"""The part of a studio through which a browser computes: what it reads and sends, and what the studio shows of it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from robust_widgets.interface import messages
from robust_widgets.interface.page_messages import Begun, FilePart, PageHello
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.studio import StudioWidget
from robust_widgets.widgets.studio.engine import BrowserEngine, PageMessage


def received(engine: BrowserEngine, content: object, *buffers: bytes) -> list[PageMessage]:
    heard: list[PageMessage] = []
    remove = engine.on_event(heard.append)
    engine._handle_custom_msg(content, [memoryview(buffer) for buffer in buffers])
    remove()
    return heard


def test_a_page_is_heard_with_its_name_and_arrays() -> None:
    engine = BrowserEngine()
    (hello,) = received(engine, {"kind": "hello", "page": "one", "arrays": {}})
    assert (hello.page, hello.message) == ("one", PageHello())
    arrays = {
        "pixels": {"dtype": "uint8", "shape": [1, 2, 2, 3]},
        "numbers": {"dtype": "float64", "shape": [3, 1]},
    }
    numbers = np.array([0.5, np.nan, 2.0])
    content = {"kind": "frame", "page": "one", "id": 4, "step": 0, "seconds": 0.25, "arrays": arrays}
    (frame,) = received(engine, content, bytes(range(12)), numbers.tobytes())
    assert isinstance(frame.message, messages.FrameMessage)
    made = messages.to_frame(frame.message, frame.arrays)
    assert made.pixels.ravel().tolist() == list(range(12))
    assert made.loss[0] == 0.5 and np.isnan(made.probability[0]) and made.distance[0] == 2
    assert [event.message for event in received(engine, {"kind": "begun", "id": 4, "page": "one"})] == [Begun(id=4)]


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "hello"},
        {"kind": "hello", "page": ""},
        {"kind": "hello", "page": "x" * 65},
        {"kind": "unknown", "page": "one"},
        {"kind": "begun", "page": "one", "id": -1},
        {"kind": "loaded", "page": "one", "message": 7},
        {"kind": "frame", "page": "one", "id": 1, "step": 0, "seconds": 0.1, "arrays": {"pixels": "all of them"}},
        {
            "kind": "frame",
            "page": "one",
            "id": 1,
            "step": 0,
            "seconds": 0.1,
            "arrays": {"pixels": {"dtype": "uint8", "shape": [9]}},
        },
        "hello",
        None,
    ],
)
def test_what_is_no_message_of_a_page_is_ignored(content: object) -> None:
    assert received(BrowserEngine(), content, b"123") == []


def test_a_page_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, sent = BrowserEngine(), []
    monkeypatch.setattr(engine, "send", lambda content, buffers: sent.append((content, buffers)))
    engine.tell("one", FilePart(name="weights.bin", gzip=False, count=2), {"data": np.arange(5, dtype=np.uint8)})
    (((content, (data,))),) = sent
    assert content["page"] == "one" and content["kind"] == "file" and content["name"] == "weights.bin"
    assert content["arrays"] == {"data": {"dtype": "uint8", "shape": [5]}} and bytes(data) == bytes(range(5))


def test_a_kernel_that_runs_a_cell_is_not_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(1) as pool:  # in a thread of its own: this one may have a loop
        assert pool.submit(lambda: BrowserEngine().is_idle()).result(), "outside of a kernel nothing is known"
    monkeypatch.setattr("robust_widgets.widgets.studio.engine.ANSWER_SECONDS", 0.05)

    async def cell() -> tuple[bool, bool]:
        engine = BrowserEngine()
        busy = engine.is_idle()  # called on the loop's own thread, which therefore cannot answer
        return busy, await asyncio.to_thread(engine.is_idle)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: asyncio.run(cell())).result() == (False, True)


class AwaySession(FakeSession):
    """A session in a browser that cannot compute."""

    problem = "This browser has no WebAssembly, which computes the steps; use a current browser."
    moved = False

    def paint_here(self) -> None:
        self.moved, self.problem = True, ""


def test_a_studio_offers_to_paint_in_the_kernel() -> None:
    session, engine = AwaySession(), BrowserEngine()
    studio = StudioWidget(session, engine=engine)
    assert engine in studio.children
    assert studio.here_button.description == "Paint in the kernel" and studio.here_button.layout.display == ""
    studio.here_button.click()
    assert session.moved and "paints in the kernel now" in studio.status.text
    assert studio.here_button.layout.display == "none"
    studio.close()
    assert engine.comm is None


def test_a_studio_without_one_paints_here() -> None:
    session: Any = AwaySession()
    studio = StudioWidget(session)
    assert studio.engine is None and studio.here_button.description == "Paint here"
