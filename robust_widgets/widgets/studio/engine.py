"""The part of a studio that has its runs computed by the browser. It shows nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets as t

from robust_widgets import __version__
from robust_widgets.interface.page_messages import FROM_PAGE, PageListener
from robust_widgets.interface.wire import HEAD, Arrays, from_wire
from robust_widgets.interface.wire import Message as WireMessage
from robust_widgets.widgets.page_widget import STATIC, Message, PageWidget

LONGEST_NAME = 64
ANSWER_SECONDS = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PageMessage:
    """A page sent a message."""

    page: str
    message: WireMessage
    arrays: Arrays


class BrowserEngine(PageWidget[PageMessage]):
    """The way from a :class:`~robust_widgets.session.browser.BrowserSession` to the pages that show its studio.

    Attributes:
        version: of this package; JupyterLab's extension, whose files compute, has to be of the same.
    """

    _esm = STATIC / "browser.js"

    version = t.Unicode(__version__).tag(sync=True)

    def __init__(self) -> None:
        super().__init__(layout={"display": "none"})
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:  # outside of a kernel
            self._loop = None

    def listen(self, listener: PageListener) -> None:
        self.on_event(lambda event: listener(event.page, event.message, event.arrays))

    def tell(self, page: str, message: WireMessage, arrays: Arrays | None = None) -> None:
        in_order = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
        shapes = {name: {"dtype": array.dtype.name, "shape": list(array.shape)} for name, array in in_order.items()}
        content = {**message.model_dump(by_alias=True), "page": page, "arrays": shapes}
        self.send(content, buffers=[array.tobytes() for array in in_order.values()])

    def is_idle(self) -> bool:
        if self._loop is None or self._loop.is_closed():
            return True
        answered = threading.Event()
        self._loop.call_soon_threadsafe(answered.set)
        return answered.wait(ANSWER_SECONDS)

    def parse(self, message: Message, buffers: Sequence[Any]) -> PageMessage | None:
        page = message.get("page")
        if not isinstance(page, str) or not 0 < len(page) <= LONGEST_NAME:
            return None
        try:
            head = json.dumps(message).encode()
            parsed, arrays = from_wire(b"".join([len(head).to_bytes(HEAD, "big"), head, *buffers]), FROM_PAGE)
        except (ValueError, TypeError) as error:
            logger.debug("a page's message was refused: %s", error)
            return None
        return PageMessage(page, parsed, arrays)
