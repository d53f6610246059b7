"""The line in which a widget says what happened."""

from __future__ import annotations

import pytest

from robust_widgets.errors import PictureError
from robust_widgets.widgets.status_line import StatusLine
from tests.widgets.page import Page


@pytest.fixture
def status(page: Page) -> StatusLine:
    del page
    return StatusLine()


def test_kinds_differ_in_words_too_not_in_colour_alone(status: StatusLine) -> None:
    values = []
    for kind in ("info", "warning", "error"):
        status.show("It is late.", kind)
        values.append(status.widget.value)
    assert ">It is late.<" in values[0] and ">Note: It is late.<" in values[1] and ">Problem: It is late.<" in values[2]
    assert all("role='status'" in html for html in values)


def test_text_and_details_are_never_html(status: StatusLine) -> None:
    status.show("a < b & <script>", "error", "File <stdin>, line 1 </pre><img src=x>")
    html = status.widget.value
    assert "a &lt; b &amp; &lt;script&gt;" in html and "&lt;stdin&gt;" in html and "&lt;/pre&gt;&lt;img" in html
    assert "<script" not in html and "<img" not in html


def test_details_are_folded_away_and_absent_without_any(status: StatusLine) -> None:
    status.show("It broke.", "error", "a traceback")
    assert "<details><summary>Details</summary>" in status.widget.value and "open" not in status.widget.value
    status.show("It is well.")
    assert "<details>" not in status.widget.value and status.kind == "info"


def test_clear_shows_nothing(status: StatusLine) -> None:
    status.show("It broke.", "error", "a traceback")
    status.clear()
    assert status.widget.value == "" and status.text == "" and status.kind == "info"


def test_a_guarded_handler_gets_its_arguments_and_shows_nothing_on_success(status: StatusLine) -> None:
    got: list[object] = []
    status.guard(lambda *args, **kwargs: got.append((args, kwargs)))(1, two=2)
    assert got == [((1,), {"two": 2})] and status.text == ""


def test_our_errors_are_shown_unchanged(status: StatusLine) -> None:
    def handler() -> None:
        raise PictureError("That is not a picture; give one.")

    status.guard(handler)()
    assert status.text == "That is not a picture; give one." and status.kind == "error"
    assert "PictureError" in status.widget.value and "in handler" in status.widget.value


def test_other_errors_are_shown_with_their_name_and_traceback(status: StatusLine) -> None:
    status.guard(lambda: 1 // 0)()
    assert status.kind == "error" and "ZeroDivisionError" in status.text and "Traceback" not in status.text
    assert "Traceback" in status.widget.value


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_no_error_to_be_shown(status: StatusLine, error: type[BaseException]) -> None:
    def handler() -> None:
        raise error

    with pytest.raises(error):
        status.guard(handler)()
