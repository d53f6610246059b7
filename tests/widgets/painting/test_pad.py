"""The pad's protocol, without a browser: the messages it sends, and the events it parses."""

from __future__ import annotations

import math
from typing import Any

import pytest
import traitlets

from robust_widgets.pictures.limits import MAX_MESSAGE_PICTURE
from robust_widgets.widgets.page_widget import HelloEvent
from robust_widgets.widgets.painting.events import (
    MAX_CORNERS,
    MAX_POINTS,
    ActionEvent,
    AreaEvent,
    Brush,
    FillEvent,
    PadEvent,
    PickEvent,
    PictureEvent,
    RefusedEvent,
    StrokeEvent,
    parse_event,
)
from robust_widgets.widgets.painting.pad import Pad

BRUSH = {"tool": "eraser", "color": "#0a141e", "size": 9, "softness": 0.5, "opacity": 0.25, "layer": "mask"}


class RecordingPad(Pad):
    """A pad that records what it would send."""

    def __init__(self, **traits: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        super().__init__(**traits)

    def send(self, content: dict[str, Any], buffers: Any = None) -> None:
        assert buffers is None
        self.sent.append(content)


def arrive(pad: Pad, content: object, buffers: list[Any] | None = None) -> None:
    """Deliver a message from the page, as ipywidgets does."""
    pad._handle_custom_msg(content, buffers or [])


def events_of(pad: Pad) -> list[PadEvent]:
    events: list[PadEvent] = []
    pad.on_event(events.append)
    return events


def test_sends_painted_and_clear() -> None:
    pad = RecordingPad()
    pad.painted(7)
    pad.clear_ink()
    assert pad.sent == [{"kind": "painted", "id": 7}, {"kind": "clear"}]


def test_the_files_of_the_front_end_are_shipped() -> None:
    state = Pad().get_state()
    assert "export" in state["_esm"]
    assert ".rw-pad-surface" in state["_css"]


def test_only_the_agreed_traits_are_synced() -> None:
    own = {name for name in Pad().get_state() if not name.startswith("_")}
    agreed = {"side", "display_side", "tool", "color", "brush_size", "softness", "opacity", "layer", "masking", "label"}
    assert own == agreed | {"autosaved", "hidden", "hint", "locked", "mirror", "layout", "tabbable", "tooltip"}


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"kind": "hello"}, HelloEvent()),
        (
            {"kind": "stroke", "id": 3, "phase": "begin", "points": [[1, 2.5, 1], [-4, 300, 0.5]]},
            StrokeEvent(3, "begin", ((1.0, 2.5, 1.0), (-4.0, 300.0, 0.5))),
        ),
        ({"kind": "stroke", "id": 3, "phase": "end", "points": []}, StrokeEvent(3, "end", ())),
        (
            {"kind": "stroke", "id": 4, "phase": "end", "points": [[1, 2, 1]], "brush": BRUSH},
            StrokeEvent(4, "end", ((1.0, 2.0, 1.0),), Brush("eraser", "#0a141e", 9.0, 0.5, 0.25, "mask")),
        ),
        (
            {"kind": "area", "id": 5, "corners": [[0, 0], [9, 0], [9, 5.5]]},
            AreaEvent(5, ((0.0, 0.0), (9.0, 0.0), (9.0, 5.5))),
        ),
        ({"kind": "fill", "point": [10, 20]}, FillEvent((10.0, 20.0))),
        ({"kind": "pick", "point": [0.5, 255.5]}, PickEvent((0.5, 255.5))),
        ({"kind": "action", "name": "undo"}, ActionEvent("undo")),
        ({"kind": "action", "name": "eyedropper"}, ActionEvent("eyedropper")),
        ({"kind": "action", "name": "invert"}, ActionEvent("invert")),
        ({"kind": "refused", "name": "a.txt", "reason": "no"}, RefusedEvent("a.txt", "no")),
    ],
)
def test_messages_become_events(message: dict[str, Any], event: PadEvent) -> None:
    pad = Pad()
    events = events_of(pad)
    arrive(pad, message)
    assert events == [event]


@pytest.mark.parametrize(
    "wrong",
    [
        {"tool": "lasso"},
        {"color": "red"},
        {"color": None},
        {"size": 0},
        {"size": 1e5},
        {"size": "9"},
        {"softness": 1.5},
        {"opacity": -0.1},
        {"opacity": None},
        {"layer": "image"},
    ],
    ids=str,
)
def test_an_invalid_brush_is_ignored_and_the_stroke_is_kept(wrong: dict[str, Any]) -> None:
    message = {"kind": "stroke", "id": 1, "phase": "end", "points": [[1, 2, 1]], "brush": {**BRUSH, **wrong}}
    assert parse_event(message) == StrokeEvent(1, "end", ((1.0, 2.0, 1.0),))


def test_a_stroke_number_of_the_browser_survives_exactly() -> None:
    largest = 2**48 + 1
    event = parse_event({"kind": "stroke", "id": largest, "phase": "begin", "points": [[0, 0, 1]]})
    assert isinstance(event, StrokeEvent)
    assert event.id == largest


