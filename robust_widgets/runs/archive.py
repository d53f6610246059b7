"""The project's own saved run, ``.rwtrace``: a ZIP archive that a browser can play with no kernel. No torch here.

Nothing in it is compressed once more, so that a reader finds every part by its place alone:

- ``run.json``: what the run was asked, and its curves in the unit of the knob "epsilon".
- ``frames/00000.png`` and so on: each step's pictures, tiled, without loss.
- ``arrays.npz``: everything else of the record, to the bit.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from robust_widgets.errors import TraceError
from robust_widgets.pixels import tile, untiled
from robust_widgets.runs.contents import arrays_of, assemble, header_of
from robust_widgets.runs.recording import curves
from robust_widgets.trace import Pixels, Trace

FORMAT, VERSION = "robust-widgets run", 1


def write_archive(trace: Trace, file: IO[bytes]) -> None:
    """Write a run that has at least one frame."""
    count, height, width, _ = trace[0].pixels.shape
    run = {
        "format": FORMAT,
        "version": VERSION,
        "header": header_of(trace),
        "frames": len(trace),
        "pictures": {"count": count, "height": height, "width": width},
        "curves": curves(trace, range(len(trace))).message(),
    }
    arrays = io.BytesIO()
    np.savez_compressed(arrays, **arrays_of(trace))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        # Dated 1980, as ZipInfo is by default: the same run is the same bytes.
        archive.writestr(zipfile.ZipInfo("run.json"), json.dumps(run, ensure_ascii=False, allow_nan=False).encode())
        for step in range(len(trace)):
            archive.writestr(zipfile.ZipInfo(_frame(step)), _png(trace[step].pixels))
        archive.writestr(zipfile.ZipInfo("arrays.npz"), arrays.getvalue())


def read_archive(path: Path) -> Trace:
    """Read what :func:`write_archive` wrote.

    Raises:
        TraceError: it was saved by a newer version.
        Exception: whatever damaged bytes make the readers raise.
    """
    with zipfile.ZipFile(path) as archive:
        run: dict[str, Any] = json.loads(archive.read("run.json"))
        if run["format"] != FORMAT:
            raise ValueError(f"its format is {run['format']!r}")
        if run["version"] != VERSION:
            raise TraceError(
                f"{str(path)!r} was saved by another version of robust-widgets (format {run['version']}, "
                f"this one reads {VERSION}); update robust-widgets to read it."
            )
        shape = tuple(int(run["pictures"][name]) for name in ("count", "height", "width"))
        frames = [_untiled(archive.read(_frame(step)), shape) for step in range(int(run["frames"]))]
        with np.load(io.BytesIO(archive.read("arrays.npz")), allow_pickle=False) as saved:
            return assemble(run["header"], np.stack(frames), saved)


def _frame(step: int) -> str:
    return f"frames/{step:05}.png"


def _png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(tile(pixels)).save(file, "PNG")
    return file.getvalue()


def _untiled(png: bytes, shape: tuple[int, ...]) -> Pixels:
    """The pictures of one step, uint8 (n, h, w, 3), out of the grid that :func:`tile` makes."""
    count, height, width = shape
    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        grid = np.asarray(picture)
    if grid.dtype != np.uint8 or grid.shape != tile(np.zeros((count, height, width, 3), np.uint8)).shape:
        raise ValueError(f"a picture is {grid.shape[1]} x {grid.shape[0]}")
    return untiled(grid, count)
