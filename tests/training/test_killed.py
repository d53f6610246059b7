"""A run that is killed at any moment resumes as if it had not been."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from robust_widgets.models.registry import load_model
from tests.cli.shell import call, refusal, write_data
from tests.helpers import noise_patterns
from tests.kills import KILLS, partials

OPTIONS = ("--arch", "blurresnet-tiny", "--size", "16", "--epochs", "4", "--batch-size", "8", "--device", "cpu")
EPOCHS = 4 + KILLS  # each start makes at most a few steps of one


def start(data: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "robust_widgets.cli", "train", str(data), "--out", str(out), *OPTIONS, *options]
    command += ["--checkpoint-every", "1"]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[str], code: int = 0) -> str:
    _, errors = process.communicate(timeout=300)
    assert process.returncode == code, errors
    return errors


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_data(folder, noise_patterns(12))
    return folder


@pytest.fixture(scope="module")
def uninterrupted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "model.safetensors"
    call("train", data, "--out", out, *OPTIONS, "--epochs", EPOCHS)
    return out


def checkpoint_appears(path: Path, process: subprocess.Popen[str], changes: int) -> None:
    """Wait until the checkpoint has been replaced this often."""
    seen: set[int] = set()
    while len(seen) < changes and process.poll() is None:
        if path.exists():
            seen.add(path.stat().st_mtime_ns)
        time.sleep(0.001)


def test_killed_often_and_resumed(data: Path, uninterrupted: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.safetensors"
    checkpoint = out.with_suffix(".checkpoint.pt")
    options: tuple[str, ...] = ("--epochs", str(EPOCHS))
    for kill in range(KILLS):
        process = start(data, out, *options)
        checkpoint_appears(checkpoint, process, 2 + kill % 2)
        process.kill()
        finish(process, 1 if sys.platform == "win32" else -signal.SIGKILL)
        assert checkpoint.exists() and not out.exists()
        torch.load(checkpoint, weights_only=True)
        options = ("--epochs", str(EPOCHS), "--resume")
    finish(start(data, out, *options))
    assert partials(tmp_path) == []
    rows = [json.loads(line)["epoch"] for line in out.with_suffix(".log.jsonl").read_text().splitlines()]
    assert rows == list(range(1, EPOCHS + 1))
    wanted, found = load_model(uninterrupted, device="cpu"), load_model(out, device="cpu")
    for name, value in wanted.state_dict().items():
        assert torch.equal(found.state_dict()[name], value), name
    assert not checkpoint.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_terminated_run_saves_its_last_step(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.safetensors"
    process = start(data, out)
    checkpoint = out.with_suffix(".checkpoint.pt")
    checkpoint_appears(checkpoint, process, 2)
    process.send_signal(signal.SIGTERM)
    assert "--resume" in finish(process, 130)
    assert torch.load(checkpoint, weights_only=True)["step"] >= 2
    assert "--resume" in refusal("train", data, "--out", out, *OPTIONS), "and a new run does not overwrite it"
    assert torch.load(checkpoint, weights_only=True)["step"] >= 2
