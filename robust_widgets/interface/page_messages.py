"""The messages between a session in the kernel and the page that computes its runs, and the way that they take.

Frames, the end of a run and its stop are those of :mod:`robust_widgets.interface.messages`. Both ends check what they
receive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, Protocol, TypeAlias

from pydantic import Field

from robust_widgets.interface.messages import Ended, FrameMessage, Identifier, Sentence
from robust_widgets.interface.wire import Arrays, Message
from robust_widgets.runs.schema import Text


class PageHello(Message):
    """The first message of a page that shows the studio."""

    kind: Literal["hello"] = "hello"


class PageAlive(Message):
    """The page is still there.

    Attributes:
        answers: the `Ping` that it answers; 0 for none.
    """

    kind: Literal["alive"] = "alive"
    answers: Identifier = 0


class PageBye(Message):
    """The last message of a page, which is closed or no longer shows the studio."""

    kind: Literal["bye"] = "bye"


class FilesWanted(Message):
    """The page can compute, and wants the recorded steps and the weights. The answer is `FilePart`, repeatedly."""

    kind: Literal["files"] = "files"


class EngineLoaded(Message):
    """The page is ready to compute, or can't.

    Attributes:
        message: one sentence if it can't, else "".
        details: more about that, else "".
    """

    kind: Literal["loaded"] = "loaded"
    message: Sentence = ""
    details: Sentence = ""


class Begun(Message):
    """A run has started."""

    kind: Literal["begun"] = "begun"
    id: Identifier


class Ping(Message):
    """Is the page still there? The answer is `PageAlive`."""

    kind: Literal["ping"] = "ping"
    id: Identifier


class FilePart(Message):
    """A file for the page; its array ``data``, uint8, is all of it.

    Attributes:
        name: as in the manifest, whose own name is ``"manifest.json"``.
        gzip: whether the data is compressed.
        count: how many files there are.
    """

    kind: Literal["file"] = "file"
    name: Text
    gzip: bool
    count: Annotated[int, Field(ge=1)]


FROM_PAGE: dict[str, type[Message]] = {
    "hello": PageHello,
    "alive": PageAlive,
    "bye": PageBye,
    "files": FilesWanted,
    "loaded": EngineLoaded,
    "begun": Begun,
    "frame": FrameMessage,
    "ended": Ended,
}

PageListener: TypeAlias = Callable[[str, Message, Arrays], object]


class PageLink(Protocol):
    """The way to the pages that show a studio. Each page has a name, which it draws at random."""

    def listen(self, listener: PageListener) -> None:
        """Call ``listener(page, message, arrays)`` for each message of a page, on any thread."""
        ...

    def tell(self, page: str, message: Message, arrays: Arrays | None = None) -> None:
        """Send a message to a page; one that is gone gets nothing."""
        ...

    def is_idle(self) -> bool:
        """Whether the kernel takes messages at this moment. While a cell runs it may not, so silence means nothing."""
        ...
