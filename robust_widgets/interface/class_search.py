"""Which class a person means: by name, by another name of it, by a part of one, or by its index. No torch here."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from robust_widgets.errors import quoted

# How a name fits what was typed.
EXACT, BEGINS, WORDS_BEGIN, INSIDE = range(4)
# How well that is, the best first: in a class's own name (False), or in another name of it (True).
BEST_FIRST = (
    *((EXACT, False), (EXACT, True)),
    *((BEGINS, False), (WORDS_BEGIN, False), (BEGINS, True), (WORDS_BEGIN, True)),
    *((INSIDE, False), (INSIDE, True)),
)


@dataclass(frozen=True)
class Match:
    """A class that fits what was typed.

    Attributes:
        name: the class.
        index: its index.
        other: the other name of it that fits, where its own does not fit as well; else ``""``.
    """

    name: str
    index: int
    other: str = ""


@dataclass(frozen=True)
class _Form:
    """One name of a class, ready to be compared."""

    text: str
    folded: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> _Form:
        folded = _fold(text)
        return cls(text, folded, tuple(folded.split()))

    def fits(self, typed: str, wanted: _Form) -> tuple[int, bool] | None:
        """How it fits, and whether a word of it is only begun; None if it does not."""
        if not wanted.words:  # signs alone
            return (INSIDE, True) if typed in self.text.casefold() else None
        if self.folded == wanted.folded:
            return EXACT, False
        partial = not set(wanted.words) <= set(self.words)
        if self.folded.startswith(wanted.folded):
            return BEGINS, partial
        if all(any(own.startswith(word) for own in self.words) for word in wanted.words):
            return WORDS_BEGIN, partial
        if wanted.folded in self.folded or typed in self.text.casefold():
            return INSIDE, True
        return None


class ClassSearch:
    """Finds classes among many.

    Upper and lower case, hyphens and underscores make no difference. A name with commas, as ImageNet's are published,
    is several names of one class.

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

    def find(self, typed: str) -> list[Match]:
        """The classes that fit, the best first; all if nothing was typed.

        The class of an index that was typed comes first. Then follow the classes with a name that is what was typed,
        those whose own name begins so, or has words that begin so in any order, those with another such name, and
        those that have it inside a word. Among equals, whole words go before begun ones, and then they keep their
        order.
        """
        typed = typed.strip().casefold()
        if not typed:
            return [Match(name, index) for index, name in enumerate(self.names)]
        wanted = _Form.of(typed)
        ranked: list[tuple[tuple[int, bool, int], Match]] = []
        for index, (name, forms) in enumerate(zip(self.names, self._forms, strict=True)):
            if self._is_index(typed, index):
                ranked.append(((-1, False, index), Match(name, index)))
                continue
            fitting = [
                ((BEST_FIRST.index((fit[0], form is not forms[0])), fit[1], index), form)
                for form in forms
                if (fit := form.fits(typed, wanted)) is not None
            ]
            if fitting:
                key, form = min(fitting, key=lambda one: one[0])
                ranked.append((key, Match(name, index, form.text if form is not forms[0] else "")))
        return [match for _, match in sorted(ranked, key=lambda one: one[0])]

    def exactly(self, typed: str) -> list[int]:
        """The classes that are called this: by their own name, else by their index, else by another name of theirs."""
        typed = typed.strip().casefold()
        own = [index for index, name in enumerate(self.names) if name.casefold() == typed]
        if own or not typed:
            return own
        by_number = [index for index in range(len(self.names)) if self._is_index(typed, index)]
        folded = _fold(typed)
        return by_number or [
            index for index, forms in enumerate(self._forms) if folded and any(form.folded == folded for form in forms)
        ]

    def nearest(self, typed: str, count: int = 3) -> list[str]:
        """The names most like what was typed, the best first: those that fit, then those that are spelt like it."""
        found = [match.name for match in self.find(typed)[:count]] if typed.strip() else []
        return list(dict.fromkeys([*found, *self._spelt_like(typed, count)]))[:count]

    def unknown(self, typed: str) -> str:
        """The sentence for a name that no class has."""
        near = self.nearest(typed)
        if typed.strip().isdecimal():
            return f"There is no class {typed!r}; there are {len(self.names)} classes, 0 to {len(self.names) - 1}."
        all_of_them = "" if len(self.names) <= len(near) else f" ({len(self.names)} in all)"
        return f"There is no class {typed!r}; the nearest are {quoted(near)}{all_of_them}."

    def _spelt_like(self, typed: str, count: int) -> list[str]:
        wanted = _fold(typed) or typed.casefold()
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

    def _is_index(self, typed: str, index: int) -> bool:
        return typed.isdecimal() and int(typed) == index and not any(name.casefold() == typed for name in self.names)


@lru_cache(maxsize=8)
def class_search(names: tuple[str, ...], synonyms: tuple[tuple[str, ...], ...] = ()) -> ClassSearch:
    """The search of these names, made once."""
    return ClassSearch(names, synonyms)


def _parts(name: str) -> list[str]:
    return [part.strip() for part in name.split(",") if part.strip()]


def _fold(text: str) -> str:
    """A name in lower case, its words set apart by single blanks."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
