"""What a batcher does between steps: answers to questions about pictures, and pictures of classes.

Neither shares a step with others, so they may not take the device from everybody's runs: while there are runs, answers
have at most half of the time, and pictures of classes a twentieth.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from robust_widgets.errors import StateError
from robust_widgets.interface.explanation import Answer, Question
from robust_widgets.interface.session import ClassPictureListener

ANSWERS, PICTURES = 0.5, 0.05  # shares of the time, while there are runs
MOST_QUESTIONS = 2  # of one owner that wait at a time, one for each of two open studios
MOST_WAITING = 100


class Expert(Protocol):
    """What answers and paints classes; a part of a `robust_widgets.serving.batcher.Device`."""

    def answer(self, question: Question) -> Answer:
        """What the model sees in a picture, or why that cannot be told; raises nothing."""
        ...

    def class_picture(self, index: int, go_on: Callable[[], bool]) -> bytes | None:
        """A class as a JPEG file; empty if it cannot be painted, None if ``go_on`` interrupted it."""
        ...


@dataclass(frozen=True, eq=False)
class _Asked:
    owner: str
    question: Question
    listener: Callable[[Answer], object]
    is_wanted: Callable[[], bool]


@dataclass(frozen=True, eq=False)
class _WantedPicture:
    listener: ClassPictureListener
    is_wanted: Callable[[], bool]


class Errands:
    """Questions and wanted pictures of classes, in the order in which they came; the same picture is painted once.

    Args:
        expert: answers, on the thread that calls `do_one`.
        clock: seconds, growing.
    """

    def __init__(self, expert: Expert, clock: Callable[[], float]) -> None:
        self._expert, self._clock = expert, clock
        self._lock = threading.Lock()
        self._questions: list[_Asked] = []
        self._pictures: dict[int, list[_WantedPicture]] = {}
        self._next_answer = self._next_picture = 0.0

    def ask(
        self, owner: str, question: Question, listener: Callable[[Answer], object], is_wanted: Callable[[], bool]
    ) -> None:
        """Have a question answered.

        Args:
            owner: who asks.
            question: about a picture.
            listener: called once with the answer, unless nobody wants it any more.
            is_wanted: whether somebody still waits for it.

        Raises:
            StateError: the owner, or everybody together, asks too much at a time.
        """
        with self._lock:
            self._questions = [asked for asked in self._questions if asked.is_wanted()]
            if sum(asked.owner == owner for asked in self._questions) >= MOST_QUESTIONS:
                raise StateError(f"You have {MOST_QUESTIONS} questions on this server already; wait for an answer.")
            if len(self._questions) >= MOST_WAITING:
                raise StateError(f"The server is full: {MOST_WAITING} questions wait already; ask again in a minute.")
            self._questions.append(_Asked(owner, question, listener, is_wanted))

    def paint_classes(
        self, classes: Sequence[int], listener: ClassPictureListener, is_wanted: Callable[[], bool]
    ) -> None:
        """Call ``listener(index, jpeg)`` with the picture of each of these classes, once it is painted."""
        with self._lock:
            for index in classes:
                self._pictures.setdefault(index, []).append(_WantedPicture(listener, is_wanted))

    def do_one(self, *, busy: bool, go_on: Callable[[], bool]) -> bool:
        """Answer a question, or paint a class; returns whether anything was done.

        Args:
            busy: whether there are runs, which the device is shared with.
            go_on: where there are none, a picture of a class is interrupted once this is False.
        """
        now = self._clock()
        with self._lock:
            self._questions = [asked for asked in self._questions if asked.is_wanted()]
            asked = self._questions.pop(0) if self._questions and (not busy or now >= self._next_answer) else None
        if asked is not None:
            _report(partial(asked.listener, self._expert.answer(asked.question)))
            self._next_answer = self._clock() + _rest(self._clock() - now, ANSWERS)
            return True
        return (not busy or now >= self._next_picture) and self._paint_one(now, (lambda: True) if busy else go_on)

    def delay(self) -> float | None:
        """Seconds until there may be something to do although there are runs; None if nobody wants anything."""
        with self._lock:
            times = [self._next_answer] if self._questions else []
            times += [self._next_picture] if self._pictures else []
        return max(0.0, min(times) - self._clock()) if times else None

    def _paint_one(self, began: float, go_on: Callable[[], bool]) -> bool:
        with self._lock:
            for index in list(self._pictures):
                self._pictures[index] = [wanted for wanted in self._pictures[index] if wanted.is_wanted()]
                if not self._pictures[index]:
                    del self._pictures[index]
            index = next(iter(self._pictures), None)
        if index is None:
            return False
        picture = self._expert.class_picture(index, go_on)
        self._next_picture = self._clock() + _rest(self._clock() - began, PICTURES)
        if picture is not None:
            with self._lock:
                listeners = self._pictures.pop(index)
            for wanted in listeners if picture else ():
                _report(partial(wanted.listener, index, picture))
        return True


def _rest(seconds: float, share: float) -> float:
    """How long runs have the device alone after an errand of so many seconds."""
    return seconds * (1 / share - 1)


def _report(call: Callable[[], object]) -> None:
    """Call a listener; an exception in it must not end the batcher's thread."""
    try:
        call()
    except Exception:
        traceback.print_exc()
