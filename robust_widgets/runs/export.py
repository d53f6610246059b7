"""Runs as H.264 video. No torch here."""

from __future__ import annotations

import importlib
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from robust_widgets.errors import SaveError
from robust_widgets.pictures.grid import enlarged, tile
from robust_widgets.runs.trace import Trace

if TYPE_CHECKING:
    from robust_widgets.runs.trace import Trace


SIDE = 256
SECONDS = 4
SLOWEST, FASTEST = 10, 30
HELD_SECONDS = 1


def frames_per_second(count: int) -> int:
    """So many that the run lasts a few seconds, within what looks like motion and what every player plays."""
    return max(SLOWEST, min(FASTEST, round(count / SECONDS)))


def write_mp4(trace: Trace, file: IO[bytes]) -> None:
    """Every step as a frame, enlarged to at least 256 pixels; the last is held for a second.

    Raises:
        SaveError: PyAV is not installed, or has no H.264 encoder.
    """
    from robust_widgets.pictures.grid import enlarged, tile

    av = _av()
    rate = frames_per_second(len(trace))
    with av.open(file, "w", format="mp4") as container:
        stream: Any = None
        for index in [*range(len(trace)), *[len(trace) - 1] * (HELD_SECONDS * rate)]:
            picture = enlarged(tile(trace[index].pixels), SIDE)
            if stream is None:
                stream = _stream(container, rate, picture.width, picture.height)
            # H.264 with halved chroma takes even sides only.
            picture = picture.resize((stream.width, stream.height)) if picture.size != _size(stream) else picture
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def _stream(container: Any, rate: int, width: int, height: int) -> Any:
    try:
        stream = container.add_stream("libx264", rate=rate)
    except Exception as error:
        raise SaveError(
            f"The installed PyAV has no H.264 encoder ({error}); save as '.gif', or pip install --upgrade av."
        ) from None
    stream.width, stream.height = width + width % 2, height + height % 2
    stream.pix_fmt = "yuv420p"
    stream.options = {"crf": "18", "preset": "medium", "movflags": "faststart"}
    return stream


def _size(stream: Any) -> tuple[int, int]:
    return stream.width, stream.height


def _av() -> Any:
    try:
        return importlib.import_module("av")
    except ImportError:
        raise SaveError(
            "A video needs PyAV, which is not installed: pip install 'robust-widgets[video]', or save as '.gif'."
        ) from None


def strip(trace: Trace, count: int = 6, side: int = 128) -> Image.Image:
    """Evenly spaced steps of a run next to each other, one row for each picture, each at least ``side`` high."""
    steps = np.unique(np.linspace(0, len(trace) - 1, count).round().astype(int))
    chosen = np.stack([trace[int(step)].pixels for step in steps], axis=1)
    rows = [enlarged(tile(row, columns=len(steps)), side) for row in chosen]
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)))
    for index, row in enumerate(rows):
        sheet.paste(row, (0, index * row.height))
    return sheet