def test_pressure_is_clipped() -> None:
    event = parse_event({"kind": "stroke", "id": 1, "phase": "move", "points": [[0, 0, -1], [0, 0, 7]]})
    assert isinstance(event, StrokeEvent)
    assert [pressure for _, _, pressure in event.points] == [0.0, 1.0]


def test_a_picture_arrives_as_bytes() -> None:
    pad = Pad()
    events = events_of(pad)
    arrive(pad, {"kind": "picture", "name": "cat.png", "type": "image/png"}, [memoryview(b"\x89PNG")])
    assert events == [PictureEvent("cat.png", b"\x89PNG")]
    assert type(events[0].data) is bytes  # type: ignore[union-attr]


def test_long_names_are_cut() -> None:
    event = parse_event({"kind": "refused", "name": "n" * 5000, "reason": "r" * 5000})
    assert event == RefusedEvent("n" * 200, "r" * 200)


@pytest.mark.parametrize(
    "message",
    [
        None,
        "hello",
        [],
        {},
        {"kind": None},
        {"kind": ["hello"]},
        {"kind": "other"},
        {"kind": "stroke"},
        {"kind": "stroke", "id": "1", "phase": "begin", "points": [[0, 0, 1]]},
        {"kind": "stroke", "id": 10**400, "phase": "begin", "points": [[0, 0, 1]]},
        {"kind": "stroke", "id": True, "phase": "begin", "points": [[0, 0, 1]]},
        {"kind": "stroke", "id": 1, "phase": "middle", "points": [[0, 0, 1]]},
        {"kind": "stroke", "id": 1, "phase": "begin", "points": []},
        {"kind": "stroke", "id": 1, "phase": "move", "points": None},
        {"kind": "stroke", "id": 1, "phase": "move", "points": [[0, 0]]},
        {"kind": "stroke", "id": 1, "phase": "move", "points": [[0, 0, "1"]]},
        {"kind": "stroke", "id": 1, "phase": "move", "points": [[0, None, 1]]},
        {"kind": "stroke", "id": 1, "phase": "move", "points": [[math.nan, 0, 1]]},
        {"kind": "stroke", "id": 1, "phase": "move", "points": [[math.inf, 0, 1]]},
        {"kind": "stroke", "id": 1, "phase": "move", "points": [[10**400, 0, 1]]},
        {"kind": "stroke", "id": 1, "phase": "move", "points": [[0, 0, 1]] * (MAX_POINTS + 1)},
        {"kind": "area", "id": 1},
        {"kind": "area", "id": 1, "corners": [[0, 0], [9, 0]]},
        {"kind": "area", "id": 1, "corners": [[0, 0], [9, 0], [9]]},
        {"kind": "area", "id": None, "corners": [[0, 0], [9, 0], [9, 9]]},
        {"kind": "area", "id": 1, "corners": [[0, 0]] * (MAX_CORNERS + 1)},
        {"kind": "fill"},
        {"kind": "fill", "point": [1]},
        {"kind": "pick", "point": {"x": 1, "y": 2}},
        {"kind": "action", "name": "format"},
        {"kind": "action", "name": ["undo"]},
        {"kind": "picture", "name": "a.png"},
        {"kind": "refused", "name": 1, "reason": "no"},
    ],
)
def test_malformed_messages_are_ignored(message: object) -> None:
    pad = Pad()
    events = events_of(pad)
    arrive(pad, message)
    assert events == []


@pytest.mark.parametrize("buffers", [[], [b""], [b"a", b"b"], [3], ["text"], [bytes(MAX_MESSAGE_PICTURE + 1)]])
def test_a_picture_needs_one_sensible_buffer(buffers: list[Any]) -> None:
    assert parse_event({"kind": "picture", "name": "a.png", "type": "image/png"}, buffers) is None


def test_a_failing_callback_does_not_keep_others_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: PadEvent) -> None:
        raise RuntimeError("broken")

    pad = Pad()
    pad.on_event(fail)
    events = events_of(pad)
    arrive(pad, {"kind": "hello"})
    assert events == [HelloEvent()]
    assert "broken" in caplog.text


def test_a_callback_can_be_removed() -> None:
    pad = Pad()
    events: list[PadEvent] = []
    remove = pad.on_event(events.append)
    arrive(pad, {"kind": "hello"})
    remove()
    arrive(pad, {"kind": "hello"})
    assert events == [HelloEvent()]


@pytest.mark.parametrize("color", ["red", "#fff", "#12345g", "#12345678", "", "#123456\n"])
def test_a_colour_is_six_hexadecimal_digits(color: str) -> None:
    with pytest.raises(traitlets.TraitError, match="#rrggbb"):
        Pad(color=color)


def test_a_colour_is_kept_in_lower_case() -> None:
    assert Pad(color="#AABBCC").color == "#aabbcc"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tool", "pencil"),
        ("side", 0),
        ("display_side", 0),
        ("brush_size", 0.0),
        ("softness", 1.5),
        ("softness", -0.1),
        ("opacity", 1.1),
        ("layer", "image"),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(traitlets.TraitError):
        Pad(**{name: value})
