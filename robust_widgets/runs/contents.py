"""What a saved run says of itself, and the run that this makes again, whatever the file's kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from robust_widgets.trace import METRICS, Frame, Pixels, Trace

OPTIONAL = ("probabilities", "gradient")


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


def _rows(saved: Any, name: str) -> dict[int, Any]:
    """What is kept of some frames only, by frame."""
    if name not in saved.files:
        return {}
    return {int(step): row for step, row in zip(saved[f"{name}_steps"], saved[name], strict=True)}
