"""Read saved runs. A file may come from anybody, so all of it is checked here, before anything is allocated."""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from robust_widgets._files import checked, checked_json
from robust_widgets.errors import TraceError, first_line
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.files import as_path, is_file
from robust_widgets.pictures.grid import layout, untile
from robust_widgets.pictures.io import open_picture
from robust_widgets.pictures.limits import LONGEST_JSON, LONGEST_RUN, Budget, is_too_large
from robust_widgets.runs.files import NPZ_FORMATS, OPTIONAL, VERSION, frame_name
from robust_widgets.runs.record import METRICS, Frame, RunRecord
from robust_widgets.runs.schema import ARRAYS, Archive, ArchiveVersion, ArrayKind, Header, NpzHeader, Shape

R = TypeVar("R", bound=RunRecord)

INPUTS = ("picture", "mask", "start")


def read_run(path: str | os.PathLike[str], kind: type[R]) -> R:
    """Read a run from an ``.rwtrace`` or ``.npz`` file, including those of earlier versions.

    Args:
        path: the file.
        kind: the class to make.

    Raises:
        TraceError: the file is missing, damaged, or not a saved run.
    """
    path = as_path(path)
    if not is_file(path):
        raise TraceError(f"There is no file {str(path)!r}; give a run saved as '.rwtrace' or '.npz'.")
    try:
        return (read_archive if path.suffix.lower() == ".rwtrace" else read_npz)(path, kind)
    except TraceError:
        raise
    except Exception as error:  # damaged bytes make zipfile, zlib, PIL and numpy raise almost anything
        raise TraceError(
            f"{str(path)!r} is not a saved run or is damaged ({first_line(error)}); "
            "give a file made by trace.save('….rwtrace') or trace.save('….npz')."
        ) from None


def read_archive(path: Path, kind: type[R]) -> R:
    """Read a ``.rwtrace`` file.

    Raises:
        TraceError: it was saved by a newer version.
        Exception: anything that damaged bytes make zipfile, PIL or numpy raise.
    """
    size = path.stat().st_size
    budget = Budget.of_run(size)
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        # The parts are stored as they are, so those that are packed or overlap were made to be larger than their file.
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or (
            sum(entry.file_size for entry in entries) > size
        ):
            raise ValueError("its parts claim to be larger than the file")
        if archive.getinfo("run.json").file_size > LONGEST_JSON:
            raise ValueError(f"its run.json is larger than {LONGEST_JSON / 1e6:.0f} MB")
        values = json.loads(archive.read("run.json"))
        version = checked(ArchiveVersion, values).version
        if version != VERSION:
            raise TraceError(
                f"{str(path)!r} was saved by another version of robust-widgets (format {version}, this one reads "
                f"{VERSION}); update robust-widgets to read it."
            )
        run = checked(Archive, values)
        shape = run.pictures.count, run.pictures.height, run.pictures.width, 3
        budget.take(run.frames * math.prod(shape))
        frames = (_untiled(archive.read(frame_name(step)), run.pictures) for step in range(run.frames))
        with zipfile.ZipFile(io.BytesIO(archive.read("arrays.npz"))) as arrays:
            return rebuild(run.header, frames, (run.frames, *shape), Arrays(arrays, budget), kind)


def read_npz(path: Path, kind: type[R]) -> R:
    """Read a ``.npz`` file; raises as `read_archive`."""
    with zipfile.ZipFile(path) as archive:
        arrays = Arrays(archive, Budget.of_run(path.stat().st_size))
        header = checked_json(NpzHeader, str(arrays["header"]).encode())
        if not header.format.startswith("robust-widgets trace"):
            raise ValueError("it holds other arrays")
        if header.format not in NPZ_FORMATS:
            raise TraceError(f"{str(path)!r} was saved by another version of robust-widgets.")
        frames = arrays["frames"]
        return rebuild(header, frames, frames.shape, arrays, kind)


def _untiled(png: bytes, shape: Shape) -> Pixels:
    """The pictures of one step, uint8 (n, h, w, 3), cut from their grid."""
    rows, columns = layout(shape.count)
    with open_picture(io.BytesIO(png), ["PNG"]) as picture:
        if picture.mode != "RGB" or picture.size != (columns * shape.width, rows * shape.height):
            raise ValueError(f"a picture is {picture.width} x {picture.height}, {picture.mode}")
        return untile(np.asarray(picture), shape.count)


