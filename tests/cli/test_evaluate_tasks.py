"""`robust-widgets evaluate tasks`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

import robust_widgets as rw
from robust_widgets.cli.evaluate.tasks import generation_verdict
from robust_widgets.evaluation.evaluator import Evaluator, TaskResult
from robust_widgets.evaluation.report import result_summary
from robust_widgets.models.model_file import save_model
from robust_widgets.runs.trace import Trace
from robust_widgets.synthesis.problem import Problem
from tests.cli.shell import call, refusal, write_data
from tests.helpers import noise_patterns, tiny_model

NAMES = ("cat", "dog", "goldfish")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, a judge of it, one of other classes, and pictures; runs make one step each."""
    for seed, name in enumerate(("model", "judge", "other")):
        classifier = tiny_model(seed=seed)
        classes = NAMES if name != "other" else ("a", "b", "c")
        classifier.card = dataclasses.replace(classifier.card, name=name, classes=classes)
        save_model(classifier, tmp_path / f"{name}.safetensors")
    write_data(tmp_path / "data" / "val", dataclasses.replace(noise_patterns(3), classes=NAMES))
    whole = Evaluator.paint

    def short(evaluator: Evaluator, build: Callable[[Tensor], Problem], count: int, title: str) -> Trace:
        return whole(evaluator, lambda part: dataclasses.replace(build(part), steps=1), count, title)

    monkeypatch.setattr(Evaluator, "paint", short)
    monkeypatch.chdir(tmp_path)
    return tmp_path


MEASURE = ("evaluate", "tasks", "model.safetensors", "data", "--judge", "judge.safetensors", "--device", "cpu")


def test_a_report_is_printed_and_written(folder: Path) -> None:
    result = call(*MEASURE, "--out", "report.md")
    assert "super_resolve, factor 8: 3 pictures" in result.stdout
    assert "paint_features was skipped" in result.stdout
    assert "generate:" in result.stderr  # the progress bars
    text = (folder / "report.md").read_text()
    command = "robust-widgets evaluate tasks model.safetensors data --judge judge.safetensors --out report.md"
    assert f"    {command}\n" in text
    for name in ("model", "judge"):
        assert f"`{name}`" in text and rw.load_model(folder / f"{name}.safetensors").fingerprint in text
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    assert sum(line.startswith("| inpaint | hard mask | 3 |") for line in tables) == 1
    assert "| inpaint | hard mask | largest change outside, of 255 | 0 |" in tables
    assert all(f"| {name} | 4 |" in text for name in NAMES)
    assert "3 of the 9 validation pictures of data" in text
    assert str(folder) not in text


def test_a_limit_sets_the_number_of_pictures(folder: Path) -> None:
    result = call(*MEASURE, "--limit", 5, "--batch-size", 2, "--out", "report.md")
    assert "translate, to another class: 5 pictures" in result.stdout
    assert "--limit 5 --out report.md" in (folder / "report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--judge", "missing.safetensors"], "missing.safetensors"),
        (["--judge", "other.safetensors"], "other classes"),
        (["--judge", "model.safetensors"], "itself"),
        (["--judge", "judge.safetensors", "--out", "report.txt"], "'.md'"),
    ],
)
def test_bad_options_are_answered_in_one_sentence(arguments: list[str], words: str, folder: Path) -> None:
    assert words in refusal("evaluate", "tasks", "model.safetensors", "data", *arguments)
    assert not list(folder.glob("report*"))


@pytest.mark.parametrize("arguments", [[], ["--judge", "judge.safetensors", "--epsilon", "1"]])
def test_a_judge_is_required_and_there_is_no_attack(arguments: list[str], folder: Path) -> None:
    call("evaluate", "tasks", "model.safetensors", "data", *arguments, code=2)
    assert not list(folder.glob("report*"))


@pytest.mark.parametrize(("right", "words"), [(89, "89.0%. The target of 90% is missed."), (90, "is reached.")])
def test_whether_the_target_is_reached(right: int, words: str) -> None:
    marks = torch.arange(100) < right
    result = TaskResult("generate", "4 seeds a class", torch.zeros(100), marks, marks, marks, True)
    assert generation_verdict([result]).endswith(words)


def test_a_result_beyond_epsilon_stands_out() -> None:
    marks = torch.ones(1, dtype=torch.bool)
    result = TaskResult("generate", "", torch.zeros(1), marks, marks, marks, within=False)
    assert "NOT within epsilon" in result_summary(result)
