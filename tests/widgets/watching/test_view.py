"""The view's protocol, without a browser: what it sends, and what it makes of the messages that arrive."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from robust_widgets.widgets.watching.view import AckEvent, HelloEvent, StepEvent, View, ViewEvent, parse_event


class RecordingView(View):
    """A view that keeps what it would send."""

    def __init__(self, **traits: Any) -> None:
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        super().__init__(**traits)

    def send(self, content: dict[str, Any], buffers: Any = None) -> None:
        json.dumps(content, allow_nan=False)
        self.sent.append((content, list(buffers or [])))


def arrive(view: View, content: object) -> None:
    """A message from the browser, by the way it really takes."""
    view._handle_custom_msg(content, [])


def test_begin_end_and_blank() -> None:
    view = RecordingView()
    view.begin(1, 60, "goldfish")
    view.end(1, "failed", "Out of memory.")
    view.blank()
    assert view.sent == [
        ({"kind": "begin", "run": 1, "steps": 60, "title": "goldfish"}, []),
        ({"kind": "end", "run": 1, "state": "failed", "message": "Out of memory."}, []),
        ({"kind": "blank"}, []),
    ]


def test_a_frame_carries_its_picture_as_a_buffer() -> None:
    view = RecordingView()
    view.frame(1, 5, 4, b"jpeg", 0.25, 0.5, 41.0, 1.5)
    content, buffers = view.sent[0]
    assert buffers == [b"jpeg"]
    assert content == {
        "kind": "frame",
        "run": 1,
        "sequence": 5,
        "step": 4,
        "loss": 0.25,
        "probability": 0.5,
        "rate": 41.0,
        "left": 1.5,
    }


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None])
def test_numbers_json_does_not_have_are_sent_as_null(bad: float | None) -> None:
    view = RecordingView()
    view.frame(1, 1, 0, b"jpeg", bad, bad, bad, bad)
    view.record(1, [0, 1], [b"a", b"b"], [bad, 1.0], [0.5, bad])
    frame, record = view.sent[0][0], view.sent[1][0]
    assert [frame[name] for name in ("loss", "probability", "rate", "left")] == [None] * 4
    assert record["loss"] == [None, 1.0]
    assert record["probability"] == [0.5, None]


def test_a_record_carries_one_picture_for_each_step() -> None:
    view = RecordingView()
    view.record(2, [0, 10], [b"a", b"b"], [2.0, 1.0], [0.1, 0.9], "goldfish", "stopped")
    content, buffers = view.sent[0]
    assert buffers == [b"a", b"b"]
    assert content == {
        "kind": "record",
        "run": 2,
        "steps": [0, 10],
        "loss": [2.0, 1.0],
        "probability": [0.1, 0.9],
        "title": "goldfish",
        "state": "stopped",
    }


@pytest.mark.parametrize(
    ("steps", "pictures", "loss", "probability"),
    [([], [], [], []), ([0], [], [1.0], [1.0]), ([0], [b"a"], [1.0, 2.0], [1.0]), ([0, 1], [b"a"], [1.0], [1.0])],
)
def test_an_uneven_record_is_refused(
    steps: list[int], pictures: list[bytes], loss: list[float], probability: list[float]
) -> None:
    view = RecordingView()
    with pytest.raises(ValueError, match=rf"{len(steps)} steps, {len(pictures)} pictures"):
        view.record(1, steps, pictures, loss, probability)
    assert view.sent == []


def test_no_picture_is_in_the_widget_state() -> None:
    view = RecordingView()
    before = view.get_state()
    view.begin(1, 1, "goldfish")
    view.frame(1, 1, 0, b"jpeg", 1.0, 0.5)
    view.record(1, [0], [b"jpeg"], [1.0], [0.5])
    assert view.get_state() == before
    own = {name for name in before if not name.startswith("_")}
    assert own == {"display_side", "label", "layout", "tabbable", "tooltip"}


def test_the_files_of_the_front_end_are_shipped() -> None:
    state = View().get_state()
    assert "as default" in state["_esm"]
    assert ".rw-view" in state["_css"]


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"kind": "hello"}, HelloEvent()),
        ({"kind": "ack", "sequence": 12}, AckEvent(12)),
        ({"kind": "step", "step": 0}, StepEvent(0)),
    ],
)
def test_messages_become_events(message: dict[str, Any], event: ViewEvent) -> None:
    view = View()
    events: list[ViewEvent] = []
    remove = view.on_event(events.append)
    arrive(view, message)
    remove()
    arrive(view, message)
    assert events == [event]


@pytest.mark.parametrize(
    "message",
    [
        None,
        3,
        {},
        {"kind": "other"},
        {"kind": {}},
        {"kind": "ack"},
        {"kind": "ack", "sequence": True},
        {"kind": "ack", "sequence": 1.5},
        {"kind": "step", "step": -1},
        {"kind": "step", "step": "3"},
    ],
)
def test_malformed_messages_are_ignored(message: object) -> None:
    view = View()
    events: list[ViewEvent] = []
    view.on_event(events.append)
    arrive(view, message)
    assert events == []
    assert parse_event(message) is None


def test_a_failing_callback_does_not_keep_others_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: ViewEvent) -> None:
        raise RuntimeError("broken")

    view = View()
    events: list[ViewEvent] = []
    view.on_event(fail)
    view.on_event(events.append)
    arrive(view, {"kind": "hello"})
    assert events == [HelloEvent()]
    assert "broken" in caplog.text
