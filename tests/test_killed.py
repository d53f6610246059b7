"""Saving and evaluating, killed at any moment: what was written before is whole, and nothing is left lying about."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from robust_widgets.models.model_file import save_model
from tests.cli.shell import write_data
from tests.helpers import noise_patterns, tiny_model
from tests.kills import killed, partials
from tests.runs.test_files import steps_in
from tests.runs.test_trace import recorded

SAVES = """
import sys
from robust_widgets.runs.trace import load_trace
trace, count = load_trace(sys.argv[1]), int(sys.argv[2])
for number in range(count):
    for path in sys.argv[3:]:
        trace.save(path)
"""


def test_files_of_runs_survive_kills(tmp_path: Path) -> None:
    recorded(5).save(tmp_path / "source.npz")
    endings = [".png", ".gif", ".rwtrace", ".npz", *([".mp4"] if importlib.util.find_spec("av") else [])]
    paths = [tmp_path / f"run{ending}" for ending in endings]
    program = [sys.executable, "-c", SAVES, str(tmp_path / "source.npz")]
    for _ in killed([*program, "1000000", *map(str, paths)], lambda: all(path.exists() for path in paths)):
        assert all(steps_in(path) >= 1 for path in paths)
    subprocess.run([*program, "1", *map(str, paths)], check=True)
    assert sorted(tmp_path.iterdir()) == sorted([*paths, tmp_path / "source.npz"]) and partials(tmp_path) == []


def test_measurements_survive_kills(tmp_path: Path) -> None:
    classes = ("cat", "dog", "goldfish")
    for seed, name in enumerate(("model", "judge")):
        classifier = tiny_model(seed=seed)
        classifier.card = dataclasses.replace(classifier.card, name=name, classes=classes)
        save_model(classifier, tmp_path / f"{name}.safetensors")
    write_data(tmp_path / "data" / "val", dataclasses.replace(noise_patterns(4), classes=classes))
    card, metrics = tmp_path / "card.md", tmp_path / "card.json"
    program = [sys.executable, "-m", "robust_widgets.cli", "evaluate", "card", str(tmp_path / "model.safetensors")]
    program += [str(tmp_path / "data"), "--judge", str(tmp_path / "judge.safetensors"), "--device", "cpu"]
    program += ["--steps", "2", "--seeds", "2", "--out", str(card)]
    known: dict[str, object] = {}

    def begun() -> bool:
        return card.exists() or (metrics.exists() and len(json.loads(metrics.read_text())["parts"]) > len(known))

    for _ in killed(program, begun):
        parts = json.loads(metrics.read_text())["parts"]
        assert all(parts[name] == part for name, part in known.items()) and len(parts) >= len(known)
        known = parts
        if card.exists():
            program = [*program, *(["--force"] if "--force" not in program else [])]
    subprocess.run(program, check=True, capture_output=True)
    assert card.read_text().startswith("# Model card") and partials(tmp_path) == []
    assert all(json.loads(metrics.read_text())["parts"][name] == part for name, part in known.items())
