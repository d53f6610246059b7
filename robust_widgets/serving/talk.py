"""One notebook's connection: what it says, and what it is answered. It knows no sockets."""

from __future__ import annotations

from collections.abc import Callable
from traceback import format_exc

import numpy as np

from robust_widgets import __version__
from robust_widgets.errors import RobustWidgetsError, StateError
from robust_widgets.interface import messages
from robust_widgets.interface.explanation import Answer
from robust_widgets.interface.messages import FROM_CLIENT
from robust_widgets.interface.question_messages import from_answer, from_class_picture, to_question
from robust_widgets.interface.robustness import Robustness
from robust_widgets.interface.wire import OLDEST, PROTOCOL, Arrays, Message, common_protocol, from_wire, to_wire
from robust_widgets.pictures.limits import LONGEST_DETAILS
from robust_widgets.serving.batcher import Batcher, Began, Ended, Event, Ticket, Waits
from robust_widgets.serving.pool import Pool
from robust_widgets.serving.users import Person

MOST_MISTAKES = 10  # messages that are none, before a connection is closed


class Talk:
    """A connection. All methods are called on the thread of the event loop.

    Args:
        pool: the models.
        person: who speaks.
        send: sends a message; may be called after the connection was closed.
        hang_up: closes the connection.
        soon: has a function called on the event loop's thread, from any thread.

    Attributes:
        owner: whom the runs count for; ``""`` before the first message.
        session: the notebook's name of itself.
        refused: messages that were none.
    """

    def __init__(
        self,
        pool: Pool,
        person: Person,
        send: Callable[[str | bytes], object],
        hang_up: Callable[[], object],
        soon: Callable[[Callable[[], object]], object],
    ) -> None:
        self._pool, self._person = pool, person
        self._send, self._hang_up, self._soon = send, hang_up, soon
        self._runs: dict[int, tuple[Batcher, Ticket]] = {}
        self._wanted: set[tuple[str, int]] = set()  # the classes of each model whose pictures were asked for
        self.owner = self.session = ""
        self.refused = 0
        self.closed = False

    def receive(self, data: str | bytes) -> None:
        """Answer a message, which may be anything."""
        try:
            message, arrays = from_wire(data, FROM_CLIENT)
            if not self.owner and not isinstance(message, messages.ClientHello):
                raise ValueError("the first message has to be a hello")
            self._answer(message, arrays)
        except RobustWidgetsError as error:
            self._refuse(str(error))
        except ValueError as error:
            self.refused += 1
            self._refuse(f"The server cannot read this message: {error}.")
            if self.refused >= MOST_MISTAKES:
                self._hang_up()

    def close(self) -> None:
        """The connection is gone: its runs end, and their places are free."""
        self.closed = True
        for batcher, ticket in self._runs.values():
            batcher.stop(ticket)
        self._runs.clear()

    def replace(self) -> None:
        """The notebook has connected again: close this connection, which may still seem open."""
        self.close()
        self._hang_up()

    def _answer(self, message: Message, arrays: Arrays) -> None:
        match message:
            case messages.ClientHello():
                self._greet(message)
            case messages.About():
                model = self._pool.model(message.model)
                self._say(*messages.from_model(message.model, model.info))
            case messages.Run():
                self._run(message, arrays)
            case messages.Stop():
                if message.id in self._runs:
                    batcher, ticket = self._runs[message.id]
                    batcher.stop(ticket)
            case messages.Taken():
                if message.id in self._runs:
                    batcher, ticket = self._runs[message.id]
                    batcher.acknowledge(ticket, message.step)
            case messages.Measure():
                self._measure(message.model)
            case messages.Ask():
                self._ask(message, arrays)
            case messages.PaintClasses():
                self._paint_classes(message)
            case _:
                raise ValueError("it is one of the server's own")

    def _greet(self, hello: messages.ClientHello) -> None:
        if self.owner:
            raise ValueError("it is a second hello")
        try:
            common_protocol(hello.oldest, hello.newest, "notebook")
        except StateError:
            self._soon(self._hang_up)  # after the sentence
            raise
        self.session = hello.session
        self.owner = self._person.name or f"notebook {hello.session[:8]}"
        models = {name: model.fingerprint for name, model in self._pool.models.items()}
        self._say(
            messages.ServerHello(
                oldest=OLDEST, newest=PROTOCOL, version=__version__, models=models, owner=self._person.name
            )
        )

    def _run(self, message: messages.Run, arrays: Arrays) -> None:
        number = message.id
        if number in self._runs:
            raise ValueError(f"there is a run {number} already")

        def sink(event: Event) -> None:  # on the batcher's thread
            data = _event_to_wire(number, event)
            self._soon(lambda: self._deliver(number, event, data))

        try:
            batcher = self._pool.model(message.model).freest
            request = messages.to_request(message, {name: np.array(array) for name, array in arrays.items()})
            self._runs[number] = batcher, batcher.submit(self.owner, request, sink, message.have)
        except RobustWidgetsError as error:
            self._say(messages.Ended(id=number, state="failed", message=str(error), details=format_exc()))

    def _deliver(self, number: int, event: Event, data: str | bytes) -> None:
        if self.closed:
            return
        self._send(data)
        if isinstance(event, Ended):
            self._runs.pop(number, None)

    def _measure(self, name: str) -> None:
        def report(robustness: Robustness | None) -> None:
            self._soon(lambda: self._say(messages.from_robustness(name, robustness)))

        self._pool.model(name).batchers[0].measure(report)

    def _ask(self, message: messages.Ask, arrays: Arrays) -> None:
        def report(answer: Answer) -> None:  # on the batcher's thread
            reply = from_answer(message.id, answer)
            self._soon(lambda: self._say(*reply))

        try:
            question = to_question(message, {name: np.array(array) for name, array in arrays.items()})
            self._pool.model(message.model).freest.ask(self.owner, question, report, lambda: not self.closed)
        except (RobustWidgetsError, ValueError) as error:
            own = isinstance(error, RobustWidgetsError)
            sentence = str(error) if own else f"The server cannot read this question: {error}."
            self._say(messages.Unanswered(id=message.id, message=sentence, details=format_exc()))

    def _paint_classes(self, message: messages.PaintClasses) -> None:
        def report(index: int, jpeg: bytes) -> None:  # on the batcher's thread
            self._soon(lambda: self._say(*from_class_picture(message.model, index, jpeg)))

        model = self._pool.model(message.model)
        wanted = [(message.model, index) for index in message.classes if index < len(model.info.classes)]
        fresh = [index for _, index in dict.fromkeys(wanted) if (message.model, index) not in self._wanted]
        self._wanted.update(wanted)
        model.batchers[0].paint_classes(fresh, report, lambda: not self.closed)

    def _refuse(self, sentence: str) -> None:
        self._say(messages.Refused(message=sentence))

    def _say(self, message: Message, arrays: Arrays | None = None) -> None:
        if not self.closed:
            self._send(to_wire(message, arrays))


def _event_to_wire(number: int, event: Event) -> str | bytes:
    match event:
        case Waits():
            return to_wire(messages.Queued(id=number, before=event.before))
        case Began():
            return to_wire(messages.from_trace(number, event.trace, event.steps))
        case Ended():
            return to_wire(
                messages.Ended(
                    id=number, state=event.state, message=event.message, details=event.details[-LONGEST_DETAILS:]
                )
            )
        case _:
            return to_wire(*messages.from_frame(number, event))
