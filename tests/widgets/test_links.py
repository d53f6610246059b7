"""Traits that are kept equal, also where two threads change them at a time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import ipywidgets
import pytest
import traitlets

from robust_widgets.widgets.page_widget import thread_safe_link
from robust_widgets.widgets.painting.pad import Pad


class Thing(traitlets.HasTraits):
    value = traitlets.Int()
    low = traitlets.Int(max=10)


@pytest.fixture
def many_turns() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_the_second_begins_as_the_first_and_each_follows_the_other() -> None:
    first, second = Thing(value=3), Thing(value=4)
    thread_safe_link(first, "value", second, "value")
    assert second.value == 3
    second.value = 5
    assert first.value == 5
    first.value = 6
    assert second.value == 6


def test_a_refused_value_is_an_error_and_the_next_one_is_copied() -> None:
    first, second = Thing(), Thing()
    thread_safe_link(first, "value", second, "low")
    with pytest.raises(traitlets.TraitError):
        first.value = 11
    first.value = 2
    assert second.low == 2


@pytest.mark.usefixtures("many_turns")
def test_two_threads_break_nothing_and_leave_both_equal() -> None:
    pad, picker = Pad(), ipywidgets.ColorPicker(value="#000000")
    thread_safe_link(pad, "color", picker, "value")
    broken: list[Exception] = []

    def change(thing: traitlets.HasTraits, name: str, first: int) -> None:
        try:
            for step in range(2000):
                setattr(thing, name, f"#{first:02x}{step:04x}")
        except traitlets.TraitError as error:
            broken.append(error)

    ways = [(pad, "color", 1), (pad, "color", 2), (picker, "value", 3)]
    threads = [threading.Thread(target=change, args=way) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not broken
    assert pad.color == picker.value
    pad.color = "#123456"
    assert picker.value == "#123456"
