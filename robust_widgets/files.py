"""Runs as files: PNG, GIF, MP4, and the whole record as RWTRACE or NPZ. No torch here."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from robust_widgets.errors import SaveError, TraceError, quoted
from robust_widgets.trace import METRICS, Frame, Pixels, Trace
from robust_widgets.video import write_mp4

FORMAT = "robust-widgets trace 2"
FORMATS = ("robust-widgets trace 1", FORMAT)
OPTIONAL = ("probabilities", "gradient")
GIF_SIDE = 192
GIF_COLORS = 128
FRAME_MILLISECONDS = 50
LAST_FRAME_MILLISECONDS = 1500


def tile(pictures: Pixels, columns: int | None = None) -> Pixels:
    """Pictures side by side in a grid that is as square as can be; uint8 (n, h, w, 3) -> (rows * h, columns * w, 3)."""
    count, height, width, channels = pictures.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    grid = np.full((rows * height, columns * width, channels), 255, dtype=np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * height, index % columns * width
        grid[top : top + height, left : left + width] = picture
    return grid


def untiled(grid: Pixels, count: int) -> Pixels:
    """The pictures of a square grid that :func:`tile` made; uint8 (rows * h, columns * w, 3) -> (n, h, w, 3)."""
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    height, width = grid.shape[0] // rows, grid.shape[1] // columns
    return grid.reshape(rows, height, columns, width, 3).swapaxes(1, 2).reshape(-1, height, width, 3)[:count].copy()


def enlarged(pixels: Pixels, side: int) -> Image.Image:
    """A picture smoothly scaled up so that its height is at least ``side``; larger ones are left alone."""
    picture = Image.fromarray(pixels)
    factor = side / picture.height
    if factor <= 1:
        return picture
    return picture.resize((round(picture.width * factor), side), Image.Resampling.BICUBIC)


def strip(trace: Trace, count: int = 6, side: int = 128) -> Image.Image:
    """Evenly spaced steps of a run next to each other, one row for each picture, each at least ``side`` high."""
    steps = np.unique(np.linspace(0, len(trace) - 1, count).round().astype(int))
    chosen = np.stack([trace[int(step)].pixels for step in steps], axis=1)
    rows = [enlarged(tile(row, columns=len(steps)), side) for row in chosen]
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)))
    for index, row in enumerate(rows):
        sheet.paste(row, (0, index * row.height))
    return sheet


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
    from robust_widgets.archive import write_archive

    return {
        ".png": _write_png,
        ".gif": _write_gif,
        ".mp4": write_mp4,
        ".rwtrace": write_archive,
        ".npz": _write_npz,
    }


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises:
        SaveError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(
            f"The folder {str(folder)!r} could not be made ({error.strerror}); choose another place."
        ) from None


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file whole or not at all: the old file stays until the new one is complete.

    Raises:
        SaveError: the folder is missing or not writable, or the disk is full.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            write(file)
        partial.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        reason = error.strerror or str(error)
        raise SaveError(
            f"{str(path)!r} could not be written ({reason}); nothing is lost, save to another place."
        ) from None


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


def header_of(trace: Trace) -> dict[str, Any]:
    """What a saved run says of itself, beside its arrays."""
    return {
        "task": trace.task,
        "knobs": trace.knobs,
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
    trace = Trace(**header, inputs=inputs)
    for step, pixels in enumerate(frames):
        numbers = {name: values[step] for name, values in metrics.items()}
        extra: dict[str, Any] = {name: rows.get(step) for name, rows in optional.items()}
        trace.append(Frame(step=step, pixels=pixels, seconds=float(seconds[step]), **numbers, **extra))
    return trace


def load_trace(path: str | os.PathLike[str]) -> Trace:
    """Read a run that :meth:`Trace.save` wrote as ``.rwtrace`` or ``.npz``, also by an earlier version.

    Raises:
        TraceError: the file is missing, damaged, or not a saved run.
    """
    from robust_widgets.archive import read_archive

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


def _rows(saved: Any, name: str) -> dict[int, Any]:
    """What is kept of some frames only, by frame."""
    if name not in saved.files:
        return {}
    return {int(step): row for step, row in zip(saved[f"{name}_steps"], saved[name], strict=True)}
