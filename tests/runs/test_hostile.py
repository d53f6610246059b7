"""Saved runs that were made to do harm are refused in a sentence, before anything is allocated for them."""

from __future__ import annotations

import dataclasses
import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robust_widgets.errors import TraceError
from robust_widgets.pictures.limits import RUN_BYTES
from robust_widgets.runs import reading
from robust_widgets.runs.trace import Trace, load_trace
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.studio import StudioWidget
from tests.fuzzing.test_runs import HEADER, archive, npz
from tests.helpers import raises_sentence
from tests.runs.test_archive import rewritten
from tests.runs.test_trace import recorded

CODE = "\nimport os; os.system('echo harm')\n"


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "00ff" + CODE},
        {"fingerprint": "00ff\n"},
        {"knobs": {"steps": 3, "seed=1)" + CODE + "(x": 4}},
        {"knobs": ["steps", 3]},
        {"knobs": {"steps": [3]}},
        {"task": 3},
        {"task": "generate('dog')" + CODE},
        {"radius": "12"},
        {"radius": float("nan")},
        {"seed": 3.5},
        {"seed": True},
        {"classes": "dog"},
        {"classes": [["dog"]]},
        {"target": None},
        {"model": 7},
        {"odd": 1},
    ],
)
def test_a_header_of_other_types_is_refused_on_reading(change: dict[str, Any], tmp_path: Path) -> None:
    header = HEADER | change
    (place,) = change
    with raises_sentence(TraceError, "run.npz", place):
        load_trace(npz(tmp_path / "run.npz", {"format": "robust-widgets trace 2", **header}))
    with raises_sentence(TraceError, "run.rwtrace", place):
        load_trace(archive(tmp_path / "run.rwtrace", header))


def test_inputs_of_unknown_names_are_not_read(tmp_path: Path) -> None:
    odd = {"input_x\nimport os": np.zeros((4, 4, 3), np.uint8)}
    trace = load_trace(npz(tmp_path / "run.npz", {"format": "robust-widgets trace 2", **HEADER}, **odd))
    assert set(trace.inputs) == {"picture", "mask", "start"}


