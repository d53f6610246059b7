"""``robust-widgets doctor`` and ``robust-widgets bench``, on a small network."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from robust_widgets.cache import VARIABLE
from robust_widgets.cli import app
from robust_widgets.models.checkpoints import save_model
from robust_widgets.models.prepared import choice, engine
from robust_widgets.quality import peers
from robust_widgets.quality.peers import FLOOR, LOOPS, OURS, Race, reference, twelve_lines
from robust_widgets.quality.race import race
from tests.helpers import smooth_model, tiny_model


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv(engine.SWITCH, raising=False)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    save_model(tiny_model(), tmp_path / "small.safetensors")
    return str(tmp_path / "small.safetensors")


def lines_of(*arguments: str) -> list[str]:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_the_doctor_names_every_way_and_marks_the_one_taken(model: str) -> None:
    lines = lines_of("doctor", model, "--device", "cpu")
    assert lines[1].startswith(f"torch {version('torch')}")
    ways = {way: next(line for line in lines if text in line) for way, text in engine.WAYS.items()}
    assert sum(line.startswith("*") for line in ways.values()) == 1
    (kept,) = (Path(model).parent / "cache" / choice.KIND).iterdir()
    shown = {way: float(line.split()[-7]) for way, line in ways.items()}
    assert json.loads(kept.read_text()) == pytest.approx(shown, abs=0.06)


def test_the_doctor_says_what_would_help(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys.modules["robust_widgets.cli.doctor"],
        "_version",
        lambda name: "not installed" if name == "onnxruntime" else "1",
    )
    assert any("robust-widgets[fast]" in line for line in lines_of("doctor", model, "--device", "cpu"))


def test_bench_times_every_loop_and_writes_the_figures(model: str, tmp_path: Path) -> None:
    lines = lines_of("bench", model, "--quick", "--json", str(tmp_path / "bench.json"), "--device", "cpu")
    written = json.loads((tmp_path / "bench.json").read_text())
    engines = [row["engine"] for row in written["rows"]]
    assert {FLOOR, OURS, "a plain loop", "torchattacks"} <= set(engines)
    assert set(engines) == {name for name in LOOPS if peers.missing(name) is None}
    for row in written["rows"]:
        assert row["ms_per_step"] > 0
        assert any(line.split()[:1] == ["1"] and row["engine"] in line for line in lines)
    floor = next(row for row in written["rows"] if row["engine"] == FLOOR)
    assert floor["ratio_to_floor"] == 1
    assert written["parity"][0]["largest"] < 1e-3 and written["parity"][0]["same_class"]


def made() -> Race:
    model = smooth_model()
    generator = torch.Generator().manual_seed(0)
    start = torch.rand(2, 3, 12, 12, generator=generator)
    return Race(model, model, start, torch.tensor([1, 2]), epsilon=0.8, step_size=0.2, steps=6)


@pytest.mark.parametrize("name", ["a plain loop", "torchattacks", "foolbox", "robustness"])
def test_every_loop_makes_the_same_picture(name: str) -> None:
    if why := peers.missing(name):
        pytest.skip(why)
    found = LOOPS[name](made())
    assert found is not None
    torch.testing.assert_close(found, reference(made()), rtol=0, atol=1e-4)


def test_a_package_that_is_missing_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers.NEEDED, "foolbox", "no_such_package")
    said: list[str] = []
    rows, _ = race(smooth_model(), smooth_model(), (1,), steps=2, rounds=1, say=said.append)
    assert "foolbox" not in [row.engine for row in rows]
    assert [line for line in said if line.startswith("foolbox:") and "no_such_package" in line]


def test_a_plain_loop_stays_in_the_ball() -> None:
    race = made()
    moved = twelve_lines(race) - race.start
    assert moved.flatten(1).norm(dim=1).max() <= race.epsilon * (1 + 1e-4)
