"""The exception tree, and every message in the package."""

from __future__ import annotations

import ast
import inspect
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import robust_widgets
from robust_widgets import errors
from robust_widgets.errors import (
    RobustWidgetsError,
    first_line,
    nearest,
    quoted,
    real_number,
    short_repr,
    short_text,
    unknown_name,
    whole_number,
)
from tests.helpers import check_sentence

PACKAGE = Path(robust_widgets.__file__).parent
KINDS = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, Exception)}


def test_one_base_class_catches_everything() -> None:
    assert len(KINDS) >= 10
    for name, kind in KINDS.items():
        assert issubclass(kind, RobustWidgetsError), name
        assert name in (errors.__doc__ or ""), f"{name} is not in the tree of the docstring"
        assert kind.__doc__ and kind.__doc__.strip().endswith(".")
        assert str(kind("One sentence.")) == "One sentence."


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.UnknownNameError, ValueError),
        (errors.UnknownParameterError, TypeError),
        (errors.UnknownParameterError, errors.UnknownNameError),
        (errors.ParameterError, ValueError),
        (errors.PictureError, ValueError),
        (errors.WeightsError, ValueError),
        (errors.TraceError, ValueError),
        (errors.SaveError, OSError),
        (errors.DataError, ValueError),
        (errors.DeviceError, ValueError),
        (errors.TrainingError, RuntimeError),
    ],
)
def test_each_is_also_the_python_error_one_expects(kind: type[Exception], builtin: type[Exception]) -> None:
    assert issubclass(kind, builtin)


def test_quoted() -> None:
    assert quoted([]) == ""
    assert quoted(["a"]) == "'a'"
    assert quoted(["a", "b"]) == "'a' or 'b'"
    assert quoted(["a", "b", "c"]) == "'a', 'b' or 'c'"


ANIMALS = ("Goldfish", "tabby cat", "siamese cat", "golden retriever", "bullfrog")


@pytest.mark.parametrize(
    ("given", "best"),
    [("goldfsh", "Goldfish"), ("CAT", "tabby cat"), ("retriever", "golden retriever"), ("bulfrog", "bullfrog")],
)
def test_the_nearest_name_comes_first(given: str, best: str) -> None:
    assert nearest(given, ANIMALS)[0] == best
    assert len(nearest(given, ANIMALS)) == 3
    check_sentence(unknown_name("class", given, ANIMALS), repr(given), repr(best), "5 in all")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError("\n Disk full.\nTraceback"), "Disk full"),
        (ValueError("a" * 300), "a" * 200),
        (KeyError(), "KeyError"),
        (RuntimeError(" \n"), "RuntimeError"),
    ],
)
def test_the_first_line_of_an_error(error: Exception, line: str) -> None:
    assert first_line(error) == line


@pytest.mark.parametrize(
    ("value", "number"),
    [*((3, 3), (-1, -1), (np.int64(2), 2), (True, None), (np.True_, None), (3.0, None), ("3", None), (None, None))],
)
def test_whole_numbers_are_ints_and_what_can_be_an_index(value: object, number: int | None) -> None:
    assert whole_number(value) == number


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *((3, 3.0), (np.float32(0.5), 0.5), (np.int64(2), 2.0), (np.array(1.5), 1.5), (Fraction(1, 2), 0.5)),
        *((True, None), (np.True_, None), ("3", None), (b"3", None), (None, None), ([1], None), (1j, None)),
        *((np.array([1, 2]), None), (10**400, None)),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_real_numbers_are_what_has_a_float(value: object, number: float | None) -> None:
    assert real_number(value) == number


def test_a_whole_number_of_at_least_something() -> None:
    assert errors.at_least(1, n=np.int64(3)) == 3 and errors.at_least(0, n=0) == 0
    for value in (0, -1, 1.0, "1", None, True):
        with pytest.raises(errors.ParameterError) as caught:
            errors.at_least(1, n=value)
        check_sentence(str(caught.value), f"n is {value!r}", "at least 1")


def test_a_value_is_quoted_on_one_line_whatever_it_is() -> None:
    assert short_repr("a") == "'a'" and short_repr(None) == "None"
    assert "\n" not in short_repr(np.zeros((3, 3)))
    assert short_repr("9" * 5000) == f"'{'9' * 499}…"
    assert short_repr(10**5000) == short_repr(-(10**5000)) == "a number of 5,001 digits"
    assert short_repr(10**39) == str(10**39) and short_repr(10**40 - 1) == "9" * 40
    assert short_repr(10**40) == "a number of 41 digits" and short_repr(10**41 - 1) == "a number of 41 digits"
    assert short_repr([10**5000]) == "a list with a number that is too long to be shown"
    assert short_text("two\nlines") == "two\nlines" and short_text(10**5000) == "a number of 5,001 digits"


def test_an_unknown_name_among_few_or_none() -> None:
    assert "in all" not in unknown_name("class", "x", ANIMALS[:2])
    check_sentence(unknown_name("model", "x", ()), "'x'", "none is available")
    check_sentence(unknown_name("class", "", ANIMALS), "''")


def messages() -> list[tuple[str, ast.expr]]:
    """Every message that is written where an error of this package is raised, with its place."""
    found: list[tuple[str, ast.expr]] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            call = node.exc if isinstance(node, ast.Raise) else None
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KINDS:
                place = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                assert len(call.args) == 1 and not call.keywords, f"{place}: an error has one message"
                if not isinstance(call.args[0], (ast.Call, ast.Name)):  # else made by `unknown_name`, tested above
                    found.append((place, call.args[0]))
    return found


MESSAGES = messages()


def test_the_walk_finds_the_messages() -> None:
    assert len(MESSAGES) > 40


@pytest.mark.parametrize(("place", "message"), MESSAGES, ids=[place for place, _ in MESSAGES])
def test_every_message_is_whole_sentences(place: str, message: ast.expr) -> None:
    parts = message.values if isinstance(message, ast.JoinedStr) else [message]
    last = parts[-1]
    assert isinstance(last, ast.Constant) and str(last.value).endswith("."), f"{place}: no full stop"
    text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
    assert "\n" not in text and "Traceback" not in text and "  " not in text, place
