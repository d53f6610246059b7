"""Find classes by name, synonym, part of a name, or index."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from robust_widgets.errors import LONGEST_SHOWN, quoted, short_repr
from robust_widgets.pictures.limits import LONGEST_NAME

# How a name matches the query.
EXACT, BEGINS, WORDS_BEGIN, INSIDE = range(4)
# Rank of each match, best first: in the class's own name (False) or in a synonym (True).
BEST_FIRST = (
    *((EXACT, False), (EXACT, True)),
    *((BEGINS, False), (WORDS_BEGIN, False), (BEGINS, True), (WORDS_BEGIN, True)),
    *((INSIDE, False), (INSIDE, True)),
)


@dataclass(frozen=True)
class Match:
    """A class that matches the query.

    Attributes:
        name: the class.
        index: its index.
        other: the synonym that matches, if it matches better than the class's own name; else ``""``.
    """

    name: str
    index: int
    other: str = ""


@dataclass(frozen=True)
class _Form:
    """One name of a class, prepared for comparison."""

    text: str
    folded: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> _Form:
        folded = _fold(text)
        return cls(text, folded, tuple(folded.split()))

    def fits(self, query: str, wanted: _Form) -> tuple[int, bool] | None:
        """How the name matches, and whether only by the beginning of a word; None if it does not."""
        if not wanted.words:  # punctuation only
            return (INSIDE, True) if query in _normalised(self.text) else None
        if self.folded == wanted.folded:
            return EXACT, False
        partial = not set(wanted.words) <= set(self.words)
        if self.folded.startswith(wanted.folded):
            return BEGINS, partial
        if all(any(own.startswith(word) for own in self.words) for word in wanted.words):
            return WORDS_BEGIN, partial
        if wanted.folded in self.folded or query in _normalised(self.text):
            return INSIDE, True
        return None


class ClassSearch:
    """Finds classes among many.

    Case, hyphens and underscores make no difference. A name with commas, like those of ImageNet, is several names of
    one class.

    Args:
        names: all class names, in the order of the logits.
        synonyms: other names of each class; none by default.
    """

    def __init__(self, names: Sequence[str], synonyms: Sequence[Sequence[str]] = ()) -> None:
        self.names = tuple(names)
        others = list(synonyms) or [()] * len(self.names)
        self._forms = [
            tuple(_Form.of(text) for text in dict.fromkeys((name, *_parts(name), *other)))
            for name, other in zip(self.names, others, strict=True)
        ]

    def find(self, query: str) -> list[Match]:
        """Classes that match the query, best first; all of them if it is empty.

        A class whose index was typed comes first. Then come exact names, names that begin with the query, names with
        words that begin with its words in any order, synonyms that do, and names that contain it. Among equals, whole
        words come before partial ones, in the order of the classes.
        """
        query = _normalised(query)
        if not query:
            return [Match(name, index) for index, name in enumerate(self.names)]
        wanted = _Form.of(query)
        ranked: list[tuple[tuple[int, bool, int], Match]] = []
        for index, (name, forms) in enumerate(zip(self.names, self._forms, strict=True)):
            if self._is_index(query, index):
                ranked.append(((-1, False, index), Match(name, index)))
                continue
            fitting = [
                ((BEST_FIRST.index((fit[0], form is not forms[0])), fit[1], index), form)
                for form in forms
                if (fit := form.fits(query, wanted)) is not None
            ]
            if fitting:
                key, form = min(fitting, key=lambda pair: pair[0])
                ranked.append((key, Match(name, index, form.text if form is not forms[0] else "")))
        return [match for _, match in sorted(ranked, key=lambda pair: pair[0])]

    def exactly(self, query: str) -> list[int]:
        """Indices of the classes with exactly this name, or else this index, or else this synonym."""
        query = _normalised(query)
        own = [index for index, name in enumerate(self.names) if _normalised(name) == query]
        if own or not query:
            return own
        by_number = [index for index in range(len(self.names)) if self._is_index(query, index)]
        folded = _fold(query)
        return by_number or [
            index for index, forms in enumerate(self._forms) if folded and any(form.folded == folded for form in forms)
        ]

    def nearest(self, query: str, count: int = 3) -> list[str]:
        """The names most similar to the query, best first: matches, then similar spellings."""
        matches = [match.name for match in self.find(query)[:count]] if query.strip() else []
        return list(dict.fromkeys([*matches, *self._spelt_like(query, count)]))[:count]

    def unknown(self, query: str) -> str:
        """The error message for a name that no class has."""
        near = self.nearest(query)
        if query.strip().isdecimal():
            count = len(self.names)
            return f"There is no class {short_repr(query, LONGEST_SHOWN)}; there are {count} classes, 0 to {count - 1}."
        all_of_them = "" if len(self.names) <= len(near) else f" ({len(self.names)} in all)"
        return f"There is no class {short_repr(query, LONGEST_SHOWN)}; the nearest are {quoted(near)}{all_of_them}."

    def _spelt_like(self, query: str, count: int) -> list[str]:
        wanted = _fold(query) or _normalised(query)
        matcher = difflib.SequenceMatcher(autojunk=False)
        matcher.set_seq2(wanted)
        likeness: list[tuple[float, int]] = []
        for index, forms in enumerate(self._forms):
            best = 0.0
            for text in {form.folded for form in forms}:
                matcher.set_seq1(text)
                if matcher.real_quick_ratio() > best and matcher.quick_ratio() > best:
                    best = max(best, matcher.ratio())
            likeness.append((-best, index))
        return [self.names[index] for _, index in sorted(likeness)[:count]]

    def _is_index(self, query: str, index: int) -> bool:
        is_number = query.isdecimal() and len(query) < 10 and int(query) == index
        return is_number and not any(_normalised(name) == query for name in self.names)


@lru_cache(maxsize=8)
def class_search(names: tuple[str, ...], synonyms: tuple[tuple[str, ...], ...] = ()) -> ClassSearch:
    """A cached search over these names."""
    return ClassSearch(names, synonyms)


def class_given(text: str, classes: Sequence[str]) -> str | int:
    """A class as typed in a command: an index if it is a number and no class has that name."""
    return int(text) if text.isdecimal() and len(text) < 10 and text not in classes else text


def _parts(name: str) -> list[str]:
    return [part.strip() for part in name.split(",") if part.strip()]


def _normalised(text: str) -> str:
    """A name in lower case. An accent is part of its letter, whichever way it is encoded."""
    return unicodedata.normalize("NFC", text[:LONGEST_NAME].strip().casefold())


def _fold(text: str) -> str:
    """A name in lower case, with single spaces between its words."""
    return " ".join(re.findall(r"[^\W_]+", _normalised(text)))
