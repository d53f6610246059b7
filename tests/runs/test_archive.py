"""The saved run that a browser plays: the same run as from NPZ, readable by place alone, refused in a sentence."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from robust_widgets.errors import TraceError
from robust_widgets.pictures.grid import tile
from robust_widgets.runs.files import VERSION
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace, load_trace
from tests.helpers import raises_sentence
from tests.runs.test_trace import recorded


def rich(n: int, seed: int | None = 7) -> Trace:
    """A run with everything that can be recorded, and numbers that are hard to write down."""
    parameters = {"steps": 4, "epsilon": 40.0, "step_size": 1e-7, "seed": seed, "constraint": "l2"}
    trace = Trace("inpaint", parameters, seed, "default", "00ff" * 4, "größer", ("dog", "größer"), 12.5)
    trace.inputs = {
        "picture": np.full((4, 5, 3), 7, np.uint8),
        "mask": np.eye(4, 5, dtype=np.uint8),
        "start": np.full((n, 7, 5, 3), 9, np.uint8),
    }
    for step in range(5):
        extremes = np.resize([np.nan, np.pi * 1e-300, -0.0, np.inf], n)
        pixels = np.random.default_rng(step).integers(0, 256, (n, 7, 5, 3)).astype(np.uint8)
        probabilities = np.full((n, 2), step / 3, np.float32) if step % 2 else None
        gradient = np.full((n, 7, 5), step, np.uint8) if step < 4 else None
        numbers = extremes + step, extremes, np.full(n, 1 / 3)
        trace.append(Frame(step, pixels, *numbers, step / 7, probabilities, gradient))
    return trace


def same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("seed", [None, 2**31 - 1])
@pytest.mark.parametrize("n", [1, 3, 4])
def test_it_gives_the_same_run_as_npz_to_the_bit(seed: int | None, n: int, tmp_path: Path) -> None:
    trace = rich(n, seed)
    trace.save(tmp_path / "run.npz")
    trace.save(tmp_path / "run.RWTRACE")
    back, wanted = load_trace(tmp_path / "run.RWTRACE"), load_trace(tmp_path / "run.npz")
    assert len(back) == len(wanted) == 5
    for index in range(5):
        for field in dataclasses.fields(Frame):
            assert same(getattr(back[index], field.name), getattr(wanted[index], field.name)), field.name
    for field in dataclasses.fields(Trace):
        if field.name not in ("inputs", "_recorded"):
            assert same(getattr(back, field.name), getattr(wanted, field.name)), field.name
    assert back.inputs.keys() == wanted.inputs.keys()
    assert all(same(back.inputs[name], wanted.inputs[name]) for name in wanted.inputs)


def test_a_browser_finds_every_part_by_its_place(tmp_path: Path) -> None:
    trace = rich(3)
    trace.save(tmp_path / "run.rwtrace")
    with zipfile.ZipFile(tmp_path / "run.rwtrace") as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.namelist() == ["run.json", *(f"frames/{step:05}.png" for step in range(5)), "arrays.npz"]
        text = archive.read("run.json").decode()
        last = np.asarray(Image.open(io.BytesIO(archive.read("frames/00004.png"))))
    run = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    np.testing.assert_array_equal(last, tile(trace[4].pixels))
    assert run["header"]["knobs"] == trace.parameters and run["header"]["seed"] == 7 and "größer" in text
    assert run["curves"]["steps"] == [0, 1, 2, 3, 4] and run["curves"]["loss"] == [None] * 5
    assert run["curves"]["distance"][4] == pytest.approx(40 / 12.5 / 3, rel=1e-4), "in the unit of epsilon"
    assert run["curves"]["radius"] == 40


def test_the_same_run_is_the_same_file(tmp_path: Path) -> None:
    for name in ("one.rwtrace", "other.rwtrace"):
        recorded(3).save(tmp_path / name)
    assert (tmp_path / "one.rwtrace").read_bytes() == (tmp_path / "other.rwtrace").read_bytes()


def test_it_is_read_without_torch(tmp_path: Path) -> None:
    recorded(2).save(tmp_path / "run.rwtrace")
    code = f"""
import sys
import robust_widgets as rw
assert len(rw.load_trace({str(tmp_path / "run.rwtrace")!r})) == 3 and "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def rewritten(path: Path, change: dict[str, Any] | None = None, **parts: bytes | None) -> Path:
    """A saved run with something else in its ``run.json``, or with other parts; None takes one away."""
    recorded(2).save(path)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content["run.json"] = json.dumps({**json.loads(content["run.json"]), **(change or {})}).encode()
    for part, other in parts.items():
        name = next(name for name in content if part in name)
        content.pop(name)
        if other is not None:
            content[name] = other
    with zipfile.ZipFile(path, "w") as archive:
        for name, one in content.items():
            archive.writestr(name, one)
    return path


def test_a_run_of_a_newer_version_says_what_to_do(tmp_path: Path) -> None:
    with raises_sentence(TraceError, "newer.rwtrace", "another version", "update robust-widgets", VERSION + 1):
        load_trace(rewritten(tmp_path / "newer.rwtrace", {"version": VERSION + 1}))


SMALL = io.BytesIO()
Image.new("RGB", (3, 3)).save(SMALL, "PNG")


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"format": "something else"}, {}),
        ({"frames": 2}, {}),
        ({"frames": 4}, {}),
        ({"pictures": {"count": 1, "height": 8, "width": 8}}, {}),
        ({"pictures": {"count": 2, "height": 0, "width": 0}}, {}),
        ({"header": {"task": "generate", "extra": 1}}, {}),
        ({"header": None}, {}),
        ({}, {"run": None}),
        ({}, {"run": b"{}"}),
        ({}, {"run": b"no JSON"}),
        ({}, {"00001": None}),
        ({}, {"00001": b"no PNG"}),
        ({}, {"00001": SMALL.getvalue()}),
        ({}, {"arrays": None}),
        ({}, {"arrays": b"no NPZ"}),
    ],
)
def test_a_part_that_does_not_fit_is_refused(
    change: dict[str, Any], parts: dict[str, bytes | None], tmp_path: Path
) -> None:
    assert len(load_trace(rewritten(tmp_path / "good.rwtrace"))) == 3
    with raises_sentence(TraceError, "odd.rwtrace"):
        load_trace(rewritten(tmp_path / "odd.rwtrace", change, **parts))
