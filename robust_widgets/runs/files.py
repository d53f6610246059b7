"""Write recorded runs: ``.rwtrace`` and ``.npz``, and export to other formats by extension."""

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

from robust_widgets._files import atomic_write, check_output
from robust_widgets.errors import SaveError, quoted
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.files import as_path
from robust_widgets.pictures.grid import tile
from robust_widgets.runs.export import write_gif, write_mp4, write_png
from robust_widgets.runs.playback import curves
from robust_widgets.runs.record import RunRecord

OPTIONAL = ("probabilities", "gradient")


def frame_name(step: int) -> str:
    """The picture of a step in an archive."""
    return f"frames/{step:05}.png"


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
            archive.writestr(zipfile.ZipInfo(frame_name(step)), _png(trace[step].pixels))
        archive.writestr(zipfile.ZipInfo("arrays.npz"), arrays.getvalue())


def _png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(tile(pixels)).save(file, "PNG")
    return file.getvalue()


NPZ_FORMATS = ("robust-widgets trace 1", "robust-widgets trace 2")
FORMAT = NPZ_FORMATS[-1]


def save_run(trace: RunRecord, path: str | os.PathLike[str], *, overwrite: bool | None = None) -> None:
    """Write a run in the format of the file's extension; see :meth:`Trace.save`.

    Raises:
        SaveError: another extension, a file that is not to be replaced, or one that cannot be written.
    """
    path = as_path(path)
    write = run_writer(trace, path)
    check_output(path, overwrite=overwrite, sources=trace.sources)
    atomic_write(path, write, overwrite=overwrite is not False)


def run_writer(trace: RunRecord, path: Path) -> Callable[[IO[bytes]], object]:
    """Writes a run as it is now, in the format of a file's extension.

    Raises:
        SaveError: another extension.
    """
    writer = _writers().get(path.suffix.lower())
    if writer is None:
        raise SaveError(f"{str(path)!r} ends in {path.suffix!r}; runs are saved as {quoted(endings())}.")
    now = trace.so_far()
    return lambda file: writer(now, file)


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


def _write_npz(trace: RunRecord, file: IO[bytes]) -> None:
    header = np.array(json.dumps({"format": FORMAT, **header_of(trace)}))
    np.savez_compressed(file, header=header, frames=trace.frames, **arrays_of(trace))
