"""Saved runs of anybody: read or refused, and their code is only what this package writes."""

from __future__ import annotations

import ast
import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robust_widgets.errors import TraceError
from robust_widgets.interface.codegen import to_code
from robust_widgets.interface.tasks import task_names
from robust_widgets.runs.notebook import MIME, mime_bundle
from robust_widgets.runs.trace import Trace, load_trace, trace_from_output
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.studio import StudioWidget
from tests.fuzzing import damaged, numbers, texts, tries, values
from tests.helpers import check_sentence
from tests.runs.test_archive import rich
from tests.runs.test_notebook_page import runs_of

NODES = (
    *(ast.Module, ast.Import, ast.alias, ast.Assign, ast.Expr, ast.Call, ast.keyword, ast.Attribute, ast.Subscript),
    *(ast.Name, ast.Load, ast.Store, ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.UnaryOp, ast.USub),
)
CALLED = {
    *("base64.b64decode", "dataclasses.replace", "rw.load_model", "rw.make_problem", "rw.run", "rw.to_batch"),
    *(f"rw.{name}" for name in task_names()),
}
NAMED = {"rw", "base64", "dataclasses", "model", "network", "picture", "mask", "problem", "start", "trace"}


def check_code(text: str) -> None:
    """The code holds only the calls, names and literals that this package writes."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        assert isinstance(node, NODES), ast.dump(node)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called in CALLED or (called.startswith("rw.to_batch(") and called.endswith(").to")), called
        if isinstance(node, ast.Name):
            assert node.id in NAMED or node.id.removeprefix("start_").isdecimal(), node.id
        if isinstance(node, ast.alias):
            assert node.name in ("base64", "dataclasses", "robust_widgets")
        if isinstance(node, ast.Attribute):
            assert ast.unparse(node) in {*CALLED, "problem.start.shape", "problem.start", "model.device"} | {
                ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "to"
            }
    for line in text.splitlines():
        if "#" in line and not line.lstrip().startswith(('"', "'")):
            assert line.startswith("# The ") or "'" in line.partition("#")[0], line


HEADER: dict[str, Any] = {
    "task": "inpaint",
    "knobs": {"steps": 4, "epsilon": 40.0, "seed": 3},
    "seed": 3,
    "model": "default",
    "fingerprint": "00ff",
    "target": "größer",
    "classes": ["dog", "größer"],
    "radius": 12.5,
}
NAMES = st.sampled_from(["steps", "epsilon", "step_size", "seed", "size", "penalty", "constraint"]) | texts()
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "task": st.sampled_from([*task_names(), "problem"]) | values(),
        "knobs": st.dictionaries(NAMES, numbers() | texts() | st.none(), max_size=5) | values(),
        "seed": st.none() | numbers() | values(),
        "model": st.sampled_from(["default", "tiny"]) | texts() | values(),
        "fingerprint": st.text("0123456789abcdef", max_size=16) | texts() | values(),
        "target": texts() | values(),
        "classes": st.lists(texts(), max_size=3) | values(),
        "radius": st.none() | numbers() | values(),
    },
) | st.dictionaries(texts(), values(), max_size=2)


def archive(path: Path, header: object) -> Path:
    """A saved run with another header."""
    whole = io.BytesIO()
    rich(2).save(path)
    with zipfile.ZipFile(path) as saved, zipfile.ZipFile(whole, "w") as changed:
        for name in saved.namelist():
            content = saved.read(name)
            if name == "run.json":
                content = json.dumps({**json.loads(content), "header": header}).encode()
            changed.writestr(name, content)
    path.write_bytes(whole.getvalue())
    return path


def npz(path: Path, header: object, **arrays: Any) -> Path:
    rich(2).save(path)
    with np.load(path) as saved:
        content: dict[str, Any] = {name: saved[name] for name in saved.files}
    content["header"] = np.array(json.dumps(header))
    np.savez(path, **(content | arrays))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def studio() -> StudioWidget:
    return StudioWidget(FakeSession())


def read(path: Path) -> Trace | None:
    """The run in a file, with its code and its output checked; None if it is refused in a sentence."""
    try:
        trace = load_trace(path)
    except TraceError as error:
        check_sentence(str(error), path.name)
        return None
    try:
        check_code(to_code(trace))
    except TraceError as error:
        check_sentence(str(error))
    assert set(mime_bundle([trace], most_bytes=60_000)) > {MIME}
    return trace


@tries(40)
@given(change=HEADERS)
def test_a_header_of_anything(folder: Path, change: dict[str, Any]) -> None:
    for path in (
        archive(folder / "run.rwtrace", HEADER | change),
        npz(folder / "run.npz", {"format": "robust-widgets trace 2", **HEADER, **change}),
    ):
        trace = read(path)
        if change == {}:
            assert trace is not None and trace.parameters == HEADER["knobs"]


@tries(25)
@given(change=HEADERS, blank=st.booleans())
def test_an_open_studio_shows_it_or_stays_as_it_was(
    folder: Path, studio: StudioWidget, change: dict[str, Any], blank: bool
) -> None:
    before = list(studio.traces)
    trace = read(archive(folder / "shown.rwtrace", HEADER | change))
    if trace is None:
        return
    if blank and studio.surface is not None:
        studio.surface.clear()
    studio.take(trace)
    assert studio.traces == [*before, trace] and studio.runner.shown_trace is trace
    assert studio.status.kind != "error", studio.status.text
    studio.runner._resend()
    del studio.runner.traces[:]


def test_code_of_a_run_that_never_was_in_a_file_is_refused_too() -> None:
    trace = rich(2)
    trace.parameters = {"steps": 4, "n=1)\nimport os\n(x": 2}
    with pytest.raises(TraceError, match="cannot be repeated"):
        to_code(trace)
    trace.parameters, trace.model, trace.fingerprint = {}, "x\nimport os", "0\nimport os"
    trace.inputs["odd\nimport os"] = trace.inputs["picture"]
    check_code(to_code(trace))


@pytest.mark.parametrize("name", ["run.rwtrace", "run.npz"])
def test_a_damaged_file(name: str, folder: Path) -> None:
    rich(2).save(folder / name)
    whole = (folder / name).read_bytes()

    @tries(60)
    @given(st.randoms(use_true_random=False))
    def check(dice: random.Random) -> None:
        (folder / name).write_bytes(damaged(whole, dice))
        read(folder / name)

    check()


@tries(40)
@given(
    name=st.sampled_from(["frames", "seconds", "loss", "probabilities", "gradient_steps", "input_mask", "input_odd"]),
    shape=st.lists(st.integers(0, 4), max_size=5),
    dtype=st.sampled_from(["u1", "i8", "f8", "f4", "U3", "c16", "M8[s]", "b1"]),
)
def test_arrays_of_another_kind(folder: Path, name: str, shape: list[int], dtype: str) -> None:
    header = {"format": "robust-widgets trace 2", **HEADER}
    read(npz(folder / "arrays.npz", header, **{name: np.zeros(shape, dtype)}))


TOLD = mime_bundle([rich(2)])
ABOUT, PLAYED = TOLD[MIME]["runs"][0], runs_of(TOLD["text/html"])[0]


@tries(60)
@given(about=st.dictionaries(st.sampled_from(list(ABOUT)), values()), header=HEADERS, run=st.data())
def test_an_output_of_anything(about: dict[str, Any], header: dict[str, Any], run: st.DataObject) -> None:
    changed = dict(PLAYED)
    for name in run.draw(st.lists(st.sampled_from(list(PLAYED)), max_size=2)):
        changed[name] = run.draw(st.lists(values(), min_size=len(PLAYED["steps"]), max_size=len(PLAYED["steps"])))
    told = {**ABOUT, "header": {**ABOUT["header"], **header}, **about}
    try:
        trace = trace_from_output(told, changed)
    except TraceError as error:
        check_sentence(str(error), "run its cell again")
        return
    assert len(trace) and mime_bundle([trace], most_bytes=60_000)


OWN = st.dictionaries(
    texts() | st.text(min_size=1), values() | st.builds(object) | st.just(np.float32(0.1)), max_size=4
)


@tries(40)
@given(parameters=OWN, task=texts(), target=texts(), fingerprint=texts(), radius=st.none() | st.floats(0, 1e9))
def test_a_run_of_a_problem_of_ones_own_can_be_saved_and_read(
    folder: Path, parameters: dict[str, Any], task: str, target: str, fingerprint: str, radius: float | None
) -> None:
    trace = rich(2)
    trace.parameters, trace.task, trace.target = parameters, task, target
    trace.fingerprint, trace.radius = fingerprint, radius
    for name in ("own.rwtrace", "own.npz"):
        trace.save(folder / name)
        back = load_trace(folder / name)
        assert len(back) == len(trace) and back.target == target[:1000]
        assert len(back.parameters) <= len(parameters)
