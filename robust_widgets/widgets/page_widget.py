"""Base of the widgets with a front end of ours, thread-safe links between traits, and how widgets are closed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeGuard, TypeVar, cast

import anywidget
import ipywidgets
import traitlets

from robust_widgets._bundled import STATIC as STATIC
from robust_widgets.pictures.limits import MAX_NUMBER


def thread_safe_link(first: traitlets.HasTraits, name: str, second: traitlets.HasTraits, second_name: str) -> None:
    """Set the second trait to the first one's value, and keep them equal from then on.

    If both change at once, the value copied last wins.
    """
    lock = threading.RLock()
    copying = False

    def copy(source: traitlets.HasTraits, of: str, target: traitlets.HasTraits, to: str) -> None:
        nonlocal copying
        with lock:
            if copying:  # on this thread: the other trait reports the value that was just copied
                return
            copying = True
            try:
                setattr(target, to, getattr(source, of))
            finally:
                copying = False

    copy(first, name, second, second_name)
    first.observe(lambda _: copy(first, name, second, second_name), name)
    second.observe(lambda _: copy(second, second_name, first, name), second_name)


_OURS = __name__.rpartition(".")[0]  # sessions and runs hold no widgets


class WholeBox(ipywidgets.VBox):
    """A box that closes with everything in it; ipywidgets would keep its parts, and all they refer to, for ever."""

    def close(self) -> None:
        """Close the box and all its parts, shown or hidden, with their layouts and styles."""
        for widget in list(_widgets_of(self)):
            ipywidgets.Widget.close(widget)


def _widgets_of(root: object) -> Iterator[ipywidgets.Widget]:
    """Every widget that an object holds: in its attributes, its traits, and those of its parts of this package."""
    seen: dict[int, object] = {}
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part
        if isinstance(part, ipywidgets.Widget):
            yield part
            traits: dict[str, object] = cast(Any, part)._trait_values
            # A private one is shared: ipycanvas has one manager for all canvases.
            waiting.extend(value for name, value in traits.items() if not name.startswith("_"))
        if type(part).__module__.startswith(_OURS):
            waiting.extend(getattr(part, "__dict__", {}).values())
        elif isinstance(part, dict):
            waiting.extend(cast("dict[object, object]", part).values())
        elif isinstance(part, (list, tuple)):
            waiting.extend(cast("Sequence[object]", part))


logger = logging.getLogger(__name__)

E = TypeVar("E")
Message: TypeAlias = Mapping[str, object]
Remove: TypeAlias = Callable[[], None]


@dataclass(frozen=True)
class HelloEvent:
    """A page shows the widget, for the first time or again, and needs everything that is not widget state."""


@dataclass(frozen=True)
class AckEvent:
    """The page has shown message ``sequence``, and has shown or skipped all before it."""

    sequence: int


class PageWidget(anywidget.AnyWidget, Generic[E]):
    """Parses the messages of its front end and passes the events on."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # Given the paths, anywidget would keep each widget for ever, to reload its files while they are edited.
        for name in ("_esm", "_css"):
            path = cls.__dict__.get(name)
            if isinstance(path, Path):
                setattr(cls, name, path.read_text("utf-8"))
        super().__init_subclass__(**kwargs)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._callbacks: tuple[Callable[[E], object], ...] = ()
        self.on_msg(self._receive)

    def on_event(self, callback: Callable[[E], object]) -> Remove:
        """Call ``callback(event)`` for each event; returns a function that removes the callback.

        Callbacks may run on any thread and should return at once. An exception in one is logged, not raised.
        """
        self._callbacks = (*self._callbacks, callback)

        def remove() -> None:
            self._callbacks = tuple(other for other in self._callbacks if other is not callback)

        return remove

    def parse(self, message: Message, buffers: Sequence[Any]) -> E | None:
        """The event of a message, or None if the message is malformed."""
        raise NotImplementedError

    def _receive(self, _widget: object, content: object, buffers: Sequence[Any]) -> None:
        event = self.parse(cast("Message", content), buffers) if isinstance(content, Mapping) else None
        if event is None:
            logger.debug("%s ignored a malformed message: %.200r", type(self).__name__, content)
            return
        for callback in self._callbacks:
            try:
                callback(event)
            except Exception:
                logger.exception("a callback of %s failed on %s", type(self).__name__, type(event).__name__)


def is_count(value: object) -> TypeGuard[int]:
    """Whether a value of a message is a whole number from 0, as far as a page can count."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NUMBER
