"""The class picker: searching, ranking, and what happens without a match."""

from __future__ import annotations

import pytest

from robust_widgets.errors import UnknownNameError
from robust_widgets.widgets.target_picker import ClassPicker
from tests.widgets.page import Page, is_sentence

CLASSES = ("tiger cat", "goldfish", "Persian cat", "catamaran", "dog", "<b>bold</b> fish")


@pytest.fixture
def picker(page: Page) -> ClassPicker:
    del page
    return ClassPicker(CLASSES, "dog")


def test_it_begins_with_all_classes_and_the_one_asked_for(picker: ClassPicker) -> None:
    assert tuple(picker.list.options) == CLASSES and picker.value == "dog" and picker.hint.value == ""


def test_a_first_class_that_does_not_exist_is_the_first_of_all(page: Page) -> None:
    del page
    assert ClassPicker(CLASSES, "zebra").value == ClassPicker(CLASSES).value == "tiger cat"


@pytest.mark.parametrize(
    ("typed", "matches"),
    [
        ("cat", ("catamaran", "tiger cat", "Persian cat")),
        (" CAT ", ("catamaran", "tiger cat", "Persian cat")),
        ("persian", ("Persian cat",)),
        ("fish", ("<b>bold</b> fish", "goldfish")),
        ("", CLASSES),
        ("   ", CLASSES),
    ],
)
def test_typing_narrows_the_list_names_that_begin_so_first(
    page: Page, picker: ClassPicker, typed: str, matches: tuple[str, ...]
) -> None:
    page.set(picker.search, value=typed)
    assert tuple(picker.list.options) == matches and picker.hint.value == ""


def test_another_name_of_a_class_finds_it_and_the_hint_says_so(page: Page) -> None:
    picker = ClassPicker(("cat", "cougar"), synonyms=(("true cat",), ("puma", "mountain lion")))
    page.set(picker.search, value="lion")
    assert tuple(picker.list.options) == ("cougar",) and picker.value == "cougar"
    assert "cougar" in picker.hint.value and "mountain lion" in picker.hint.value
    page.set(picker.search, value="1")
    assert picker.value == "cougar" and picker.hint.value == ""
    page.set(picker.search, value="2")
    with pytest.raises(UnknownNameError) as caught:
        _ = picker.value
    assert is_sentence(str(caught.value), "'2'", "0 to 1")


def test_the_best_match_is_picked_while_typing_and_kept_when_the_search_is_emptied(
    page: Page, picker: ClassPicker
) -> None:
    page.set(picker.search, value="cat")
    assert picker.value == "catamaran"
    page.set(picker.list, index=2)
    assert picker.value == "Persian cat"
    page.set(picker.search, value="")
    assert picker.value == "Persian cat" and tuple(picker.list.options) == CLASSES


def test_a_name_that_matches_nothing_shows_the_nearest_and_cannot_be_used(page: Page, picker: ClassPicker) -> None:
    page.set(picker.search, value="goldfsh")
    assert picker.list.options[0] == "goldfish" and "goldfish" in picker.hint.value
    with pytest.raises(UnknownNameError) as caught:
        _ = picker.value
    assert is_sentence(str(caught.value), "'goldfsh'", "'goldfish'")


def test_one_of_the_nearest_can_be_picked(page: Page, picker: ClassPicker) -> None:
    page.set(picker.search, value="goldfsh")
    page.set(picker.list, index=0)
    assert picker.value == "goldfish"


def test_after_a_wrong_name_a_right_one_works(page: Page, picker: ClassPicker) -> None:
    page.set(picker.search, value="qqq")
    page.set(picker.search, value="gold")
    assert picker.value == "goldfish" and picker.hint.value == ""
    page.set(picker.search, value="qqq")
    page.set(picker.search, value="")
    assert picker.value in CLASSES and tuple(picker.list.options) == CLASSES


def test_class_names_are_shown_as_they_are_never_as_html(page: Page, picker: ClassPicker) -> None:
    page.set(picker.search, value="<b>bold</b> fisch")
    assert "&lt;b&gt;bold&lt;/b&gt; fish" in picker.hint.value and "<b>" not in picker.hint.value


def test_a_pick_is_reported(page: Page, picker: ClassPicker) -> None:
    picked: list[str] = []
    picker.on_pick(picked.append)
    page.set(picker.list, index=1)
    page.set(picker.list, index=3)
    assert picked == ["goldfish", "catamaran"]


def test_a_class_can_be_set_from_python_whatever_was_typed(page: Page, picker: ClassPicker) -> None:
    page.set(picker.search, value="qqq")
    picker.value = "Persian cat"
    assert picker.value == "Persian cat" and picker.search.value == "" and picker.hint.value == ""
    with pytest.raises(UnknownNameError) as caught:
        picker.value = "gold fish"
    assert is_sentence(str(caught.value), "'gold fish'", "'goldfish'") and picker.value == "Persian cat"


def test_the_search_box_says_how_many_classes_there_are(picker: ClassPicker) -> None:
    assert str(len(CLASSES)) in picker.search.placeholder