class Arrays:
    """The arrays of an NPZ file, each checked against its declaration before it is read.

    Args:
        archive: the file.
        budget: what the arrays may take.
        declared: what each array holds, by its name.
    """

    def __init__(self, archive: zipfile.ZipFile, budget: Budget, declared: Mapping[str, ArrayKind] = ARRAYS) -> None:
        self._archive, self._budget, self._declared = archive, budget, declared
        self._entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """Read an array.

        Raises:
            KeyError, ValueError: it is missing, is not what it should be, or too large.
        """
        entry, declared = self._entries[name], self._declared[name]
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"its array {name!r} is packed in another way")
        with self._archive.open(entry) as file:
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError(f"its array {name!r} has another format")
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            size = math.prod(shape) * dtype.itemsize
            fits = dtype.kind in declared.kinds and dtype.itemsize <= declared.most and min(shape, default=0) >= 0
            if not fits or len(shape) != declared.dimensions or size != entry.file_size - file.tell():
                raise ValueError(f"its array {name!r} is {dtype} of shape {shape}")
        self._budget.take(size)
        with self._archive.open(entry) as file:
            return np.lib.format.read_array(file, allow_pickle=False)


def rebuild(header: Header, frames: Iterable[Pixels], shape: tuple[int, ...], arrays: Arrays, kind: type[R]) -> R:
    """Rebuild a run.

    Args:
        header: its metadata.
        frames: its pictures, uint8 (n, h, w, 3) for each step; iterated over once everything else is checked.
        shape: of all of them, (steps + 1, n, h, w, 3).
        arrays: the arrays of its NPZ file.
        kind: the class to make.

    Raises:
        KeyError, ValueError: something is missing or does not fit.
    """
    steps, pictures = shape[0], check_shown(shape[1:])
    if not 1 <= steps <= LONGEST_RUN:
        raise ValueError(f"it has {steps} frames")
    seconds, metrics = arrays["seconds"], {name: arrays[name] for name in METRICS}
    if len(seconds) != steps or any(values.shape != (steps, pictures[0]) for values in metrics.values()):
        raise ValueError("its columns are not of one length")
    optional = {name: _rows(arrays, name, steps) for name in OPTIONAL}
    if any(len(row) != pictures[0] for row in optional["probabilities"].values()) or any(
        row.shape != pictures for row in optional["gradient"].values()
    ):
        raise ValueError("its arrays do not fit its pictures")
    trace = record_of(header, kind)
    trace.inputs = _inputs(arrays)
    for step, pixels in enumerate(frames):
        numbers = {name: values[step] for name, values in metrics.items()}
        extra: dict[str, Any] = {name: rows.get(step) for name, rows in optional.items()}
        trace.append(Frame(step=step, pixels=pixels, seconds=float(seconds[step]), **numbers, **extra))
    return trace


def record_of(header: Header, kind: type[R]) -> R:
    """A run without frames, from its metadata."""
    return kind(
        task=header.task,
        parameters=dict(header.parameters),
        seed=header.seed,
        model=header.model,
        fingerprint=header.fingerprint,
        target=header.target,
        classes=header.classes,
        radius=header.radius,
    )


def check_shown(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape (n, h, w) of a step's pictures, from that of their array, (n, h, w, 3).

    Raises:
        ValueError: they are not RGB, there are none, or together they are too large to be shown.
    """
    count, height, width, channels = shape
    rows, columns = layout(max(1, count))
    if channels != 3 or min(count, height, width) < 1 or is_too_large(columns * width, rows * height):
        raise ValueError(f"its pictures have the shape {shape}")
    return count, height, width


def _rows(arrays: Arrays, name: str, steps: int) -> dict[int, Any]:
    """Arrays that only some frames have, by step."""
    if name not in arrays:
        return {}
    rows = {int(step): row for step, row in zip(arrays[f"{name}_steps"], arrays[name], strict=True)}
    if not all(0 <= step < steps for step in rows):
        raise ValueError(f"its {name} are of steps that it does not have")
    return rows


def _inputs(arrays: Arrays) -> dict[str, Pixels]:
    inputs: dict[str, Pixels] = {name: arrays[f"input_{name}"] for name in INPUTS if f"input_{name}" in arrays}
    if "start" in inputs:
        check_shown(inputs["start"].shape)
    if "picture" in inputs:
        check_shown((1, *inputs["picture"].shape))
    if "mask" in inputs and ("picture" not in inputs or inputs["mask"].shape != inputs["picture"].shape[:2]):
        raise ValueError("its mask does not fit its picture")
    return inputs
