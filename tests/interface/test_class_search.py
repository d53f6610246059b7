"""Searching classes: which fit, in which order, and what is meant by a name."""

from __future__ import annotations

import pytest

from robust_widgets.interface.class_search import ClassSearch
from tests.helpers import check_sentence

NAMES = ("tiger cat", "goldfish", "catamaran", "cougar", "Persian cat", "scat singer", "great white shark", "207")
OTHERS = ((), ("Carassius auratus",), (), ("puma", "catamount"), (), (), ("man-eater",), ("cat house",))
SEARCH = ClassSearch(NAMES, OTHERS)


def found(typed: str, search: ClassSearch = SEARCH) -> list[str]:
    return [match.name for match in search.find(typed)]


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("", list(NAMES)),
        ("   ", list(NAMES)),
        ("cat", ["catamaran", "tiger cat", "Persian cat", "207", "cougar", "scat singer"]),
        (" CAT", ["catamaran", "tiger cat", "Persian cat", "207", "cougar", "scat singer"]),
        ("puma", ["cougar"]),
        ("shark gre", ["great white shark"]),
        ("White_Shark", ["great white shark"]),
        ("man eater", ["great white shark"]),
        ("auratus", ["goldfish"]),
        ("old", ["goldfish"]),
        ("1", ["goldfish"]),
        ("007", ["207"]),
        ("207", ["207"]),
        ("goldfsh", []),
        ("?", []),
    ],
)
def test_the_best_come_first(typed: str, names: list[str]) -> None:
    assert found(typed) == names


def test_a_match_says_by_which_name_it_was_found() -> None:
    assert [match.other for match in SEARCH.find("cat")] == ["", "", "", "cat house", "catamount", ""]
    assert (SEARCH.find("puma")[0].index, SEARCH.find("puma")[0].other) == (3, "puma")
    assert SEARCH.find("cougar")[0].other == ""


def test_whole_words_go_before_begun_ones_and_equals_keep_their_order() -> None:
    assert found("dog", ClassSearch(["big dogs", "red dog", "old dog"])) == ["red dog", "old dog", "big dogs"]
    assert found("a", ClassSearch(["cab", "ab", "bar", "ah"])) == ["ab", "ah", "cab", "bar"]


def test_a_name_with_commas_is_several_names() -> None:
    search = ClassSearch(["tench, Tinca tinca", "cock"])
    assert search.exactly("tinca tinca") == search.exactly("tench") == search.exactly("tench, Tinca tinca") == [0]
    assert found("tinca", search) == ["tench, Tinca tinca"]


def test_signs_are_found_as_they_are() -> None:
    search = ClassSearch(["c++", "c#", "猫"])
    assert found("++", search) == ["c++"] and search.exactly("c#") == [1] and search.exactly("++") == []
    assert found("猫", search) == ["猫"] and search.exactly("猫") == [2]


def test_what_is_meant_by_a_name() -> None:
    assert SEARCH.exactly("Goldfish ") == [1] and SEARCH.exactly("puma") == [3] and SEARCH.exactly("2") == [2]
    assert SEARCH.exactly("207") == [7], "a class of this name goes before an index"
    assert SEARCH.exactly("cat") == [] and SEARCH.exactly("") == [] and SEARCH.exactly("8") == []
    twice = ClassSearch(["crane", "crane bird", "heron"], [(), ("crane", "wader"), ("wader",)])
    assert twice.exactly("crane") == [0], "a class's own name goes before another's other name"
    assert twice.exactly("wader") == [1, 2]


@pytest.mark.parametrize(("typed", "best"), [("goldfsh", "goldfish"), ("pumma", "cougar"), ("", None)])
def test_what_no_class_is_called_names_the_nearest(typed: str, best: str | None) -> None:
    near = SEARCH.nearest(typed)
    assert len(near) == len(set(near)) == 3 and set(near) <= set(NAMES)
    assert best is None or near[0] == best
    check_sentence(SEARCH.unknown(typed), repr(typed), repr(near[0]), "8 in all")


def test_a_part_of_a_name_is_nearer_than_one_that_is_spelt_like_it() -> None:
    assert SEARCH.nearest("persian")[0] == "Persian cat"


def test_an_index_that_is_too_high_names_the_range() -> None:
    check_sentence(SEARCH.unknown("8"), "'8'", "0 to 7")
    assert ClassSearch([]).nearest("x") == []
