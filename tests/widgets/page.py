"""A fake page: it records what widgets send, draws canvases, and clicks, types and paints."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
from comm.base_comm import BaseComm
from ipycanvas.canvas import COMMANDS
from PIL import Image

from robust_widgets.pictures import Pixels
from robust_widgets.widgets.painting.canvas import RasterCanvas, mask_overlay, with_alpha
from robust_widgets.widgets.painting.raster import Raster

NAMES = {number: name for name, number in COMMANDS.items()}


class Message(NamedTuple):
    """A custom message to the page."""

    content: dict[str, Any]
    buffers: list[bytes]


class PageComm(BaseComm):
    """The kernel's side of a comm."""

    def __init__(self, page: Page, **arguments: Any) -> None:
        self.page = page
        super().__init__(**arguments)

    def publish_msg(self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **_: Any) -> None:
        del metadata
        self.page.receive(self.comm_id, msg_type, data or {}, buffers or [])


class Page:
    """What a user would see and do.

    Attributes:
        batches: the drawing commands of each message to the canvases, by name.
    """

    def __init__(self) -> None:
        self.batches: list[list[tuple[str, list[Any]]]] = []
        self._lock = threading.Lock()
        self._sent: dict[str, list[Message]] = {}
        self._layers: dict[str, Pixels] = {}
        self._current: str | None = None

    def open(self, **arguments: Any) -> PageComm:
        """A new comm, as `comm.create_comm` creates it."""
        return PageComm(self, **arguments)

    def receive(self, widget: str, kind: str, data: dict[str, Any], buffers: Sequence[Any]) -> None:
        with self._lock:
            if kind == "comm_msg" and data.get("method") == "custom":
                json.dumps(data, allow_nan=False)
                message = Message(data["content"], [bytes(buffer) for buffer in buffers])
                self._sent.setdefault(widget, []).append(message)
            else:
                sizes = {key: value for key, value in data.get("state", {}).items() if key in ("width", "height")}
                if any(isinstance(value, int) for value in sizes.values()):
                    self._resize(widget, sizes)

    def sent(self, widget: ipywidgets.Widget, *kinds: str) -> list[Message]:
        """The messages sent to a widget's front end, all or of some kinds, oldest first."""
        messages = self._sent.get(widget.model_id, [])
        return [message for message in messages if not kinds or message.content["kind"] in kinds]

    def kinds(self, widget: ipywidgets.Widget) -> list[str]:
        """The kinds of all messages sent to a widget's front end."""
        return [message.content["kind"] for message in self.sent(widget)]

    def forget(self) -> None:
        """Forget the messages so far."""
        self._sent.clear()
        self.batches.clear()

    def reload(self) -> None:
        """Reload the page: all canvases are blank, and none is current."""
        self._layers = {name: np.zeros_like(layer) for name, layer in self._layers.items()}
        self._current = None

    def tell(self, widget: ipywidgets.Widget, content: object, *buffers: bytes) -> None:
        """Deliver a custom message of the widget's front end."""
        data = {"method": "custom", "content": json.loads(json.dumps(content))}
        widget._handle_msg({"content": {"data": data}, "buffers": [memoryview(buffer) for buffer in buffers]})

    def set(self, widget: ipywidgets.Widget, **state: Any) -> None:
        """The user changed widget state."""
        data = {"method": "update", "state": json.loads(json.dumps(state)), "buffer_paths": []}
        widget._handle_msg({"content": {"data": data}, "buffers": []})

    def click(self, button: ipywidgets.Button) -> None:
        """The person pressed a button."""
        assert not button.disabled, f"{button.description or button.tooltip} is disabled"
        self.tell(button, {"event": "click"})

    def stroke(self, pad: ipywidgets.Widget, points: Iterable[tuple[float, ...]], number: int = 1) -> None:
        """A whole stroke through (x, y) or (x, y, pressure), sent as the pad does: its begin, then its end."""
        self.part(pad, "begin", points, number)
        self.part(pad, "end", [], number)

    def part(self, pad: ipywidgets.Widget, phase: str, points: Iterable[tuple[float, ...]], number: int = 1) -> None:
        """A part of a stroke."""
        rows = [[x, y, *(pressure or (1,))] for x, y, *pressure in points]
        self.tell(pad, {"kind": "stroke", "id": number, "phase": phase, "points": rows})

    def act(self, pad: ipywidgets.Widget, name: str) -> None:
        """A keyboard shortcut on the pad."""
        self.tell(pad, {"kind": "action", "name": name})

    def layers(self, canvas: RasterCanvas) -> tuple[Pixels, Pixels, Pixels]:
        """What a canvas shows: the image alone, the painting and the mask's tint, uint8 (side, side, 4)."""
        image, painting, mask = (self._layers[part.model_id] for part in (canvas.image, canvas.painting, canvas.mask))
        return image, painting, mask

    def shows(self, canvas: RasterCanvas, raster: Raster) -> bool:
        """Whether a canvas shows exactly this raster."""
        image, painting, mask = self.layers(canvas)
        return (
            np.array_equal(image, with_alpha(raster.image))
            and np.array_equal(painting, with_alpha(raster.composite()))
            and np.array_equal(mask[..., 3], mask_overlay(raster.mask, 0, 0)[..., 3])
        )

    def draw(self, _content: Any, buffers: Sequence[Any]) -> None:
        """A message to all canvases, carried out as ipycanvas does in the browser."""
        commands: list[Any] = json.loads(bytes(buffers[0]))
        left = [bytes(buffer) for buffer in buffers[1:]]
        with self._lock:
            batch: list[tuple[str, list[Any]]] = []
            for number, arguments, *count in commands if isinstance(commands[0], list) else [commands]:
                used, left = left[: sum(count)], left[sum(count) :]
                batch.append((NAMES[number], [*arguments, *used]))
                self._carry_out(*batch[-1])
            self.batches.append(batch)

    def _carry_out(self, name: str, arguments: list[Any]) -> None:
        if name == "switchCanvas":
            self._current = arguments[0].removeprefix("IPY_MODEL_")
            return
        assert self._current is not None, "the browser does not know which canvas is current"
        layer = self._layers[self._current]
        if name == "clearRect":
            x, y, width, height = arguments
            layer[y : y + height, x : x + width] = 0
        elif name == "putImageData":
            x, y, data = arguments
            pixels = decoded(data)
            height, width = pixels.shape[:2]
            below = layer[y : y + height, x : x + width]
            if below.any():
                pixels = np.asarray(Image.alpha_composite(Image.fromarray(below), Image.fromarray(pixels)))
            below[...] = pixels
        else:
            raise AssertionError(f"this page knows no {name}")

    def _resize(self, widget: str, sizes: dict[str, int]) -> None:
        old = self._layers.get(widget, np.zeros((0, 0, 4), np.uint8))
        height, width = sizes.get("height", old.shape[0]), sizes.get("width", old.shape[1])
        self._layers[widget] = np.zeros((height, width, 4), np.uint8)


def decoded(file: bytes) -> Pixels:
    """A PNG or JPEG file's pixels."""
    return np.asarray(Image.open(io.BytesIO(file)))


def encoded(pixels: Pixels, kind: str = "PNG") -> bytes:
    """Pixels as a picture file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def noise(*shape: int, seed: int = 0) -> Pixels:
    """Random pixels."""
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def is_sentence(text: str, *named: str) -> bool:
    """Whether a text is one line of whole sentences, names what it should, and shows no traceback."""
    whole = text.endswith(".") and len(text.split()) >= 5
    return whole and "\n" not in text and "Traceback" not in text and all(name in text for name in named)
