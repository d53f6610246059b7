"""A run that is killed at any moment, without a chance to say anything, goes on as if it had not been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from robust_widgets.models.registry import load_model
from tests.cli.shell import write_data
from tests.helpers import noise_patterns

OPTIONS = ("--arch", "blurresnet-tiny", "--side", "16", "--epochs", "4", "--batch-size", "8", "--device", "cpu")


def start(data: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "robust_widgets.cli", "train", str(data), "--out", str(out), *OPTIONS, *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, "--checkpoint-every", "1"],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


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
    finish(start(data, out))
    return out


def checkpoint_appears(path: Path, process: subprocess.Popen[str], changes: int) -> None:
    """Wait until the checkpoint has been replaced so many times."""
    seen: set[int] = set()
    while len(seen) < changes and process.poll() is None:
        if path.exists():
            seen.add(path.stat().st_mtime_ns)
        time.sleep(0.001)


@pytest.mark.parametrize("kills", [(1,), (2, 5)])
def test_killed_and_resumed(kills: tuple[int, ...], data: Path, uninterrupted: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.safetensors"
    checkpoint = out.with_suffix(".checkpoint.pt")
    resume: tuple[str, ...] = ()
    for changes in kills:
        process = start(data, out, *resume)
        checkpoint_appears(checkpoint, process, changes)
        process.kill()
        finish(process, -signal.SIGKILL)
        assert checkpoint.exists() and not out.exists()
        resume = ("--resume",)
    finish(start(data, out, *resume))
    wanted, found = load_model(uninterrupted, device="cpu"), load_model(out, device="cpu")
    for name, value in wanted.state_dict().items():
        assert torch.equal(found.state_dict()[name], value), name
    assert not checkpoint.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_the_step_it_reached(number: signal.Signals, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.safetensors"
    process = start(data, out)
    checkpoint_appears(out.with_suffix(".checkpoint.pt"), process, 2)
    process.send_signal(number)
    assert "--resume" in finish(process, 130)
    finish(start(data, out, "--resume"))
    assert out.exists()


def test_a_new_run_does_not_overwrite_an_unfinished_one(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.safetensors"
    checkpoint = out.with_suffix(".checkpoint.pt")
    process = start(data, out)
    checkpoint_appears(checkpoint, process, 1)
    process.kill()
    finish(process, -signal.SIGKILL)
    before = checkpoint.read_bytes()
    assert "--resume" in finish(start(data, out), 2)
    assert checkpoint.read_bytes() == before
