"""The class picker: searching, ranking, and what happens without a match."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from robust_widgets.errors import UnknownNameError
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.class_picker import ClassPicker
from robust_widgets.widgets.target_picker import TargetPicker
from tests.widgets.page import Page, is_sentence

CLASSES = ("tiger cat", "goldfish", "Persian cat", "catamaran", "dog", "<b>bold</b> fish")


def shown(picker: ClassPicker) -> tuple[str, ...]:
    """The classes on the page, in their order."""
    return tuple(picker.classes[index] for index in picker.matching)


@pytest.fixture
def picker(page: Page) -> ClassPicker:
    del page
    return ClassPicker(CLASSES, "dog")


def test_it_begins_with_all_classes_and_the_one_asked_for(picker: ClassPicker) -> None:
    assert shown(picker) == CLASSES and picker.value == "dog" and picker.hint == ""


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
    page.set(picker, search=typed)
    assert shown(picker) == matches and picker.hint == ""


def test_another_name_of_a_class_finds_it_and_the_hint_says_so(page: Page) -> None:
    picker = ClassPicker(("cat", "cougar"), synonyms=(("true cat",), ("puma", "mountain lion")))
    page.set(picker, search="lion")
    assert shown(picker) == ("cougar",) and picker.value == "cougar"
    assert "cougar" in picker.hint and "mountain lion" in picker.hint
    page.set(picker, search="1")
    assert picker.value == "cougar" and picker.hint == ""
    page.set(picker, search="2")
    with pytest.raises(UnknownNameError) as caught:
        _ = picker.value
    assert is_sentence(str(caught.value), "'2'", "0 to 1")


def test_the_best_match_is_picked_while_typing_and_kept_when_the_search_is_emptied(
    page: Page, picker: ClassPicker
) -> None:
    page.set(picker, search="cat")
    assert picker.value == "catamaran"
    page.set(picker, selected="Persian cat")
    assert picker.value == "Persian cat"
    page.set(picker, search="")
    assert picker.value == "Persian cat" and shown(picker) == CLASSES


def test_a_name_that_matches_nothing_shows_the_nearest_and_cannot_be_used(page: Page, picker: ClassPicker) -> None:
    page.set(picker, search="goldfsh")
    assert shown(picker)[0] == "goldfish" and "goldfish" in picker.hint
    with pytest.raises(UnknownNameError) as caught:
        _ = picker.value
    assert is_sentence(str(caught.value), "'goldfsh'", "'goldfish'")


def test_one_of_the_nearest_can_be_picked(page: Page, picker: ClassPicker) -> None:
    page.set(picker, search="goldfsh")
    page.set(picker, selected="goldfish")
    assert picker.value == "goldfish"


def test_after_a_wrong_name_a_right_one_works(page: Page, picker: ClassPicker) -> None:
    page.set(picker, search="qqq")
    page.set(picker, search="gold")
    assert picker.value == "goldfish" and picker.hint == ""
    page.set(picker, search="qqq")
    page.set(picker, search="")
    assert picker.value in CLASSES and shown(picker) == CLASSES


def test_a_pick_is_reported(page: Page, picker: ClassPicker) -> None:
    picked: list[str] = []
    picker.on_pick(picked.append)
    page.set(picker, selected="goldfish")
    page.set(picker, selected="catamaran")
    assert picked == ["goldfish", "catamaran"]


def test_a_class_can_be_set_from_python_whatever_was_typed(page: Page, picker: ClassPicker) -> None:
    page.set(picker, search="qqq")
    picker.value = "Persian cat"
    assert picker.value == "Persian cat" and picker.search == "" and picker.hint == ""
    with pytest.raises(UnknownNameError) as caught:
        picker.value = "gold fish"
    assert is_sentence(str(caught.value), "'gold fish'", "'goldfish'") and picker.value == "Persian cat"


def test_a_class_that_does_not_exist_is_not_taken_from_the_page(page: Page, picker: ClassPicker) -> None:
    with pytest.raises(UnknownNameError):
        picker.selected = "zebra"
    assert picker.value == "dog"


def test_pictures_made_ahead_are_one_sheet(page: Page) -> None:
    del page
    pictures = [np.full((64, 64, 3), 40 * index, np.uint8) for index in range(len(CLASSES))]
    sheet = np.asarray(Image.open(io.BytesIO(ClassPicker(CLASSES, pictures=pictures).sheet)))
    assert sheet.shape == (64, 16 * 64, 3) and abs(int(sheet[32, 3 * 64 + 32, 0]) - 120) <= 2
    assert ClassPicker(CLASSES).sheet == b""


def test_classes_in_view_are_asked_for_once_painted_they_are_sent_to_every_page(
    page: Page, picker: ClassPicker
) -> None:
    assert not picker.painting
    wanted: list[tuple[int, ...]] = []
    picker.on_want(wanted.append)
    assert picker.painting
    page.tell(picker, {"kind": "want", "classes": [2, 3, 99, -1, True, "4"]})
    picker.show_picture(2, b"jpeg")
    page.tell(picker, {"kind": "want", "classes": [2, 4]})
    assert wanted == [(2, 3), (4,)], "what does not exist, or is there, is not painted"
    page.tell(picker, {"kind": "want", "classes": 7})
    page.tell(picker, {"kind": "hello"})
    sent = page.sent(picker, "picture")
    assert [(message.content["index"], message.buffers) for message in sent] == 2 * [(2, [b"jpeg"])]


def test_a_studio_asks_its_session_for_pictures(page: Page) -> None:
    session = FakeSession()
    picker = TargetPicker(session).classes
    page.tell(picker, {"kind": "want", "classes": [1]})
    ((index, listener),) = session.class_requests
    listener(index, b"jpeg")
    assert [message.content["index"] for message in page.sent(picker, "picture")] == [1]
