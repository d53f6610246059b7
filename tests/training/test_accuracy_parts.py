"""Accuracies measured in parts: joined, they are those of one process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from robust_widgets.errors import DataError
from robust_widgets.interface.shards import Shard
from robust_widgets.training.accuracy import AttackResult, run_attack
from robust_widgets.training.accuracy_parts import merge_parts, write_part
from tests.cli.shell import call, refusal
from tests.cli.test_evaluate_accuracy import data, model, patterns, rows  # noqa: F401 - fixtures
from tests.helpers import raises_sentence, tiny_model

MODEL = tiny_model()
PICTURES = patterns(5)


def measured(shard: Shard | None = None, batch_size: int = 4) -> AttackResult:
    return run_attack(MODEL, PICTURES, epsilon=0.3, steps=2, batch_size=batch_size, progress=False, shard=shard)


def parts(folder: Path, count: int, batch_size: int = 4) -> list[Path]:
    shards = [Shard(number, count) for number in range(1, count + 1)]
    return [write_part(folder, shard, MODEL, "noise", batch_size, [measured(shard, batch_size)]) for shard in shards]


@pytest.mark.parametrize("count", [1, 2, 3, 7], ids=lambda count: f"{count} parts of 4 batches")
def test_joined_parts_are_what_one_process_measures(tmp_path: Path, count: int) -> None:
    parts(tmp_path, count)
    ((result,), classes) = merge_parts(tmp_path)
    whole = measured()
    assert classes == MODEL.classes and result.attack == whole.attack
    for name in ("labels", "clean", "robust"):
        assert torch.equal(getattr(result, name), getattr(whole, name)), name


def test_a_part_that_is_missing_is_named(tmp_path: Path) -> None:
    files = parts(tmp_path, 3)
    files[1].unlink()
    with raises_sentence(DataError, "Of 3 parts, 2 is missing"):
        merge_parts(tmp_path)


def test_parts_of_other_work_are_not_joined(tmp_path: Path) -> None:
    parts(tmp_path, 2)
    write_part(tmp_path, Shard(2, 2), MODEL, "noise", 3, [measured(Shard(2, 2), 3)])
    with raises_sentence(DataError, "different work"):
        merge_parts(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", '{"format": "robust-widgets accuracy 1"}', "[" * 9999])
def test_a_damaged_part_is_refused(tmp_path: Path, text: str) -> None:
    parts(tmp_path, 1)[0].write_text(text)
    with raises_sentence(DataError, "accuracy-1-of-1.json"):
        merge_parts(tmp_path)


def test_columns_of_different_lengths_are_refused(tmp_path: Path) -> None:
    (file,) = parts(tmp_path, 1)
    values = json.loads(file.read_text())
    values["attacks"][0]["clean"].pop()
    file.write_text(json.dumps(values))
    with raises_sentence(DataError, "different lengths"):
        merge_parts(tmp_path)


def test_the_commands(tmp_path: Path, model: Path, data: Path) -> None:  # noqa: F811
    options = ["--steps", 2, "--device", "cpu", "--epsilon", 0.25, "--epsilon", 0.5, "--batch-size", 5]
    whole = call("evaluate", "accuracy", model, data, *options)
    for number in (2, 1):
        call("evaluate", "accuracy", model, data, *options, "--shard", f"{number}/2", "--out", tmp_path / "parts")
    joined = call("evaluate", "merge", tmp_path / "parts")
    assert rows(joined.stdout) == rows(whole.stdout)
    assert "--out" in refusal("evaluate", "accuracy", model, data, "--shard", "1/2")
    assert "--shard" in refusal("evaluate", "accuracy", model, data, "--shard", "1/2", "--out", "x", "--write")
    assert "no results" in refusal("evaluate", "merge", tmp_path)
