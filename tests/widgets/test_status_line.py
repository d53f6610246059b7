"""The line in which a widget says what happened."""

from __future__ import annotations

import pytest

from robust_widgets.errors import PictureError
from robust_widgets.widgets.status_line import Notice
from tests.widgets.page import Page


@pytest.fixture
def notice(page: Page) -> Notice:
    del page
    return Notice()


def test_kinds_differ_in_words_too_not_in_colour_alone(notice: Notice) -> None:
    shown = []
    for kind in ("info", "warning", "error"):
        notice.say("It is late.", kind)
        shown.append(notice.widget.value)
    assert ">It is late.<" in shown[0] and ">Note: It is late.<" in shown[1] and ">Problem: It is late.<" in shown[2]
    assert all("role='status'" in html for html in shown)


def test_text_and_details_are_never_html(notice: Notice) -> None:
    notice.say("a < b & <script>", "error", "File <stdin>, line 1 </pre><img src=x>")
    html = notice.widget.value
    assert "a &lt; b &amp; &lt;script&gt;" in html and "&lt;stdin&gt;" in html and "&lt;/pre&gt;&lt;img" in html
    assert "<script" not in html and "<img" not in html


def test_details_are_folded_away_and_absent_without_any(notice: Notice) -> None:
    notice.say("It broke.", "error", "a traceback")
    assert "<details><summary>Details</summary>" in notice.widget.value and "open" not in notice.widget.value
    notice.say("It is well.")
    assert "<details>" not in notice.widget.value and notice.kind == "info"


def test_clear_shows_nothing(notice: Notice) -> None:
    notice.say("It broke.", "error", "a traceback")
    notice.clear()
    assert notice.widget.value == "" and notice.text == "" and notice.kind == "info"


def test_a_guarded_handler_gets_its_arguments_and_says_nothing_when_all_is_well(notice: Notice) -> None:
    got: list[object] = []
    notice.guard(lambda *args, **kwargs: got.append((args, kwargs)))(1, two=2)
    assert got == [((1,), {"two": 2})] and notice.text == ""


def test_an_error_of_ours_is_said_as_it_is(notice: Notice) -> None:
    def handler() -> None:
        raise PictureError("That is not a picture; give one.")

    notice.guard(handler)()
    assert notice.text == "That is not a picture; give one." and notice.kind == "error"
    assert "PictureError" in notice.widget.value and "in handler" in notice.widget.value


def test_any_other_error_is_said_with_its_name_and_traceback(notice: Notice) -> None:
    notice.guard(lambda: 1 // 0)()
    assert notice.kind == "error" and "ZeroDivisionError" in notice.text and "Traceback" not in notice.text
    assert "Traceback" in notice.widget.value


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_no_error_to_be_shown(notice: Notice, error: type[BaseException]) -> None:
    def handler() -> None:
        raise error

    with pytest.raises(error):
        notice.guard(handler)()