def flat_png(width: int, height: int) -> bytes:
    """A black PNG, without holding its pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + 3 * width)) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.fixture
def nothing_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a picture was opened")

    monkeypatch.setattr(reading, "open_picture", refuse)


@pytest.mark.parametrize("side", [5_000, 13_000, 60_000, 10**12])
@pytest.mark.usefixtures("nothing_is_decoded")
def test_a_small_run_of_huge_pictures(side: int, tmp_path: Path) -> None:
    pictures = {"pictures": {"count": 2, "height": side, "width": side}}
    with raises_sentence(TraceError, "huge.rwtrace"):
        load_trace(rewritten(tmp_path / "huge.rwtrace", pictures))


def test_pictures_larger_than_their_run_says(tmp_path: Path) -> None:
    with raises_sentence(TraceError, "odd.rwtrace", "3000 x 3000"):
        load_trace(rewritten(tmp_path / "odd.rwtrace", **{"00001": flat_png(3000, 3000)}))


@pytest.mark.usefixtures("nothing_is_decoded")
def test_more_frames_than_a_run_can_have(tmp_path: Path) -> None:
    for frames in (10**9, -1, 0, 2.5, "3"):
        with raises_sentence(TraceError, "odd.rwtrace", "frames"):
            load_trace(rewritten(tmp_path / "odd.rwtrace", {"frames": frames}))


@pytest.mark.usefixtures("nothing_is_decoded")
def test_parts_that_overlap(tmp_path: Path) -> None:
    recorded(2).save(tmp_path / "run.rwtrace")
    whole = (tmp_path / "run.rwtrace").read_bytes()
    with zipfile.ZipFile(tmp_path / "run.rwtrace") as saved:
        start = saved.start_dir
        count = len(saved.infolist())
    end = whole.rindex(b"PK\x05\x06")
    directory, many = whole[start:end], 40
    tail = bytearray(whole[end:])
    tail[8:12] = struct.pack("<HH", many * count, many * count)
    tail[12:16] = struct.pack("<I", many * len(directory))
    (tmp_path / "run.rwtrace").write_bytes(whole[:start] + many * directory + tail)
    with raises_sentence(TraceError, "run.rwtrace", "larger than the file"):
        load_trace(tmp_path / "run.rwtrace")


@pytest.mark.usefixtures("nothing_is_decoded")
def test_packed_parts(tmp_path: Path) -> None:
    recorded(2).save(tmp_path / "run.rwtrace")
    with zipfile.ZipFile(tmp_path / "run.rwtrace") as saved:
        content = {name: saved.read(name) for name in saved.namelist()}
    with zipfile.ZipFile(tmp_path / "packed.rwtrace", "w", zipfile.ZIP_DEFLATED) as packed:
        for name, part in content.items():
            packed.writestr(name, part)
    with raises_sentence(TraceError, "packed.rwtrace"):
        load_trace(tmp_path / "packed.rwtrace")


def array_of_zeros(shape: tuple[int, ...], dtype: str, content: int) -> bytes:
    """An array file that claims a shape, with some zeros as its content."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + bytes(content)


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "content"),
    [
        ("frames", (5, 2, 10**6, 10**6, 3), "|u1", 100),
        ("loss", (10**15, 2), "<f8", 100),
        ("loss", (5, -2), "<f8", 80),
        ("header", (), "<U99999999", 8),
        ("gradient", (4, 2, 5000, 7000), "|u1", 280_000_000),
    ],
)
def test_arrays_that_claim_too_much(
    name: str, shape: tuple[int, ...], dtype: str, content: int, tmp_path: Path
) -> None:
    path = npz(tmp_path / "run.npz", {"format": "robust-widgets trace 2", **HEADER})
    with zipfile.ZipFile(path) as saved:
        parts = {part: saved.read(part) for part in saved.namelist()}
    parts[f"{name}.npy"] = array_of_zeros(shape, dtype, content)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as changed:
        for part, whole in parts.items():
            changed.writestr(part, whole)
    assert path.stat().st_size < 1_000_000 < RUN_BYTES
    with raises_sentence(TraceError, "run.npz", "claims to unpack to more" if content > RUN_BYTES else name):
        load_trace(path)


def test_an_endless_text(tmp_path: Path) -> None:
    text = json.dumps({"a": "b" * (17 << 20)}).encode()
    with raises_sentence(TraceError, "odd.rwtrace", "larger than"):
        load_trace(rewritten(tmp_path / "odd.rwtrace", run=text))


def test_a_run_that_cannot_be_shown_does_not_join_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    studio = StudioWidget(FakeSession())
    studio.take(recorded(2))
    first, odd = studio.traces[0], recorded(3)
    task = studio.task
    odd.task = "translate"
    odd.radius, odd.parameters = 3.0, {"epsilon": 4.0}
    odd[2].loss.setflags(write=True)
    object.__setattr__(odd[2], "loss", ["no", "number"])
    with pytest.raises(Exception):  # noqa: B017 - whatever the odd value makes NumPy raise
        studio.take(odd)
    assert studio.traces == [first] and studio.runner.shown_trace is first and studio.task == task
    studio.runner._resend()
    studio.take(recorded(4))
    assert len(studio.traces) == 2


@pytest.mark.parametrize(
    "parameters", [{}, {"factor": 0}, {"factor": "2"}, {"factor": 2, "enlargement": "x"}, {"factor": 2, "steps": -1}]
)
@pytest.mark.parametrize("shape", [(8, 8), (8, 12), (1, 3000), (3000, 3000)])
def test_a_super_resolution_of_another_program_is_shown_without_its_comparison(
    parameters: dict[str, Any], shape: tuple[int, int]
) -> None:
    studio = StudioWidget(FakeSession())
    trace = Trace("super_resolve", parameters)
    for step in range(2):
        frame = recorded(0)[0]
        trace.append(dataclasses.replace(frame, step=step, pixels=np.zeros((2, *shape, 3), np.uint8)))
    studio.take(trace)
    assert studio.runner.shown_trace is trace and studio.status.kind != "error", studio.status.text
    compared = parameters.get("factor") == 2 and "enlargement" not in parameters and shape == (8, 8)
    assert (studio.results.strip.layout.display == "") == compared
