"""Traits that are kept equal, also where two threads change them at a time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import ipywidgets
import pytest
import traitlets

from robust_widgets.widgets.links import thread_safe_link
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
    one, other = Thing(value=3), Thing(value=4)
    thread_safe_link(one, "value", other, "value")
    assert other.value == 3
    other.value = 5
    assert one.value == 5
    one.value = 6
    assert other.value == 6


def test_what_one_refuses_is_an_error_and_the_next_value_is_copied() -> None:
    one, other = Thing(), Thing()
    thread_safe_link(one, "value", other, "low")
    with pytest.raises(traitlets.TraitError):
        one.value = 11
    one.value = 2
    assert other.low == 2


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
