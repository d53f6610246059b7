"""Distributed training."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from robust_widgets.errors import TrainingError
from robust_widgets.models.registry import load_model
from robust_widgets.training.distributed import ProcessGroup, join_process_group, process_group_of
from tests.cli.shell import call, write_data
from tests.helpers import noise_patterns, raises_sentence

TORCHRUN = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}


def test_without_torchrun_there_is_a_single_process() -> None:
    assert process_group_of({}) == ProcessGroup() and process_group_of({"RANK": "0"}) == ProcessGroup()
    with join_process_group(torch.device("cpu")) as (group, device):
        assert group.world_size == 1 and group.is_first and device.type == "cpu"
    assert ProcessGroup().rows(7) is None
    value, model = torch.ones(2), nn.Linear(1, 1)
    assert ProcessGroup().mean(value) is value and ProcessGroup().wrap(model, device) is model


def test_the_rank_comes_from_torchrun() -> None:
    assert process_group_of({**TORCHRUN, "RANK": "1", "LOCAL_RANK": "1"}) == ProcessGroup(1, 2, 1)
    assert not ProcessGroup(1, 2, 1).is_first


def test_each_process_computes_its_rows() -> None:
    assert [ProcessGroup(rank, 3, rank).rows(12) for rank in range(3)] == [slice(0, 4), slice(4, 8), slice(8, 12)]
    with raises_sentence(TrainingError, "128", "3 processes", "--batch-size"):
        ProcessGroup(0, 3, 0).rows(128)


@pytest.mark.parametrize(
    "change",
    [{"RANK": "2"}, {"RANK": "-1"}, {"RANK": "first"}, {"WORLD_SIZE": "0"}, {"LOCAL_RANK": "5"}, {"WORLD_SIZE": ""}],
)
def test_inconsistent_variables_are_refused(change: dict[str, str]) -> None:
    (name, value) = next(iter(change.items()))
    with raises_sentence(TrainingError, f"{name}={value!r}", "torchrun"):
        process_group_of({**TORCHRUN, **change})


@pytest.mark.parametrize("missing", ["RANK", "LOCAL_RANK"])
def test_missing_variables_are_refused(missing: str) -> None:
    with raises_sentence(TrainingError, missing, "torchrun"):
        process_group_of({name: value for name, value in TORCHRUN.items() if name != missing})


COMMAND = ("--arch", "blurresnet-tiny", "--size", "16", "--epochs", "3", "--batch-size", "12", "--device", "cpu")
EXACT = ("--epsilon", "0", "--precision", "float32", "--learning-rate", "0.05")


def train_in_processes(count: int, data: Path, out: Path, *options: str) -> None:
    """Run the command in this many processes as torchrun does; a single one is this process."""
    if count == 1:
        call("train", data, "--out", out, *COMMAND, *options)
        return
    for rank, (code, output, errors) in enumerate(in_processes([data] * count, out, *options)):
        assert code == 0, errors
        assert bool(output.strip()) == (rank == 0), "only the first process prints"


def in_processes(folders: list[Path], out: Path, *options: str) -> list[tuple[int, str, str]]:
    """Exit code, output and errors of a process for each folder of data."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running: list[subprocess.Popen[str]] = []
    for rank, data in enumerate(folders):
        command = [sys.executable, "-m", "robust_widgets.cli", "train", str(data), "--out", str(out)]
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": len(folders), "MASTER_ADDR": "127.0.0.1"}
        variables = {name: str(value) for name, value in (place | {"MASTER_PORT": port}).items()}
        environment = {**os.environ, **variables, "OMP_NUM_THREADS": "1"}
        running.append(
            subprocess.Popen(
                [*command, *COMMAND, *options],
                env=environment,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
    ended = [process.communicate(timeout=300) for process in running]
    return [(process.returncode, *texts) for process, texts in zip(running, ended, strict=True)]


@pytest.mark.parametrize("has_data", [True, False])
def test_a_process_with_no_or_other_data_stops_all_with_a_sentence(has_data: bool, tmp_path: Path) -> None:
    write_data(tmp_path / "data", noise_patterns(16))
    if has_data:
        write_data(tmp_path / "other", noise_patterns(16, seed=9))
    (code, _, errors), (other_code, _, other_errors) = in_processes(
        [tmp_path / "data", tmp_path / "other"], tmp_path / "model.safetensors", *EXACT
    )
    assert (code, other_code) == (2, 2), errors + other_errors
    said, own = ([line for line in text.splitlines() if line.endswith(".")] for text in (errors, other_errors))
    assert "Traceback" not in errors + other_errors
    assert len(said) == len(own) == 1 and not (tmp_path / "model.safetensors").exists()
    if has_data:
        assert said == own and "process 2 has" in said[0] and "the same data" in said[0]
    else:
        assert said[0] == f"Process 2 of 2 could not start: {own[0]}" and "cannot be read" in own[0]


def rows(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in out.with_suffix(".log.jsonl").read_text().splitlines()]


def test_two_processes_learn_the_same_as_one(tmp_path: Path) -> None:
    write_data(tmp_path / "data", noise_patterns(16))
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    train_in_processes(1, tmp_path / "data", one, *EXACT)
    train_in_processes(2, tmp_path / "data", two, *EXACT)
    assert [row["loss"] for row in rows(two)] == pytest.approx([row["loss"] for row in rows(one)], rel=1e-3)
    weights = load_model(two, device="cpu").network.state_dict()
    for name, value in load_model(one, device="cpu").network.state_dict().items():
        torch.testing.assert_close(weights[name].float(), value.float(), rtol=1e-2, atol=1e-3)


def test_two_processes_train_adversarially_in_bfloat16(tmp_path: Path) -> None:
    write_data(tmp_path / "data", noise_patterns(16))
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    attacked = ("--epsilon", "0.5", "--learning-rate", "0.05", "--precision", "bfloat16")
    train_in_processes(1, tmp_path / "data", one, *attacked)
    train_in_processes(2, tmp_path / "data", two, *attacked)
    # Each process draws random starts of its own, so the curves agree only approximately.
    assert [row["loss"] for row in rows(two)] == pytest.approx([row["loss"] for row in rows(one)], rel=0.03)
