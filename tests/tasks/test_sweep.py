"""A task over a grid: each run is what it would be alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import robust_widgets as rw
from robust_widgets.errors import ParameterError, PictureError, RobustWidgetsError, RunError, UnknownNameError
from robust_widgets.runs.sweep import Axis, Sweep
from robust_widgets.tasks.running import sweep as module
from tests.helpers import raises_sentence, smooth_model
from tests.tasks.calls import MASK, PICTURE

MODEL = smooth_model(16)
HALVES = {"dog": 1, "cat": 1}


def sweep(task: str = "generate", target: Any = "cat", **options: Any) -> Sweep:
    axes: dict[str, Any] = {"x": ("epsilon", [2.0, 30.0]), "y": ("seed", [0, 5, 7])}
    return rw.sweep(task, target, model=MODEL, **{**axes, "steps": 4, **options})


def assert_alike(one: rw.Trace, other: rw.Trace) -> None:
    assert one.frames.shape == other.frames.shape
    assert np.abs(one.frames.astype(int) - other.frames).max() <= 1
    np.testing.assert_allclose(one.metrics["loss"], other.metrics["loss"], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_each_run_is_what_it_would_be_alone(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "batch_size_for", lambda *_: at_once)
    grid = sweep()
    for row, seed in enumerate([0, 5, 7]):
        for column, epsilon in enumerate([2.0, 30.0]):
            alone = rw.generate("cat", model=MODEL, seed=seed, epsilon=epsilon, steps=4)
            assert_alike(grid[row, column], alone)
            assert grid[row, column].parameters == alone.parameters and grid[row, column].target == "cat"


def test_runs_of_one_structure_share_their_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "batch_size_for", lambda *_: 100)
    batches: list[int] = []
    before = module.step_together
    monkeypatch.setattr(
        module, "step_together", lambda runs: batches.append(len({r.key for r in runs})) or before(runs)
    )
    sweep(x=("target", ["dog", "cat"]), y=("step_size", [0.5, 1.0]), target=None)
    assert batches == [1] * 5


def test_different_numbers_of_steps_and_sizes() -> None:
    axes: dict[str, Any] = {"x": ("steps", [2, 5]), "y": ("size", [None, 24])}
    grid = rw.sweep("inpaint", "cat", picture=PICTURE, mask=MASK, model=MODEL, **axes)
    for row, size in enumerate([None, 24]):
        for column, steps in enumerate([2, 5]):
            alone = rw.inpaint(PICTURE, MASK, "cat", model=MODEL, steps=steps, size=size)
            assert_alike(grid[row, column], alone)


def test_classes_with_weights() -> None:
    grid = sweep(target=None, x=("target", [{"dog": 1, "cat": 0}, HALVES, "cat"]), y=("seed", [2]), steps=6)
    assert_alike(grid[0, 0], rw.generate("dog", model=MODEL, seed=2, steps=6))
    assert_alike(grid[0, 2], rw.generate("cat", model=MODEL, seed=2, steps=6))
    starts = [grid[0, column][0].pixels.astype(float) for column in range(3)]
    assert np.abs(starts[1] - (starts[0] + starts[2]) / 2).max() <= 1, "it starts halfway, too"
    x = torch.from_numpy(grid[0, 1].pixels.transpose(0, 3, 1, 2) / 255.0).float()
    expected = rw.Mixture({"dog": 1, "cat": 1})(MODEL, x)
    np.testing.assert_allclose(grid[0, 1][-1].loss, expected, atol=0.02)
    assert grid.x.labels == ("dog 100%", "dog 50%, cat 50%", "cat") and grid[0, 1].task == "problem"


def test_it_is_saved_as_a_sheet_and_as_a_run(tmp_path: Path) -> None:
    grid = sweep()
    grid.save(tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 2 * 96 and sheet.height > 3 * 96
    grid.save(tmp_path / "run.rwtrace")
    trace = rw.load_trace(tmp_path / "run.rwtrace")
    assert (trace.task, trace.target, len(trace)) == ("sweep", "cat", 5)
    assert trace.parameters["x"] == "epsilon: 2, 30" and trace.parameters["y"] == "seed: 0, 5, 7"
    np.testing.assert_array_equal(trace.pixels[3], grid[1, 1].pixels[0])
    with raises_sentence(rw.SaveError, "sheet.png"):
        grid.save(tmp_path / "sheet.png", overwrite=False)


def test_its_page_names_every_run() -> None:
    page = sweep()._repr_mimebundle_()["text/html"]
    assert page.count("<td><button") == 6 and page.count("data:image/jpeg") == 6 * 5
    assert "seed 5, epsilon 30: " in page


@pytest.mark.parametrize(("rows", "side", "most_steps"), [(2, 32, 9), (12, 400, 5), (60, 100, 1)])
def test_its_page_stays_small_and_says_what_is_left_out(rows: int, side: int, most_steps: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 1, side, side, 3), dtype=np.uint8)
    trace = rw.Trace("generate", {"steps": 11})
    one, half = np.ones(1), np.full(1, 0.5)
    for step in range(12):
        trace.append(rw.Frame(step, noise[step % 4], one, half, one, step / 10))
    columns = rows
    grid = Sweep(
        Axis("seed", tuple(map(str, range(columns)))),
        Axis("epsilon", tuple(map(str, range(rows)))),
        ((trace,) * columns,) * rows,
        {},
    )
    page = grid._repr_mimebundle_()["text/html"]
    assert len(page) < 3_000_000 + 300 * rows * columns
    shown = page.count("data:image/jpeg") / (rows * columns)
    assert 1 <= shown <= most_steps and page.count("<td><button") == rows * columns
    assert ("so that the notebook stays small" in page) == (rows > 2)


def test_it_can_be_ended() -> None:
    done: list[rw.Trace] = []
    sweep(on_run=done.append)
    assert len(done) == 6 and all(len(trace) == 5 for trace in done)
    with raises_sentence(RunError, "ended"):
        rw.sweep(
            "generate", "cat", x=("steps", [1] * 3), y=("seed", range(99)), model=MODEL, on_run=lambda trace: False
        )


@pytest.mark.parametrize(
    ("kind", "options", "named"),
    [
        (ParameterError, {"x": ("epsilno", [1])}, "'epsilon'"),
        (ParameterError, {"x": ("n", [1])}, "'n'"),
        (ParameterError, {"x": ("epsilon", [])}, "no values"),
        (ParameterError, {"x": ("constraint", "l2")}, "no values"),
        (ParameterError, {"x": "epsilon"}, "'epsilon'"),
        (ParameterError, {"x": ("seed", [1])}, "'seed'"),
        (ParameterError, {"x": ("target", ["cat"])}, "target"),
        (ParameterError, {"x": ("steps", [1])}, "steps"),
        (ParameterError, {"target": None}, "no target"),
        (ParameterError, {"x": ("epsilon", [-1.0])}, "epsilon is -1"),
        (ParameterError, {"y": ("seed", range(300))}, "400"),
        (UnknownNameError, {"target": "dgo"}, "'dog'"),
        (UnknownNameError, {"task": "generat"}, "'generate'"),
        (PictureError, {"task": "translate"}, "picture"),
        (ParameterError, {"task": "dream", "target": {"conv1": 1}}, "layer"),
    ],
)
def test_what_cannot_be_is_a_sentence(kind: type[RobustWidgetsError], options: dict[str, Any], named: str) -> None:
    with raises_sentence(kind, named):
        sweep(**options)
