"""What a remote session asks besides runs, until it is answered. Needs no torch."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from robust_widgets.errors import first_line
from robust_widgets.interface import messages
from robust_widgets.interface.explanation import Answer, NoAnswer, Question
from robust_widgets.interface.question_messages import from_question, to_answer, to_class_picture
from robust_widgets.interface.session import ClassPictureListener
from robust_widgets.interface.wire import Arrays, Message
from robust_widgets.session.listeners import tell

Outgoing = tuple[Message, Arrays]


class RemoteErrands:
    """Questions about pictures, and wanted pictures of classes; all methods are called on the session's thread.

    Everything that is not answered is asked again of a new connection.
    """

    def __init__(self) -> None:
        self._numbers = count(1)
        self._questions: dict[int, tuple[Question, Callable[[Answer], object]]] = {}
        self._pictures: dict[int, ClassPictureListener] = {}

    @property
    def has_questions(self) -> bool:
        """Whether somebody waits for an answer."""
        return bool(self._questions)

    def ask(self, model: str, question: Question, listener: Callable[[Answer], object]) -> Outgoing | None:
        """The message that asks a question; None if no message can, which its listener is told."""
        number = next(self._numbers)
        try:
            outgoing = from_question(number, model, question)
        except ValueError as error:
            sentence = f"The question cannot be sent to the server: {first_line(error)}."
            tell(listener, NoAnswer(sentence, traceback.format_exc()))
            return None
        self._questions[number] = question, listener
        return outgoing

    def want(self, model: str, classes: Sequence[int], listener: ClassPictureListener) -> Outgoing:
        """The message that asks for pictures of classes."""
        self._pictures.update((index, listener) for index in classes)
        return messages.PaintClasses(model=model, classes=tuple(classes)), {}

    def again(self, model: str) -> Iterator[Outgoing]:
        """The messages for a new connection."""
        for number, (question, _) in self._questions.items():
            yield from_question(number, model, question)
        if self._pictures:
            yield messages.PaintClasses(model=model, classes=tuple(self._pictures)), {}

    def receive(self, message: Message, arrays: Arrays) -> bool:
        """Deliver a message if it is about one of these; returns whether it was."""
        match message:
            case messages.Explained() | messages.Changed() | messages.Unanswered():
                if message.id in self._questions:
                    _, listener = self._questions.pop(message.id)
                    answer = _answer(message, arrays)
                    tell(listener, answer)
            case messages.Painted():
                show = self._pictures.pop(message.index, None)
                if show is not None:
                    tell(lambda: show(message.index, to_class_picture(arrays)))
            case messages.Refused():  # of an older server, which does not know such questions
                self.fail(message.message)
            case _:
                return False
        return True

    def fail(self, sentence: str) -> None:
        """Answer all questions with why there is no answer."""
        questions, self._questions = self._questions, {}
        for _, listener in questions.values():
            tell(listener, NoAnswer(sentence))


def _answer(message: messages.Explained | messages.Changed | messages.Unanswered, arrays: Arrays) -> Answer:
    try:
        return to_answer(message, arrays)
    except ValueError as error:
        sentence = f"The server's answer cannot be read: {first_line(error)}; ask again."
        return NoAnswer(sentence, traceback.format_exc())
