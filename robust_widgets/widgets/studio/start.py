"""The start panel: examples to begin with, and the tour. Its page also folds the studio's panels."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import traitlets as t
from PIL import Image

from robust_widgets.interface import examples
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.grid import tile
from robust_widgets.widgets.page_widget import STATIC, HelloEvent, Message, PageWidget, is_count

SIDE = 96


@dataclass(frozen=True)
class ExampleEvent:
    """The user chose a sketch, by the name of its class."""

    name: str


@dataclass(frozen=True)
class PhotographEvent:
    """The user chose the photograph."""


@dataclass(frozen=True)
class SurpriseEvent:
    """The user wants to be surprised."""


@dataclass(frozen=True)
class PingEvent:
    """The page asks whether the kernel has time for it; `StartPanel` answers."""

    number: int


StartEvent: TypeAlias = HelloEvent | PingEvent | ExampleEvent | PhotographEvent | SurpriseEvent


class StartPanel(PageWidget[StartEvent]):
    """Examples that start a run with one click.

    Args:
        classes: the model's; a sketch is offered if the model knows its class.
        has_canvas: whether the studio has a canvas to put a picture on.

    Attributes:
        sketches: names of the sketches on offer.
        photograph: whether the photograph is on offer.
        folded: whether only the heading is shown, as when something was painted or run already.
    """

    _esm = STATIC / "studio.js"
    _css = STATIC / "studio.css"

    sketches = t.List(t.Unicode()).tag(sync=True)
    photograph = t.Bool(False).tag(sync=True)
    folded = t.Bool(False).tag(sync=True)

    def __init__(self, classes: tuple[str, ...], *, has_canvas: bool) -> None:
        self._classes = classes
        super().__init__(
            sketches=examples.sketch_names(classes) if has_canvas else [],
            photograph=has_canvas and examples.has_photograph(),
        )
        self.on_event(self._answer)

    def class_of(self, name: str) -> str:
        """The model's class that a sketch shows."""
        return examples.class_of(name, self._classes)

    def photograph_target(self) -> str:
        """A class that the photograph may become; ``""`` if the model knows none that suits it."""
        return examples.photograph_target(self._classes)

    def parse(self, message: Message, buffers: Sequence[Any]) -> StartEvent | None:
        del buffers
        match message.get("kind"):
            case "hello":
                return HelloEvent()
            case "ping":
                number = message.get("number")
                return PingEvent(number) if is_count(number) else None
            case "photograph":
                return PhotographEvent()
            case "surprise":
                return SurpriseEvent()
            case "example":
                name = message.get("name")
                return ExampleEvent(name) if isinstance(name, str) and name in self.sketches else None
            case _:
                return None

    def _answer(self, event: StartEvent) -> None:
        if isinstance(event, PingEvent):
            self.send({"kind": "pong", "number": event.number})
        if isinstance(event, HelloEvent) and self.sketches:
            self.send({"kind": "sheet"}, buffers=[_sheet(tuple(self.sketches))])


def surprise(classes: Sequence[str]) -> tuple[str, int]:
    """A class and a seed, drawn at random."""
    return random.choice(list(classes)), random.randrange(10_000)


@lru_cache(maxsize=2)
def _sheet(names: tuple[str, ...]) -> bytes:
    """The sketches side by side in one JPEG."""
    pictures = np.stack([_on_paper(examples.sketch(name, SIDE)) for name in names])
    file = io.BytesIO()
    Image.fromarray(tile(pictures, len(names))).save(file, "JPEG", quality=88, subsampling=0)
    return file.getvalue()


def _on_paper(pixels: Pixels) -> Pixels:
    alpha = pixels[..., 3:] / 255
    return np.round(pixels[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
