"""Exercises that check themselves."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from robust_widgets.errors import NotYetError
from robust_widgets.jupyter.course import check_exercise
from tests.helpers import raises_sentence


def test_sum(first: int, second: int) -> None:
    if first + second != 3:  # pytest would add words of its own to an assertion
        raise AssertionError("The two shall add up to something else.")


test_sum.__test__ = False  # pyright: ignore[reportFunctionMemberAccess] # a check of an exercise, not one of ours


def test_right_answers_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    check_exercise(test_sum, 1, 2)
    assert capsys.readouterr().out == "Right.\n"


def test_a_wrong_answer_gets_the_hint_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with raises_sentence(NotYetError, "add up to something else"):
        check_exercise(test_sum, 2, 2)
    shell = InteractiveShell.instance()
    try:
        shell.user_ns.update(check=check_exercise, test=test_sum)
        assert isinstance(shell.run_cell("check(test, 2, 2)").error_in_exec, NotYetError)  # what graders see
    finally:
        InteractiveShell.clear_instance()
    shown = capsys.readouterr()
    assert (shown.out + shown.err).strip() == "Not yet. The two shall add up to something else."


def test_dots_are_no_answer() -> None:
    with raises_sentence(NotYetError, "no answer yet"):
        check_exercise(test_sum, 1, ...)


def test_an_answer_of_another_kind_is_no_crash() -> None:
    with raises_sentence(NotYetError, "TypeError"):
        check_exercise(test_sum, 1, "2")
