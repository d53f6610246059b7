"""Runs as pictures, animations and video."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import IO, Any

import numpy as np
from PIL import Image

from robust_widgets.errors import SaveError, first_line
from robust_widgets.pictures.grid import enlarged, tile
from robust_widgets.runs.record import RunRecord

ENCODER = "libx264"
SIDE = 256
SECONDS = 4
SLOWEST, FASTEST = 10, 30
HELD_SECONDS = 1
GIF_SIDE = 192
GIF_COLORS = 128
FRAME_MILLISECONDS = 50
LAST_FRAME_MILLISECONDS = 1500


def write_png(trace: RunRecord, file: IO[bytes]) -> None:
    """Write the final pictures, tiled."""
    Image.fromarray(tile(trace[-1].pixels)).save(file, "PNG")


def write_gif(trace: RunRecord, file: IO[bytes]) -> None:
    """Write every step as a frame, enlarged to at least 192 pixels."""
    save_gif((enlarged(tile(trace[index].pixels), GIF_SIDE) for index in range(len(trace))), file)


def save_gif(pictures: Iterable[Image.Image], file: IO[bytes]) -> None:
    """Write pictures of one size as an animation; the last one is held."""
    # Without dithering, which GIF compresses badly: it trebles the file.
    frames = [picture.quantize(GIF_COLORS, dither=Image.Dither.NONE) for picture in pictures]
    durations = [FRAME_MILLISECONDS] * (len(frames) - 1) + [LAST_FRAME_MILLISECONDS]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)


def frames_per_second(count: int) -> int:
    """Frame rate that makes a run of ``count`` frames last a few seconds, within what looks smooth."""
    return max(SLOWEST, min(FASTEST, round(count / SECONDS)))


def write_mp4(trace: RunRecord, file: IO[bytes]) -> None:
    """Write every step as a frame of H.264 video, enlarged to at least 256 pixels; the last one lasts a second.

    Raises:
        SaveError: PyAV is not installed, or has no H.264 encoder.
    """
    save_mp4(len(trace), lambda index: enlarged(tile(trace[index].pixels), SIDE), file)


def save_mp4(count: int, picture_at: Callable[[int], Image.Image], file: IO[bytes]) -> None:
    """Write ``count`` pictures of one size as H.264 video; the last one is held. Raises as :func:`write_mp4`."""
    av = _av()
    rate = frames_per_second(count)
    with av.open(file, "w", format="mp4") as container:
        stream: Any = None
        for index in [*range(count), *[count - 1] * (HELD_SECONDS * rate)]:
            picture = picture_at(index)
            if stream is None:
                stream = _stream(container, rate, picture.width, picture.height)
            # H.264 with subsampled chroma needs even sizes.
            picture = picture.resize((stream.width, stream.height)) if picture.size != _size(stream) else picture
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def require_video() -> None:
    """Check that videos can be written here.

    Raises:
        SaveError: PyAV is not installed, or has no H.264 encoder.
    """
    av = _av()
    try:
        av.codec.Codec(ENCODER, "w")
    except Exception as error:
        raise _no_encoder(error) from None


def _no_encoder(error: Exception) -> SaveError:
    return SaveError(
        f"The installed PyAV has no H.264 encoder ({first_line(error)}); save as '.gif', or pip install --upgrade av."
    )


def _stream(container: Any, rate: int, width: int, height: int) -> Any:
    try:
        stream = container.add_stream(ENCODER, rate=rate)
    except Exception as error:
        raise _no_encoder(error) from None
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


def strip(trace: RunRecord, count: int = 6, side: int = 128) -> Image.Image:
    """Evenly spaced steps of a run in a row, one row per picture, each at least ``side`` pixels high."""
    steps = np.unique(np.linspace(0, len(trace) - 1, count).round().astype(int))
    chosen = np.stack([trace[int(step)].pixels for step in steps], axis=1)
    rows = [enlarged(tile(row, columns=len(steps)), side) for row in chosen]
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)))
    for index, row in enumerate(rows):
        sheet.paste(row, (0, index * row.height))
    return sheet
