"""Messages that a page may send to the widgets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robust_widgets.pictures.limits import MAX_STROKES
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.painting.events import ACTIONS
from robust_widgets.widgets.player.view import View
from robust_widgets.widgets.studio import StudioWidget
from robust_widgets.widgets.training.view import MonitorView
from tests.fuzzing import numbers, texts, tries, values
from tests.runs.test_trace import recorded

KINDS = st.sampled_from(
    [
        *("hello", "stroke", "area", "fill", "pick", "action", "picture", "refused", "ack", "step", "branch", "show"),
        *("heat", "flushed", "press"),
    ]
)
POINT = st.lists(numbers() | st.floats(-50, 300), min_size=2, max_size=3)
BRUSH = st.fixed_dictionaries(
    {
        "tool": st.sampled_from(["brush", "eraser", "line"]),
        "color": st.sampled_from(["#00ff00", "#00FF00", "red"]),
        "size": st.floats(0, 300) | numbers(),
        "softness": st.floats(0, 1),
        "opacity": st.floats(0, 1),
        "layer": st.sampled_from(["sketch", "mask", "image"]),
    }
)
MESSAGES = st.fixed_dictionaries(
    {"kind": KINDS | values()},
    optional={
        "id": st.integers(0, 40) | values(),
        "phase": st.sampled_from(["begin", "move", "end"]) | values(),
        "points": st.lists(POINT, max_size=6) | values(),
        "corners": st.lists(POINT, max_size=6) | values(),
        "point": POINT | values(),
        "brush": BRUSH | values(),
        "name": st.sampled_from(ACTIONS) | texts() | values(),
        "reason": texts() | values(),
        "sequence": numbers() | values(),
        "step": st.integers(-3, 9) | values(),
        "index": st.integers(-3, 9) | values(),
        "press": numbers() | values(),
        "on": st.booleans() | values(),
        "action": st.sampled_from(["start", "stop"]) | values(),
    },
)
BUFFERS = st.lists(st.binary(max_size=40) | st.just(3), max_size=2)


@pytest.fixture(scope="module")
def studio() -> StudioWidget:
    studio = StudioWidget(FakeSession())
    studio.take(recorded(3))
    return studio


def failed(caplog: pytest.LogCaptureFixture, studio: StudioWidget) -> bool:
    return bool(caplog.records) or "Unexpected error" in studio.status.text


@tries(60)
@given(messages=st.lists(st.tuples(MESSAGES | values(), BUFFERS), min_size=1, max_size=8))
def test_the_studio_takes_any_message(
    studio: StudioWidget, caplog_of: pytest.LogCaptureFixture, messages: list[tuple[Any, list[Any]]]
) -> None:
    assert studio.surface is not None
    for content, buffers in messages:
        for widget in (studio.surface.pad, studio.runner.view, studio.target.palette, MonitorView(), View()):
            widget._receive(widget, content, buffers)
            assert not failed(caplog_of, studio), studio.status.text
    assert len(studio.surface._strokes) <= MAX_STROKES
    assert all(len(trace) for trace in studio.traces)


@pytest.fixture(scope="module")
def caplog_of() -> Any:
    """Warnings and errors that are logged, for as long as the studio lives."""
    import logging

    class Records(logging.Handler):
        records: list[logging.LogRecord]

        def emit(self, record: logging.LogRecord) -> None:
            self.records.append(record)

    handler = Records(logging.WARNING)
    handler.records = []
    logger = logging.getLogger("robust_widgets")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


@tries(60)
@given(typed=texts() | st.sampled_from(["9" * 5000, "x" * 10**6, "٣" * 2000]))
def test_any_text_can_be_searched(studio: StudioWidget, typed: str) -> None:
    studio.picker.search = typed
    assert len(studio.picker.hint) < 5000
    studio.picker.search = ""
