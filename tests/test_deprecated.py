"""Old names work for one release and name the new one."""

from __future__ import annotations

import sys
import types
import warnings

import pytest

from robust_widgets._deprecated import renamed_attribute, renamed_keywords, renamed_names


@renamed_keywords(side="size")
def area(*, size: int) -> int:
    """A square's area."""
    return size * size


class Square:
    """A square."""

    side = renamed_attribute("side", "size")

    @renamed_keywords(side="size")
    def __init__(self, size: int) -> None:
        self.size = size


def test_an_old_keyword_works_and_names_the_new_one() -> None:
    with pytest.warns(DeprecationWarning, match=r"area\(side=...\) .* next release; use size=") as caught:
        assert area(side=3) == 9  # pyright: ignore[reportCallIssue]
    assert caught[0].filename == __file__, "the warning points at the caller"
    assert area.__name__ == "area" and area.__doc__


def test_both_spellings_at_once_are_an_error() -> None:
    with pytest.raises(TypeError, match="both 'size' and its old name 'side'"):
        area(size=3, side=3)  # pyright: ignore[reportCallIssue]


def test_the_new_keyword_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert area(size=2) == 4


def test_a_class_keeps_its_old_keyword_and_attribute() -> None:
    with pytest.warns(DeprecationWarning, match="use size="):
        square = Square(side=2)  # pyright: ignore[reportCallIssue]
    with pytest.warns(DeprecationWarning, match=r"Square.side .* use Square.size") as caught:
        assert square.side == 2
    assert caught[0].filename == __file__


def test_a_module_keeps_its_old_names(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("shop")
    module.new = 5  # type: ignore[attr-defined]
    module.__getattr__ = renamed_names("shop", {"old": "new"})  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "shop", module)
    with pytest.warns(DeprecationWarning, match=r"shop.old is deprecated .* use shop.new") as caught:
        assert module.old == 5
    assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        module.other  # noqa: B018
