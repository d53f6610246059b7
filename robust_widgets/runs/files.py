"""What a saved run says of itself, and the run that this makes again, whatever the file's kind."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from robust_widgets._files import atomic_write
from robust_widgets.errors import SaveError, TraceError, quoted
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.grid import enlarged, tile, untile
from robust_widgets.runs.export import write_mp4
from robust_widgets.runs.playback import curves
from robust_widgets.runs.trace import METRICS, Frame, Trace

OPTIONAL = ("probabilities", "gradient")


def header_of(trace: Trace) -> dict[str, Any]:
    """What a saved run says of itself, beside its arrays."""
    return {
        "task": trace.task,
        "knobs": trace.parameters,
        "seed": trace.seed,
        "model": trace.model,
        "fingerprint": trace.fingerprint,
        "target": trace.target,
        "classes": list(trace.classes),
        "radius": trace.radius,
    }


def arrays_of(trace: Trace) -> dict[str, Any]:
    """What a saved run holds beside its header and its pictures: numbers, what only some frames have, and inputs."""
    arrays: dict[str, Any] = {"seconds": trace.seconds, **trace.metrics}
    for name in OPTIONAL:
        rows = {step: row for step in range(len(trace)) if (row := getattr(trace[step], name)) is not None}
        if rows:
            arrays[name], arrays[f"{name}_steps"] = np.stack(list(rows.values())), np.array(list(rows))
    return arrays | {f"input_{name}": values for name, values in trace.inputs.items()}


def assemble(header: dict[str, Any], frames: Pixels, saved: Any) -> Trace:
    """The run of a header, its pictures, uint8 (steps + 1, n, h, w, 3), and the arrays of an open NPZ file.

    Raises:
        KeyError, ValueError, TypeError: something is missing or does not fit.
    """
    seconds, metrics = saved["seconds"], {name: saved[name] for name in METRICS}
    if {len(column) for column in (frames, seconds, *metrics.values())} != {len(frames)}:
        raise ValueError("its columns are not of one length")
    optional = {name: _rows(saved, name) for name in OPTIONAL}
    inputs = {name.removeprefix("input_"): saved[name] for name in saved.files if name.startswith("input_")}
    header = {**header, "classes": tuple(header.get("classes", ()))}
    parameters = header.pop("knobs")  # the key of the files, older than the attribute's name
    trace = Trace(**header, parameters=parameters, inputs=inputs)
    for step, pixels in enumerate(frames):
        numbers = {name: values[step] for name, values in metrics.items()}
        extra: dict[str, Any] = {name: rows.get(step) for name, rows in optional.items()}
        trace.append(Frame(step=step, pixels=pixels, seconds=float(seconds[step]), **numbers, **extra))
    return trace


def _rows(saved: Any, name: str) -> dict[int, Any]:
    """What is kept of some frames only, by frame."""
    if name not in saved.files:
        return {}
    return {int(step): row for step, row in zip(saved[f"{name}_steps"], saved[name], strict=True)}


ARCHIVE_FORMAT, VERSION = "robust-widgets run", 1


def write_archive(trace: Trace, file: IO[bytes]) -> None:
    """Write a run that has at least one frame."""
    count, height, width, _ = trace[0].pixels.shape
    run = {
        "format": ARCHIVE_FORMAT,
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
        if run["format"] != ARCHIVE_FORMAT:
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
    return untile(grid, count)


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
    atomic_write(path, lambda file: writer(trace, file))


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
