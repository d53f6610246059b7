"""A page that computes runs, in this process: what a browser does, without a browser."""

from __future__ import annotations

from robust_widgets.interface import messages
from robust_widgets.interface.page_messages import Begun, EngineLoaded, PageHello, PageListener
from robust_widgets.interface.session import FrameMade, RunEnded, RunEvent, RunStarted
from robust_widgets.interface.wire import Arrays, Message
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.session.local import LocalSession


class FakePage:
    """A link with one page, whose engine is a session of this process.

    Args:
        model: what it computes with; None for a page that is told everything and computes nothing.
        greets: whether it says hello, and that it is ready, at once.

    Attributes:
        told: what it was told, with the page's name.
        idle: what the kernel answers when it is asked whether it takes messages.
    """

    def __init__(self, model: RobustClassifier | None = None, *, greets: bool = True) -> None:
        self.told: list[tuple[str, Message, Arrays]] = []
        self.idle = True
        self.session = None if model is None else LocalSession(model)
        self._greets = greets
        self._listener: PageListener = lambda page, message, arrays: None

    def listen(self, listener: PageListener) -> None:
        self._listener = listener
        if self._greets:
            self.say(PageHello())
            self.say(EngineLoaded())

    def say(self, message: Message, arrays: Arrays | None = None, page: str = "one") -> None:
        self._listener(page, message, arrays or {})

    def tell(self, page: str, message: Message, arrays: Arrays | None = None) -> None:
        self.told.append((page, message, arrays or {}))
        if self.session is None:
            return
        if isinstance(message, messages.Run):
            request, number = messages.to_request(message, arrays or {}), message.id
            self.session.submit(request, lambda event: self._report(number, event))
        elif isinstance(message, messages.Stop):
            self.session.cancel()

    def is_idle(self) -> bool:
        return self.idle

    def close(self) -> None:
        if self.session is not None:
            self.session.close()

    def _report(self, number: int, event: RunEvent) -> None:
        match event:
            case RunStarted():
                self.say(Begun(id=number))
            case FrameMade(frame=frame):
                self.say(*messages.from_frame(number, frame))
            case RunEnded(state=state, message=text, details=details):
                self.say(messages.Ended(id=number, state=state, message=text, details=details))
