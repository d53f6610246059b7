"""Files of recorded runs: ``.rwtrace`` and ``.npz``, and export to other formats by extension."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from PIL import Image

from robust_widgets._files import atomic_write
from robust_widgets.errors import SaveError, TraceError, first_line, quoted
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.grid import tile, untile
from robust_widgets.runs.export import write_gif, write_mp4, write_png
from robust_widgets.runs.playback import curves
from robust_widgets.runs.record import METRICS, Frame, RunRecord

R = TypeVar("R", bound=RunRecord)

OPTIONAL = ("probabilities", "gradient")


def header_of(trace: RunRecord) -> dict[str, Any]:
    """Metadata of a saved run. Its keys are part of the file formats."""
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


def arrays_of(trace: RunRecord) -> dict[str, Any]:
    """Arrays of a saved run next to its pictures: metrics, arrays that only some frames have, and inputs."""
    arrays: dict[str, Any] = {"seconds": trace.seconds, **trace.metrics}
    for name in OPTIONAL:
        rows = {step: row for step in range(len(trace)) if (row := getattr(trace[step], name)) is not None}
        if rows:
            arrays[name], arrays[f"{name}_steps"] = np.stack(list(rows.values())), np.array(list(rows))
    return arrays | {f"input_{name}": values for name, values in trace.inputs.items()}


def rebuild(header: dict[str, Any], frames: Pixels, saved: Any, kind: type[R]) -> R:
    """Rebuild a run from its metadata, its pictures, uint8 (steps + 1, n, h, w, 3), and the arrays of an open NPZ file.

    Raises:
        KeyError, ValueError, TypeError: something is missing or does not fit.
    """
    seconds, metrics = saved["seconds"], {name: saved[name] for name in METRICS}
    if {len(column) for column in (frames, seconds, *metrics.values())} != {len(frames)}:
        raise ValueError("its columns are not of one length")
    optional = {name: _rows(saved, name) for name in OPTIONAL}
    inputs = {name.removeprefix("input_"): saved[name] for name in saved.files if name.startswith("input_")}
    header = {**header, "classes": tuple(header.get("classes", ()))}
    parameters = header.pop("knobs")  # the files' key predates the attribute's name
    trace = kind(**header, parameters=parameters, inputs=inputs)
    for step, pixels in enumerate(frames):
        numbers = {name: values[step] for name, values in metrics.items()}
        extra: dict[str, Any] = {name: rows.get(step) for name, rows in optional.items()}
        trace.append(Frame(step=step, pixels=pixels, seconds=float(seconds[step]), **numbers, **extra))
    return trace


def _rows(saved: Any, name: str) -> dict[int, Any]:
    """Arrays that only some frames have, by step."""
    if name not in saved.files:
        return {}
    return {int(step): row for step, row in zip(saved[f"{name}_steps"], saved[name], strict=True)}


ARCHIVE_FORMAT, VERSION = "robust-widgets run", 1


def write_archive(trace: RunRecord, file: IO[bytes]) -> None:
    """Write a run of at least one frame as a ZIP archive of JSON, PNGs and arrays."""
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
        # ZipInfo's default date, 1980, so that equal runs give equal bytes.
        archive.writestr(zipfile.ZipInfo("run.json"), json.dumps(run, ensure_ascii=False, allow_nan=False).encode())
        for step in range(len(trace)):
            archive.writestr(zipfile.ZipInfo(_frame(step)), _png(trace[step].pixels))
        archive.writestr(zipfile.ZipInfo("arrays.npz"), arrays.getvalue())


def read_archive(path: Path, kind: type[R]) -> R:
    """Read what :func:`write_archive` wrote.

    Raises:
        TraceError: it was saved by a newer version.
        Exception: anything that damaged bytes make zipfile, json, PIL or numpy raise.
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
            return rebuild(run["header"], np.stack(frames), saved, kind)


def _frame(step: int) -> str:
    return f"frames/{step:05}.png"


def _png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(tile(pixels)).save(file, "PNG")
    return file.getvalue()


def _untiled(png: bytes, shape: tuple[int, ...]) -> Pixels:
    """The pictures of one step, uint8 (n, h, w, 3), cut from their grid."""
    count, height, width = shape
    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        grid = np.asarray(picture)
    if grid.dtype != np.uint8 or grid.shape != tile(np.zeros((count, height, width, 3), np.uint8)).shape:
        raise ValueError(f"a picture is {grid.shape[1]} x {grid.shape[0]}")
    return untile(grid, count)


FORMAT = "robust-widgets trace 2"
FORMATS = ("robust-widgets trace 1", FORMAT)


def save_run(trace: RunRecord, path: str | os.PathLike[str]) -> None:
    """Write a run in the format of the file's extension; see :meth:`Trace.save`.

    Raises:
        SaveError: another extension, or the file cannot be written.
    """
    path = Path(path)
    writer = _writers().get(path.suffix.lower())
    if writer is None:
        raise SaveError(f"{str(path)!r} ends in {path.suffix!r}; runs are saved as {quoted(endings())}.")
    atomic_write(path, lambda file: writer(trace, file))


def endings() -> tuple[str, ...]:
    """Extensions of the files that a run can be saved as."""
    return tuple(_writers())


def _writers() -> dict[str, Callable[[RunRecord, IO[bytes]], None]]:
    return {
        ".png": write_png,
        ".gif": write_gif,
        ".mp4": write_mp4,
        ".rwtrace": write_archive,
        ".npz": _write_npz,
    }


def read_run(path: str | os.PathLike[str], kind: type[R]) -> R:
    """Read a run from an ``.rwtrace`` or ``.npz`` file, including those of earlier versions.

    Args:
        path: the file.
        kind: the class to make.

    Raises:
        TraceError: the file is missing, damaged, or not a saved run.
    """
    path = Path(path)
    if not path.is_file():
        raise TraceError(f"There is no file {str(path)!r}; give a run saved as '.rwtrace' or '.npz'.")
    try:
        return (read_archive if path.suffix.lower() == ".rwtrace" else _read_npz)(path, kind)
    except TraceError:
        raise
    except Exception as error:  # damaged bytes make zipfile, zlib, PIL and numpy raise almost anything
        raise TraceError(
            f"{str(path)!r} is not a saved run or is damaged ({first_line(error)}); "
            "give a file made by trace.save('….rwtrace') or trace.save('….npz')."
        ) from None


def _write_npz(trace: RunRecord, file: IO[bytes]) -> None:
    header = np.array(json.dumps({"format": FORMAT, **header_of(trace)}))
    np.savez_compressed(file, header=header, frames=trace.frames, **arrays_of(trace))


def _read_npz(path: Path, kind: type[R]) -> R:
    with np.load(path, allow_pickle=False) as saved:
        header = json.loads(str(saved["header"]))
        if header.pop("format") not in FORMATS:
            raise TraceError(f"{str(path)!r} was saved by another version of robust-widgets.")
        return rebuild(header, saved["frames"], saved, kind)
