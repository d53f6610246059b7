"""The benchmark of many pictures, with a few small ones."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "streams.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("streams", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = sys.modules["streams"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_loop_makes_all_pictures(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROBUST_WIDGETS_FAST", "0")
    monkeypatch.setattr(script, "PROBED", 2)
    file = tmp_path / "streams.json"
    sizes = ["--sizes", "2", "3", "--rounds", "1", "--parts", "2"]
    script.main(["--model", "tiny", "--pictures", "5", "--attacked", "4", "--steps", "1", *sizes, "--json", str(file)])
    figures = json.loads(file.read_text())
    for name, count in (("stream", 5), ("evaluate under PGD", 4)):
        found = figures[name]
        others = set(found["seconds"]) - {script.OURS}
        assert found["pictures"] == count and script.PLAIN in others
        assert set(found["batch_sizes"]) == others and all(
            one["best"] in (2, 3) for one in found["batch_sizes"].values()
        )
        fastest = min(found["seconds"][other] for other in others)
        assert found["times_as_fast"] == pytest.approx(fastest / found["seconds"][script.OURS])
    assert "times as fast" in capsys.readouterr().out


def test_pictures_are_divided_over_rounds_and_batches(script: ModuleType) -> None:
    asked: list[int] = []
    seconds = script.compare({"one": asked.append}, 7, 3)
    assert asked == [3, 2, 2] and seconds["one"] > 0
    batches: list[int] = []
    script.in_batches(7, 3, batches.append)
    assert batches == [3, 3, 1]


def test_the_best_size_is_that_of_the_fewest_milliseconds_per_picture(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = {2: 0.2, 4: 0.2, 8: 0.9}
    called: list[int] = []
    monkeypatch.setattr(script, "seconds_of", lambda call: taken[call()])

    def at(size: int) -> object:
        return lambda: (called.append(size), size)[1]

    best, each = script.best_size(at, [2, 4, 8], 1)
    assert best == 4 and each == pytest.approx({2: 100.0, 4: 50.0, 8: 112.5})
