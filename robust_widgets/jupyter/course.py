"""Exercises that check themselves, in a cell of a notebook."""

from __future__ import annotations

from collections.abc import Callable

from robust_widgets.errors import NotYetError


def check_exercise(test: Callable[..., object], *answers: object) -> None:
    """Check the answers of an exercise, and give a hint if they are wrong.

    Args:
        test: takes the answers and asserts what must hold of them; each assertion's message is a hint, a sentence.
        answers: the person's answers; ``...`` stands for a missing one.

    Raises:
        NotYetError: an answer is missing or wrong. A notebook shows only the hint, and a grader sees that the cell
            failed.
    """
    if any(answer is ... for answer in answers):
        raise NotYetError("There is no answer yet; replace the dots in the cell above.")
    try:
        test(*answers)
    except AssertionError as error:
        raise NotYetError(str(error)) from None
    except Exception as error:
        raise NotYetError(
            f"The answer cannot be used ({type(error).__name__}: {error}); check the type the exercise asks for."
        ) from None
    print("Right.")
