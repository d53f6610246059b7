"""The view's protocol, without a browser: the messages it sends, and the events it parses."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from robust_widgets.runs.playback import Curves
from robust_widgets.widgets.flow_control import LiveFrame
from robust_widgets.widgets.page_widget import AckEvent, HelloEvent
from robust_widgets.widgets.player.compare import CompareView
from robust_widgets.widgets.player.view import (
    BranchEvent,
    FlushedEvent,
    HeatEvent,
    HistoryEntry,
    ShowEvent,
    StepEvent,
    View,
    ViewEvent,
)


def some_curves(count: int = 2) -> Curves:
    numbers: list[float | None] = [0.5] * count
    return Curves(list(range(count)), numbers, numbers, numbers, {"dog": numbers}, 40.0)


CURVES = {
    "steps": [0, 1],
    "loss": [0.5, 0.5],
    "probability": [0.5, 0.5],
    "distance": [0.5, 0.5],
    "top": [{"name": "dog", "values": [0.5, 0.5]}],
    "radius": 40.0,
}


class RecordingView(View):
    """A view that records what it would send."""

    def __init__(self, **traits: Any) -> None:
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        super().__init__(**traits)

    def send(self, content: dict[str, Any], buffers: Any = None) -> None:
        json.dumps(content, allow_nan=False)
        self.sent.append((content, list(buffers or [])))


def arrive(view: View, content: object) -> None:
    """Deliver a message from the page, as ipywidgets does."""
    view._handle_custom_msg(content, [])


def test_begin_end_blank_and_flush() -> None:
    view = RecordingView()
    view.begin(1, 60, "goldfish", ("dog", "goldfish"), 40.0)
    view.begin(1, 60, curves=some_curves())
    view.end(1, "failed", "Out of memory.")
    view.blank()
    view.request_flush(3)
    begun = {"kind": "begin", "run": 1, "steps": 60}
    assert view.sent == [
        ({**begun, "title": "goldfish", "classes": ["dog", "goldfish"], "radius": 40.0, "curves": None}, []),
        ({**begun, "title": "", "classes": [], "radius": None, "curves": CURVES}, []),
        ({"kind": "end", "run": 1, "state": "failed", "message": "Out of memory."}, []),
        ({"kind": "blank"}, []),
        ({"kind": "flush", "press": 3}, []),
    ]


def test_a_frame_carries_its_pictures_as_buffers() -> None:
    view = RecordingView()
    frame = LiveFrame(5, 4, 0.25, 0.5, 12.0, [(3, 0.5)], 41.0, 1.5)
    view.frame(1, frame, b"jpeg")
    view.frame(1, frame, b"jpeg", b"heat")
    (content, buffers), (_, both) = view.sent
    assert buffers == [b"jpeg"] and both == [b"jpeg", b"heat"]
    assert content == {
        "kind": "frame",
        "run": 1,
        "sequence": 5,
        "step": 4,
        "loss": 0.25,
        "probability": 0.5,
        "distance": 12.0,
        "top": [(3, 0.5)],
        "rate": 41.0,
        "left": 1.5,
    }


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None])
def test_numbers_that_json_lacks_are_sent_as_null(bad: float | None) -> None:
    view = RecordingView()
    view.frame(1, LiveFrame(1, 0, bad, bad, bad, None, bad, bad), b"jpeg")
    frame = view.sent[0][0]
    assert [frame[name] for name in ("loss", "probability", "distance", "rate", "left")] == [None] * 5


def test_a_record_carries_one_picture_for_each_step() -> None:
    view = RecordingView()
    view.record(2, some_curves(), [b"a", b"b"], "goldfish", "stopped")
    view.heat(2, [b"h", b""])
    (content, buffers), heat = view.sent
    assert buffers == [b"a", b"b"]
    assert content == {"kind": "record", "run": 2, "curves": CURVES, "title": "goldfish", "state": "stopped"}
    assert heat == ({"kind": "heat", "run": 2}, [b"h", b""])


@pytest.mark.parametrize(("steps", "pictures"), [(0, []), (1, []), (2, [b"a"])])
def test_an_uneven_record_is_refused(steps: int, pictures: list[bytes]) -> None:
    view = RecordingView()
    with pytest.raises(ValueError, match=rf"{steps} steps and {len(pictures)} pictures"):
        view.record(1, some_curves(steps), pictures)
    assert view.sent == []


def test_the_history_is_sent_as_thumbnails() -> None:
    view = RecordingView()
    view.history([HistoryEntry(3, "dog", "generate", "done", b"small")], 3, whole=True)
    content, buffers = view.sent[0]
    assert buffers == [b"small"]
    assert content == {
        "kind": "history",
        "entries": [{"index": 3, "title": "dog", "task": "generate", "state": "done", "parent": None, "step": None}],
        "shown": 3,
        "whole": True,
    }


def test_no_picture_is_in_the_widget_state() -> None:
    view = RecordingView()
    before = view.get_state()
    view.begin(1, 1, "goldfish")
    view.frame(1, LiveFrame(1, 0), b"jpeg")
    view.record(1, some_curves(1), [b"jpeg"])
    view.history([HistoryEntry(0, "dog", "generate", "done", b"small")], 0)
    assert view.get_state() == before
    own = {name for name in before if not name.startswith("_")}
    assert own == {"display_side", "label", "branching", "device", "layout", "tabbable", "tooltip"}


def test_the_files_of_the_front_end_are_shipped() -> None:
    for widget, name in ((View(), ".rw-view"), (CompareView(), ".rw-compare")):
        state = widget.get_state()
        assert "export" in state["_esm"]
        assert name in state["_css"]


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"kind": "hello"}, HelloEvent()),
        ({"kind": "ack", "sequence": 12}, AckEvent(12)),
        ({"kind": "step", "step": 0}, StepEvent(0)),
        ({"kind": "branch", "step": 7}, BranchEvent(7)),
        ({"kind": "flushed", "press": 3}, FlushedEvent(3)),
        ({"kind": "show", "index": 2}, ShowEvent(2)),
        ({"kind": "heat", "on": True}, HeatEvent(True)),
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
        {"kind": "branch"},
        {"kind": "flushed"},
        {"kind": "show", "index": -1},
        {"kind": "heat", "on": 1},
    ],
)
def test_malformed_messages_are_ignored(message: object) -> None:
    view = View()
    events: list[ViewEvent] = []
    view.on_event(events.append)
    arrive(view, message)
    assert events == []


def test_a_failing_callback_does_not_affect_others(caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: ViewEvent) -> None:
        raise RuntimeError("broken")

    view = View()
    events: list[ViewEvent] = []
    view.on_event(fail)
    view.on_event(events.append)
    arrive(view, {"kind": "hello"})
    assert events == [HelloEvent()]
    assert "broken" in caplog.text
