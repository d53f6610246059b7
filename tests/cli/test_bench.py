"""``robust-widgets doctor`` and ``robust-widgets bench``, on a small network."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from robust_widgets._files import CACHE_VARIABLE
from robust_widgets.benchmark.competitors import FLOOR, LOOPS, OURS, PLAIN, missing
from robust_widgets.benchmark.workload import TASKS
from robust_widgets.cli import app
from robust_widgets.cli.doctor import HOW_MANY
from robust_widgets.compiler import autotune as choice
from robust_widgets.compiler import autotune as crowd
from robust_widgets.compiler import engine
from robust_widgets.models.model_file import save_model
from robust_widgets.solvers.graphs import cuda_graph
from robust_widgets.solvers.graphs.step_graph import StepGraphCache
from tests.cli.shell import refusal
from tests.helpers import smooth_model, tiny_model
from tests.solvers.graphs.fake_cuda import FakeCuda


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv(engine.SWITCH, raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(crowd, "_waited", lambda: 0.0)
    save_model(tiny_model(), tmp_path / "small.safetensors")
    return str(tmp_path / "small.safetensors")


def lines_of(*arguments: str) -> list[str]:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_the_doctor_names_every_way_and_marks_the_one_taken(model: str) -> None:
    lines = lines_of("doctor", model, "--device", "cpu")
    assert lines[1].startswith(f"torch {version('torch')}")
    heads = [lines.index(f"{words}:") for words in HOW_MANY]
    kept = [json.loads(file.read_text()) for file in (Path(model).parent / "cache" / choice.KIND).iterdir()]
    assert len(kept) == len(heads) == 3
    assert "are recorded as one graph" in lines[-1] or "are not recorded" in lines[-1]
    for begin, end in zip(heads, [*heads[1:], len(lines) - 1], strict=True):
        own = lines[begin + 1 : end]
        assert sum(line.startswith("*") for line in own) == 1
        ways = {way: line for way, text in engine.WAYS.items() for line in own if text in line}
        shown = {way: float(line.split()[-7]) for way, line in ways.items()}
        assert len(shown) == len(own) and any(times == pytest.approx(shown, abs=0.06) for times in kept)


def test_the_doctor_says_what_would_help(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys.modules["robust_widgets.cli.doctor"],
        "_version",
        lambda name: "not installed" if name == "onnxruntime" else "1",
    )
    assert any("robust-widgets[fast]" in line for line in lines_of("doctor", model, "--device", "cpu"))


def test_the_doctor_says_how_steps_are_made_on_a_gpu(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert any(line.startswith("No CUDA device; with one") for line in lines_of("doctor", model, "--device", "cpu"))
    fake = FakeCuda()
    monkeypatch.setattr(cuda_graph, "cuda", fake)
    said = sys.modules["robust_widgets.cli.doctor"]._recorded_steps
    assert said(smooth_model()) == "Steps are not recorded; the model is run as it is."
    recording = smooth_model()
    recording.captures, recording.precision = StepGraphCache(), "float16"
    assert said(recording) == "Steps are recorded in a CUDA graph and replayed, the network in float16."
    fake.refuse, recording.captures = "no room", StepGraphCache()
    with pytest.warns(RuntimeWarning, match="no room"):
        assert said(recording) == "Steps are not recorded here and run slower (RuntimeError: no room)."


def test_bench_times_every_loop_and_writes_the_figures(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(engine.SWITCH, "0")
    files = ["--json", str(tmp_path / "bench.json"), "--chart", str(tmp_path / "bench.png")]
    lines = lines_of("bench", model, "--quick", *files, "--device", "cpu")
    written = json.loads((tmp_path / "bench.json").read_text())
    engines = [row["engine"] for row in written["rows"]]
    assert {FLOOR, OURS, PLAIN, "torchattacks", "bound: arithmetic", "bound: bandwidth"} <= set(engines)
    assert {name for name in LOOPS if missing(name) is None} <= set(engines)
    assert {row["task"] for row in written["rows"]} == set(TASKS)
    for row in written["rows"]:
        assert row["ms_per_step"] > 0 and row["side"] == 16 and row["batch"] == 1
        assert any(line.startswith(row["engine"]) and f"{row['ms_per_step']:.2f}" in line for line in lines)
        assert row["engine"] != FLOOR or row["ratio_to_floor"] == 1
        assert row["engine"] != OURS or row["ratio_to_ours"] == 1
    assert [parity["task"] for parity in written["parity"]] == list(TASKS)
    assert all(parity["largest"] < 1e-3 and parity["same_class"] for parity in written["parity"])
    assert all(0 < parity["nudged"] < 1e-3 for parity in written["parity"])
    with Image.open(tmp_path / "bench.png") as drawn:
        assert drawn.format == "PNG" and drawn.height > 3 * 200


def test_where_figures_cannot_be_written_is_said_first(tmp_path: Path) -> None:
    assert "'.json'" in refusal("bench", "--quick", "--json", tmp_path / "bench.txt")
    assert "'.png'" in refusal("bench", "--quick", "--chart", tmp_path / "bench.jpg")
    assert "missing" in refusal("bench", "--quick", "--json", tmp_path / "missing" / "bench.json")
