"""Write recorded runs: ``.rwtrace`` and ``.npz``, and export to other formats by extension."""

from __future__ import annotations

import io
import json
import math
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from robust_widgets._files import atomic_write, check_output
from robust_widgets.errors import SaveError, quoted, short_text
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.files import as_path
from robust_widgets.pictures.grid import tile
from robust_widgets.pictures.limits import LONGEST_KEY, LONGEST_NAME
from robust_widgets.runs.export import write_gif, write_mp4, write_png
from robust_widgets.runs.playback import curves
from robust_widgets.runs.record import RunRecord

OPTIONAL = ("probabilities", "gradient")


def frame_name(step: int) -> str:
    """The picture of a step in an archive."""
    return f"frames/{step:05}.png"


def header_of(trace: RunRecord) -> dict[str, Any]:
    """Metadata of a saved run. Its keys are part of the file formats.

    A problem of somebody's own may have names and values that no file may have; they are written as text, so that the
    run can be read again.
    """
    return {
        "task": _name(trace.task),
        "knobs": {_name(name): _plain(value) for name, value in trace.parameters.items()},
        "seed": trace.seed,
        "model": trace.model[:LONGEST_NAME],
        "fingerprint": trace.fingerprint if re.fullmatch("[0-9a-f]{0,128}", trace.fingerprint) else "",
        "target": trace.target[:LONGEST_NAME],
        "classes": [name[:LONGEST_NAME] for name in trace.classes],
        "radius": None if trace.radius is None else float(trace.radius),
    }


def _name(text: str) -> str:
    """A name of letters, digits and underscores."""
    plain = re.sub("[^A-Za-z0-9_]", "_", text)[:LONGEST_KEY]
    return plain if plain and not plain[0].isdigit() else f"_{plain}"[:LONGEST_KEY]


def _plain(value: Any) -> bool | int | float | str | None:
    """A parameter's value, as text where JSON cannot hold it as it is."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, bool):
        return value
    if (isinstance(value, int) and abs(value) < 2**63) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return short_text(value, LONGEST_NAME - 1)


def arrays_of(trace: RunRecord) -> dict[str, Any]:
    """Arrays of a saved run next to its pictures: metrics, arrays that only some frames have, and inputs."""
    columns = {"seconds": trace.seconds, **trace.metrics}
    arrays: dict[str, Any] = {name: values.astype(np.float64) for name, values in columns.items()}
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
