"""Runs as files: PNG, GIF, MP4, and the whole record as RWTRACE or NPZ."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from robust_widgets.errors import SaveError, TraceError, quoted
from robust_widgets.files import write_whole
from robust_widgets.pixels import enlarged, tile
from robust_widgets.runs.archive import read_archive, write_archive
from robust_widgets.runs.contents import arrays_of, assemble, header_of
from robust_widgets.runs.video import write_mp4
from robust_widgets.trace import Trace

FORMAT = "robust-widgets trace 2"
FORMATS = ("robust-widgets trace 1", FORMAT)
GIF_SIDE = 192
GIF_COLORS = 128
FRAME_MILLISECONDS = 50
LAST_FRAME_MILLISECONDS = 1500


def save_trace(trace: Trace, path: str | os.PathLike[str]) -> None:
    """Write a run as its ending says; see :meth:`Trace.save`."""
    path = Path(path)
    writer = _writers().get(path.suffix.lower())
    if writer is None:
        raise SaveError(f"{str(path)!r} ends in {path.suffix!r}; a run is saved as {quoted(endings())}.")
    write_whole(path, lambda file: writer(trace, file))


def endings() -> tuple[str, ...]:
    """The endings of the files that a run can be saved as."""
    return tuple(_writers())


def _writers() -> dict[str, Callable[[Trace, IO[bytes]], None]]:
    return {
        ".png": _write_png,
        ".gif": _write_gif,
        ".mp4": write_mp4,
        ".rwtrace": write_archive,
        ".npz": _write_npz,
    }


def _write_png(trace: Trace, file: IO[bytes]) -> None:
    Image.fromarray(tile(trace[-1].pixels)).save(file, "PNG")


def _write_gif(trace: Trace, file: IO[bytes]) -> None:
    # Undithered: dithering is noise to GIF's compression, and trebles the file.
    frames = [
        enlarged(tile(trace[index].pixels), GIF_SIDE).quantize(GIF_COLORS, dither=Image.Dither.NONE)
        for index in range(len(trace))
    ]
    durations = [FRAME_MILLISECONDS] * (len(frames) - 1) + [LAST_FRAME_MILLISECONDS]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)


def load_trace(path: str | os.PathLike[str]) -> Trace:
    """Read a run that :meth:`Trace.save` wrote as ``.rwtrace`` or ``.npz``, also by an earlier version.

    Raises:
        TraceError: the file is missing, damaged, or not a saved run.
    """
    path = Path(path)
    if not path.is_file():
        raise TraceError(f"There is no file {str(path)!r}; give a run saved as '.rwtrace' or '.npz'.")
    try:
        return read_archive(path) if path.suffix.lower() == ".rwtrace" else _read_npz(path)
    except TraceError:
        raise
    except Exception as error:  # Damaged bytes make zipfile, zlib, PIL and numpy raise almost anything.
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise TraceError(
            f"{str(path)!r} is not a saved run or is damaged ({reason}); "
            "give a file made by trace.save('….rwtrace') or trace.save('….npz')."
        ) from None


def _write_npz(trace: Trace, file: IO[bytes]) -> None:
    header = np.array(json.dumps({"format": FORMAT, **header_of(trace)}))
    np.savez_compressed(file, header=header, frames=trace.frames, **arrays_of(trace))


def _read_npz(path: Path) -> Trace:
    with np.load(path, allow_pickle=False) as saved:
        header = json.loads(str(saved["header"]))
        if header.pop("format") not in FORMATS:
            raise TraceError(f"{str(path)!r} was saved by another version of robust-widgets.")
        return assemble(header, saved["frames"], saved)
