"""``robust-widgets bench``, on a small network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from robust_widgets import _machine
from robust_widgets._files import CACHE_VARIABLE
from robust_widgets.benchmark.competitors import BASELINE, LOOPS, OURS, PLAIN, missing
from robust_widgets.benchmark.workload import TASKS
from robust_widgets.cli import app
from robust_widgets.compiler import engine
from robust_widgets.models.model_file import save_model
from tests.cli.shell import refusal
from tests.helpers import tiny_model


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv(engine.SWITCH, raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(_machine, "_waiting_seconds", lambda: 0.0)
    save_model(tiny_model(), tmp_path / "small.safetensors")
    return str(tmp_path / "small.safetensors")


def lines_of(*arguments: str) -> list[str]:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_bench_times_every_loop_and_writes_the_results(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(engine.SWITCH, "0")
    files = ["--json", str(tmp_path / "bench.json"), "--chart", str(tmp_path / "bench.png")]
    lines = lines_of("bench", model, "--quick", *files, "--device", "cpu")
    written = json.loads((tmp_path / "bench.json").read_text())
    engines = [row["engine"] for row in written["rows"]]
    assert {BASELINE, OURS, PLAIN, "torchattacks", "bound: arithmetic", "bound: bandwidth"} <= set(engines)
    assert {name for name in LOOPS if missing(name) is None} <= set(engines)
    assert {row["task"] for row in written["rows"]} == set(TASKS)
    for row in written["rows"]:
        assert row["ms_per_step"] > 0 and row["side"] == 16 and row["batch"] == 1
        assert any(line.startswith(row["engine"]) and f"{row['ms_per_step']:.2f}" in line for line in lines)
        assert row["engine"] != BASELINE or row["ratio_to_floor"] == 1
        assert row["engine"] != OURS or row["ratio_to_ours"] == 1
    assert [parity["task"] for parity in written["parity"]] == list(TASKS)
    assert all(parity["largest"] < 1e-3 and parity["same_class"] for parity in written["parity"])
    assert all(0 < parity["nudged"] < 1e-3 for parity in written["parity"])
    with Image.open(tmp_path / "bench.png") as drawn:
        assert drawn.format == "PNG" and drawn.height > 3 * 200


def test_unwritable_files_are_refused_first(tmp_path: Path) -> None:
    assert "'.json'" in refusal("bench", "--quick", "--json", tmp_path / "bench.txt")
    assert "'.png'" in refusal("bench", "--quick", "--chart", tmp_path / "bench.jpg")
    assert "missing" in refusal("bench", "--quick", "--json", tmp_path / "missing" / "bench.json")
