"""Exercises that check themselves, in a cell of a notebook. No torch here."""

from __future__ import annotations

from collections.abc import Callable

from robust_widgets.errors import NotYetError


def check(test: Callable[..., object], *answers: object) -> None:
    """Say whether an exercise's answers are right, and give a hint where they are not.

    Args:
        test: takes the answers and asserts what must hold of them; each assertion's message is a hint, a sentence.
        answers: what the person wrote; ``...`` stands where there is no answer yet.

    Raises:
        NotYetError: an answer is missing or wrong. A notebook shows the hint alone, and a grader sees that the cell
            failed.
    """
    if any(answer is ... for answer in answers):
        raise NotYetError("There is no answer yet; write yours in the cell above, in the place of the dots.")
    try:
        test(*answers)
    except AssertionError as error:
        raise NotYetError(str(error)) from None
    except Exception as error:
        raise NotYetError(
            f"The answer cannot be used ({type(error).__name__}: {error}); read again what it shall be."
        ) from None
    print("Right.")
